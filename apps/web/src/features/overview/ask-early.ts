import { projectQuery } from '@/lib/project.ts'
import { queryClient } from '@/lib/queries.ts'
import { membershipsQuery, whoamiQuery } from '@/lib/session.ts'
import { overviewQuery } from './useOverview.ts'
import { recentRunsQuery } from './useRecentRuns.ts'

const overviewAddress = /^\/([^/]+)\/([^/]+)\/?$/

/** Asks for what the page of an address shows, while its words and its parts are still on their way. */
export async function askEarly(pathname: string): Promise<void> {
  void queryClient.prefetchQuery(whoamiQuery)
  void queryClient.prefetchQuery(membershipsQuery)
  const [, organization, project] = overviewAddress.exec(pathname) ?? []
  if (!organization || !project || organization === '-') return
  const found = await queryClient.fetchQuery(projectQuery({ organization, project })).catch(() => null)
  if (!found) return
  void queryClient.prefetchQuery(overviewQuery(found.id))
  void queryClient.prefetchQuery(recentRunsQuery(found.id))
}

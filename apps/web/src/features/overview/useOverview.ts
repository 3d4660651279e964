import { useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose } from 'vue'
import { api } from '@/lib/api.ts'
import { useEvents } from '@/lib/live.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf, queryClient } from '@/lib/queries.ts'

export type Overview = Awaited<ReturnType<typeof api.deployments.overview.query>>
export type EnvironmentOverview = Overview['environments'][number]

const settleMs = 200

export const overviewQuery = (projectId: string) => ({
  queryKey: keyOf('deployments', projectId, 'overview'),
  queryFn: () => api.deployments.overview.query({ projectId }),
})

/** The way from commit to production, as it is. */
export function useOverview() {
  const project = useProject()
  const query = useQuery(computed(() => overviewQuery(project.value.id)))

  // Its key follows deployments; what comes before them is part of the way too.
  let timer: ReturnType<typeof setTimeout> | undefined
  useEvents(({ projectId, type }) => {
    if (projectId !== project.value.id || !/^(push|run|pipeline|release|repository)\./.test(type)) return
    timer ??= setTimeout(() => {
      timer = undefined
      void queryClient.invalidateQueries({ queryKey: overviewQuery(project.value.id).queryKey })
    }, settleMs)
  })
  onScopeDispose(() => clearTimeout(timer))

  return { overview: query.data, error: query.error, again: () => void query.refetch() }
}

import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

type Overview = Awaited<ReturnType<typeof api.deployments.overview.query>>
export type EnvironmentOverview = Overview['environments'][number]

/** What serves where, what is on its way there, and where one can go back to. */
export function useOverview() {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('deployments', project.value.id, 'overview')),
    queryFn: () => api.deployments.overview.query({ projectId: project.value.id }),
  })
  return { overview: query.data, error: query.error, again: () => void query.refetch() }
}

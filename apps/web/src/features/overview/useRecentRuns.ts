import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

export const mostRecent = 6

export const recentRunsQuery = (projectId: string) => ({
  queryKey: keyOf('runs', projectId, 'recent', { limit: mostRecent }),
  queryFn: async () => (await api.runs.list.query({ projectId, limit: mostRecent })).rows,
})

export function useRecentRuns() {
  const project = useProject()
  return useQuery(computed(() => recentRunsQuery(project.value.id)))
}

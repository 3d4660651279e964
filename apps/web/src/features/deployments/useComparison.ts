import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

export type Comparison = Awaited<ReturnType<typeof api.deployments.compare.query>>

const most = 100

/** Two deployments side by side, and those that could stand there instead. */
export function useComparison(pair: MaybeRefOrGetter<{ a: number; b: number }>) {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('deployments', project.value.id, 'compare', toValue(pair))),
    queryFn: () => api.deployments.compare.query({ projectId: project.value.id, ...toValue(pair) }),
    placeholderData: (before) => before,
  })
  const choices = useQuery({
    queryKey: computed(() => keyOf('deployments', project.value.id, 'choices', { limit: most })),
    queryFn: async () => (await api.deployments.list.query({ projectId: project.value.id, limit: most })).rows,
  })
  return {
    comparison: query.data,
    error: query.error,
    again: () => void query.refetch(),
    choices: choices.data,
  }
}

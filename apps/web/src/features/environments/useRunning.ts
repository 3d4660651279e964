import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

export type Running = Awaited<ReturnType<typeof api.deployments.view.query>>

/** What instances use is no event: it is looked at so often. */
const everyMs = 15_000

/** One deployment with its instances and evidence; null asks nothing. */
export function useRunning(number: MaybeRefOrGetter<number | null>) {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('deployments', project.value.id, 'view', { deployment: toValue(number) })),
    queryFn: () => api.deployments.view.query({ projectId: project.value.id, deployment: toValue(number)! }),
    enabled: computed(() => toValue(number) !== null),
    refetchInterval: everyMs,
    placeholderData: (before) => before,
  })
  return { running: query.data, error: query.error, again: () => void query.refetch() }
}

import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

export type Traffic = Awaited<ReturnType<typeof api.environments.traffic.query>>

/** The agent tells what was counted about so often; it is no event. */
const everyMs = 10_000

/** What the edge counted for an environment in the last minutes. */
export function useTraffic(asked: {
  environment: MaybeRefOrGetter<string>
  minutes: MaybeRefOrGetter<number>
  hostname: MaybeRefOrGetter<string | undefined>
}) {
  const project = useProject()
  const input = computed(() => ({
    environment: toValue(asked.environment),
    minutes: toValue(asked.minutes),
    hostname: toValue(asked.hostname),
  }))
  const query = useQuery({
    queryKey: computed(() => keyOf('environments', project.value.id, 'traffic', input.value)),
    queryFn: () => api.environments.traffic.query({ projectId: project.value.id, ...input.value }),
    refetchInterval: everyMs,
    // Another range of the same environment: what was there stays until it has come.
    placeholderData: (before) => before,
  })
  return { traffic: query.data, error: query.error, again: () => void query.refetch() }
}

/** Answers that a visitor saw as a failure of the server. */
export const serverErrors = ({ statuses }: { statuses: number[] }): number => statuses[4] ?? 0

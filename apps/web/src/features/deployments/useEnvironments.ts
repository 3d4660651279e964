import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

/** The environments of the project in the order of promotion, with what serves in each. */
export function useEnvironments(enabled: MaybeRefOrGetter<boolean> = true) {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('environments', project.value.id, 'status')),
    queryFn: () => api.deployments.environments.query({ projectId: project.value.id }),
    enabled: computed(() => toValue(enabled)),
  })
  return { environments: query.data, error: query.error, again: () => void query.refetch() }
}

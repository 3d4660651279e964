import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

/** An environment with its own settings, and what holds where it has none. */
export function useEnvironment(name: MaybeRefOrGetter<string>) {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('environments', project.value.id, 'view', { environment: toValue(name) })),
    queryFn: () => api.environments.view.query({ projectId: project.value.id, environment: toValue(name) }),
  })
  return { environment: query.data, error: query.error, again: () => void query.refetch() }
}

/** Names of the branches of the project's repository, for suggestions. */
export function useBranches(enabled: MaybeRefOrGetter<boolean> = true) {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('repositories', project.value.id, 'view')),
    queryFn: () => api.repositories.view.query({ projectId: project.value.id }),
    enabled: computed(() => toValue(enabled)),
  })
  return {
    branches: computed(() => query.data.value?.branches.map(({ name }) => name) ?? []),
    defaultBranch: computed(() => query.data.value?.defaultBranch ?? null),
  }
}

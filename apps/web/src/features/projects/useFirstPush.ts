import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'

/** A project before its first push, and what that push has become so far. Events keep it alive. */
export function useFirstPush(address: MaybeRefOrGetter<{ organization: string; project: string }>) {
  const project = useQuery({
    queryKey: computed(() => keyOf('projects', 'me', 'find', toValue(address))),
    queryFn: () => api.projects.find.query(toValue(address)),
  })
  const id = computed(() => project.data.value?.id ?? null)
  const isKnown = computed(() => id.value !== null)
  const repository = useQuery({
    queryKey: computed(() => keyOf('repositories', id.value ?? 'none', 'view')),
    queryFn: () => api.repositories.view.query({ projectId: id.value! }),
    enabled: isKnown,
  })
  const run = useQuery({
    queryKey: computed(() => keyOf('runs', id.value ?? 'none', 'first')),
    queryFn: async () => (await api.runs.list.query({ projectId: id.value!, limit: 1 })).rows[0] ?? null,
    enabled: isKnown,
  })
  const environments = useQuery({
    queryKey: computed(() => keyOf('environments', id.value ?? 'none', 'status')),
    queryFn: () => api.deployments.environments.query({ projectId: id.value! }),
    enabled: isKnown,
  })
  const first = computed(() => environments.data.value?.find(({ follows }) => follows !== null) ?? null)
  return {
    project: project.data,
    error: computed(() => project.error.value ?? repository.error.value),
    again: () => void Promise.all([project.refetch(), repository.refetch()]),
    /** Null: it holds no commit yet, so that code is pushed into it and not cloned out of it. */
    branch: computed(() => (repository.data.value ? repository.data.value.defaultBranch : undefined)),
    run: run.data,
    environment: first,
  }
}

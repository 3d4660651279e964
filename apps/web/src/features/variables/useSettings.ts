import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { usePlan } from '@/features/deployments/usePlan.ts'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { removedOf, rowsOf } from './rows.ts'
import type { SettingKind } from './rules.ts'

/**
 * Variables and secrets of an environment, or of the whole project for null. `serving` is the release that runs there:
 * with it, what runs is compared with what the next deployment of it would get.
 */
export function useSettings(environment: MaybeRefOrGetter<string | null>, serving: MaybeRefOrGetter<number | null>) {
  const project = useProject()
  const input = computed(() => ({ environment: toValue(environment) ?? undefined }))
  const variables = useQuery({
    queryKey: computed(() => keyOf('variables', project.value.id, 'list', input.value)),
    queryFn: () => api.variables.list.query({ projectId: project.value.id, ...input.value }),
    placeholderData: (before) => before,
  })
  const secrets = useQuery({
    queryKey: computed(() => keyOf('secrets', project.value.id, 'list', input.value)),
    queryFn: () => api.secrets.list.query({ projectId: project.value.id, ...input.value }),
    placeholderData: (before) => before,
  })
  const { plan } = usePlan(() => {
    const [name, release] = [toValue(environment), toValue(serving)]
    return name !== null && release !== null ? { kind: 'deploy', environment: name, release } : null
  })
  const changes = computed(() => plan.value?.changes ?? [])
  return {
    rows: computed(() =>
      variables.data.value && secrets.data.value
        ? rowsOf(toValue(environment), { variables: variables.data.value, secrets: secrets.data.value }, changes.value)
        : undefined,
    ),
    removed: computed(() => removedOf(changes.value)),
    error: computed(() => variables.error.value ?? secrets.error.value),
    again: () => {
      void variables.refetch()
      void secrets.refetch()
    },
  }
}

interface At {
  kind: SettingKind
  environment: string | null
  name: string
}

const callsOf = (kind: SettingKind) => (kind === 'secret' ? api.secrets : api.variables)
const changes = ['variables', 'secrets', 'deployments'] as const

export function useSetSetting(done: () => void) {
  const project = useProject()
  return useAction(
    ({ kind, environment, ...given }: At & { value: string }) =>
      callsOf(kind).set.mutate({ projectId: project.value.id, environment: environment ?? undefined, ...given }),
    { changes: [...changes], done },
  )
}

export function useDeleteSetting(done: () => void) {
  const project = useProject()
  return useAction(
    ({ kind, environment, name }: At) =>
      callsOf(kind).delete.mutate({ projectId: project.value.id, environment: environment ?? undefined, name }),
    { changes: [...changes], done },
  )
}

import type { DeploymentView } from '@juanie/services/deployments/contract'
import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

/** Probes are no events: as long as a deployment is under way they are looked for this often. */
const lookMs = 1_000

/** One deployment with its evidence, as it goes. */
export function useDeployment(number: MaybeRefOrGetter<number>) {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('deployments', project.value.id, 'view', toValue(number))),
    queryFn: () => api.deployments.view.query({ projectId: project.value.id, deployment: toValue(number) }),
    refetchInterval: ({ state }) => ((state.data as DeploymentView | undefined)?.final === false ? lookMs : false),
  })
  return { deployment: query.data, error: query.error, again: () => void query.refetch() }
}

export function useCancel(done: () => void) {
  const project = useProject()
  return useAction(
    (number: number) => api.deployments.cancel.mutate({ projectId: project.value.id, deployment: number }),
    { changes: ['deployments', 'environments'], done },
  )
}

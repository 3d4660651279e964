import { type DeploymentOutcome, deploymentOutcomes } from '@juanie/services/deployments/contract'
import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { api } from '@/lib/api.ts'
import { useHeldRows } from '@/lib/held-rows.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

const perPage = 30
export const outcomes = Object.keys(deploymentOutcomes) as DeploymentOutcome[]

/** The deployments of the project, narrowed by what the address says. */
export function useDeployments() {
  const project = useProject()
  const route = useRoute()
  const router = useRouter()

  const filter = computed(() => ({
    environment: typeof route.query.environment === 'string' ? route.query.environment : undefined,
    outcome: outcomes.find((outcome) => outcome === route.query.outcome),
  }))
  const narrow = (change: { environment?: string; outcome?: string }) => {
    const query = { ...route.query, ...change }
    void router.replace({ query: Object.fromEntries(Object.entries(query).filter(([, value]) => value)) })
  }
  const key = () => keyOf('deployments', project.value.id, 'list', filter.value)
  const { rows, ...list } = useRows(key, (after: number | undefined) =>
    api.deployments.list.query({ projectId: project.value.id, ...filter.value, after, limit: perPage }),
  )
  return { ...list, ...useHeldRows(rows, { key, placeOf: ({ number }) => number }), filter, narrow }
}

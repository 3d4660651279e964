import type { Transaction } from '@juanie/core/database'
import { recordAll } from '@juanie/core/events'
import { systemScope } from '@juanie/core/scope'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Health } from '../environments/contract.ts'
import { environments } from '../environments/tables.ts'
import { projects } from '../projects/tables.ts'
import { routes } from '../routes/tables.ts'
import { activeStatuses, type DeploymentStatus } from './contract.ts'
import { deployments, instances } from './tables.ts'

export interface EnvironmentFacts {
  /** Instances that should run, with the status of the deployment they belong to. */
  instances: { deploymentId: string; status: DeploymentStatus; state: string; restarts: number }[]
  isUnderWay: boolean
  routes: {
    servingDeploymentId: string | null
    observedGeneration: number | null
    observedServingId: string | null
  }[]
}

/** Whether what serves is well. What is still being rolled out beside it does not count. */
export function healthOf({ instances: all, isUnderWay }: EnvironmentFacts): Health {
  const soaking = all.filter(({ status }) => status === 'soaking')
  const serving = soaking.length > 0 ? soaking : all.filter(({ status }) => status === 'succeeded')
  if (serving.length === 0) return isUnderWay ? 'progressing' : 'missing'
  const isSick = ({ state, restarts }: (typeof all)[number]) =>
    ['failed', 'backing_off', 'unhealthy', 'stopped'].includes(state) || (isComing(state) && restarts > 0)
  if (serving.some(isSick)) return 'degraded'
  return serving.some(({ state }) => isComing(state)) ? 'progressing' : 'healthy'
}

const isComing = (state: string): boolean => ['waiting', 'fetching', 'starting'].includes(state)

/** Whether the edge serves what it was asked to. */
export function syncOf({ routes: all }: EnvironmentFacts): 'synced' | 'out_of_sync' | 'unknown' {
  if (all.length === 0 || all.some(({ observedGeneration }) => observedGeneration === null)) return 'unknown'
  const isServing = (route: (typeof all)[number]) => route.observedServingId === route.servingDeploymentId
  return all.every(isServing) ? 'synced' : 'out_of_sync'
}

/** Writes the health and sync of these environments where they changed, and records the change. */
export async function updateHealth(tx: Transaction, environmentIds: string[]): Promise<void> {
  if (environmentIds.length === 0) return
  const rows = await tx
    .select({
      id: environments.id,
      name: environments.name,
      health: environments.health,
      sync: environments.sync,
      projectId: environments.projectId,
      organizationId: projects.organizationId,
      instances: sql<EnvironmentFacts['instances']>`coalesce((
        select json_agg(json_build_object('deploymentId', i.deployment_id, 'status', d.status, 'state', i.state, 'restarts', i.restarts))
          from ${instances} i join ${deployments} d on d.id = i.deployment_id
         where i.environment_id = environments.id and i.want = 'running' and i.kind = 'instance'), '[]')`,
      isUnderWay: sql<boolean>`exists (
        select 1 from ${deployments} d
         where d.environment_id = environments.id and d.status in (${sql.raw(activeStatuses.map((one) => `'${one}'`).join(', '))}))`,
      routes: sql<EnvironmentFacts['routes']>`coalesce((
        select json_agg(json_build_object('servingDeploymentId', r.serving_deployment_id,
                 'observedGeneration', r.observed_generation, 'observedServingId', r.observed_serving_id))
          from ${routes} r where r.environment_id = environments.id), '[]')`,
    })
    .from(environments)
    .innerJoin(projects, eq(projects.id, environments.projectId))
    .where(inArray(environments.id, environmentIds))
  for (const row of rows) {
    const health = healthOf(row)
    const sync = syncOf(row)
    if (health === row.health && sync === row.sync) continue
    await tx
      .update(environments)
      .set({ health, sync, ...(health !== row.health && { updatedAt: sql`now()` }) })
      .where(and(eq(environments.id, row.id)))
    if (health === row.health) continue
    await recordAll(tx, systemScope(row.organizationId, row.projectId), [
      { type: 'environment.health_changed', subjectId: row.id, data: { name: row.name, from: row.health, to: health } },
    ])
  }
}

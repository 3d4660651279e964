import type { Queryable, Transaction } from '@juanie/core/database'
import { and, desc, eq, sql } from 'drizzle-orm'
import { awayMs } from '../hosts/index.ts'
import { agents, hosts } from '../hosts/tables.ts'
import { activeStatuses, type DeploymentStatus, type Snapshot, type Stages } from './contract.ts'
import type { Facts, RouteFacts } from './plan.ts'
import { deployments } from './tables.ts'
import type { Locked } from './transition.ts'
import { type InstanceFacts, placesOf } from './version.ts'

export interface Loaded {
  facts: Facts
  row: Locked & {
    projectId: string
    organizationId: string
    hostId: string
    /** What serves in the environment, for the deployment that begins now. */
    servingId: string | null
  }
  /** Who holds the right to work on it, when somebody does at this moment. */
  lease: { fence: number; owner: string } | null
}

const list = (statuses: readonly string[]) => sql.raw(statuses.map((one) => `'${one}'`).join(', '))

/** Whether the host's agent spoke within the last seconds, by the database's clock. */
export const isConnected = sql<boolean>`coalesce(${agents.lastSeenAt} > now() - ${sql.raw(`interval '${awayMs} milliseconds'`)}, false)`

/**
 * Takes the host for this transaction, before anything of it is read: what is asked of a host and what is observed on
 * it change one after the other, and every writer takes its locks in this order.
 */
export const lockHost = (tx: Transaction, hostId: string) =>
  tx.select({ id: hosts.id }).from(hosts).where(eq(hosts.id, hostId)).for('no key update')

interface Row extends Record<string, unknown> {
  id: string
  number: number
  environmentId: string
  projectId: string
  organizationId: string
  hostId: string
  status: DeploymentStatus
  stages: Stages
  reason: string | null
  snapshot: Snapshot
  cancelReason: string | null
  host: string
  isConnected: boolean
  lastSeenAt: string | null
  lease: Loaded['lease']
  ahead: Facts['ahead']
  servingId: string | null
  replacedId: string | null
  replacedNumber: number
  replacedSnapshot: Snapshot
  instances: (InstanceFacts & { deploymentId: string })[]
  routes: RouteFacts[]
  takenHostnames: string[]
}

/** Everything of a deployment in one statement: it is read between any two things that happen to it. */
const query = (ids: string[], isLocking: boolean) => sql`
  select d.id, d.number, d.environment_id as "environmentId", d.project_id as "projectId",
         p.organization_id as "organizationId", d.host_id as "hostId", d.status, d.stages, d.reason, d.snapshot,
         case when d.cancel_requested_at is not null then coalesce(d.cancel_reason, 'canceled') end as "cancelReason",
         h.name as host,
         coalesce(a.last_seen_at > now() - ${sql.raw(`interval '${awayMs} milliseconds'`)}, false) as "isConnected",
         to_char(a.last_seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "lastSeenAt",
         (select json_build_object('fence', l.fence, 'owner', l.owner) from leases l
           where l.subject_id = d.id and l.expires_at > now()) as lease,
         -- The active one of the environment, else the oldest that stood in line before.
         (select json_build_object('number', o.number, 'status', o.status) from deployments o
           where d.status in ('queued', 'waiting') and o.environment_id = d.environment_id and o.id <> d.id
             and (o.status in (${list(activeStatuses)}) or (o.status in ('queued', 'waiting') and o.number < d.number))
           order by o.status in ('queued', 'waiting'), o.number limit 1) as ahead,
         s.id as "servingId", r.id as "replacedId", r.number as "replacedNumber", r.snapshot as "replacedSnapshot",
         (select coalesce(json_agg(json_build_object(
             'id', i.id, 'deploymentId', i.deployment_id, 'service', i.service, 'index', i.index, 'kind', i.kind,
             'want', i.want, 'state', i.state, 'reason', i.reason, 'restarts', i.restarts,
             'exitCode', i.exit_code, 'exitSignal', i.exit_signal,
             'good', case when i.deployment_id = d.id and d.status in ('rolling_out', 'verifying') then
               (select count(*) from health_evidence e where e.instance_id = i.id and e.seq > coalesce(
                 (select max(b.seq) from health_evidence b where b.instance_id = i.id and not b.good), 0)) else 0 end
             ) order by i.service, i.index), '[]')
            from instances i
           where i.deployment_id = d.id or (i.deployment_id = r.id and i.want <> 'gone')) as instances,
         (select coalesce(json_agg(json_build_object(
             'id', t.id, 'hostname', t.hostname, 'isDefault', t.is_default, 'generation', t.generation,
             'servingDeploymentId', t.serving_deployment_id, 'observedGeneration', t.observed_generation,
             'observedServingId', t.observed_serving_id, 'isDrained', t.is_drained,
             'soakDeploymentId', t.soak_deployment_id, 'soakState', t.soak_state, 'soakReason', t.soak_reason
             ) order by t.is_default desc, t.id), '[]')
            from routes t where t.environment_id = d.environment_id) as routes,
         (select coalesce(json_agg(t.hostname), '[]') from routes t
           where d.status in ('queued', 'waiting', 'preparing') and t.environment_id <> d.environment_id
             and t.hostname in (select x ->> 'hostname' from jsonb_array_elements(d.snapshot -> 'application' -> 'routes') x)
         ) as "takenHostnames"
    from deployments d
    join projects p on p.id = d.project_id
    join hosts h on h.id = d.host_id
    left join agents a on a.host_id = h.id
    left join lateral (
      select v.id from deployments v
       where d.status in ('queued', 'waiting') and v.environment_id = d.environment_id and v.status = 'succeeded'
       order by v.finished_at desc, v.number desc limit 1) s on true
    left join deployments r on r.id = coalesce(d.replaces, s.id)
   where d.id = any(${sql.param(ids)}::uuid[])
   ${isLocking ? sql`for no key update of d` : sql``}`

/** Everything that decides what comes next. Null: there is no such deployment any more. */
export async function loadFacts(
  tx: Transaction,
  deploymentId: string,
  options: { now: number; bundle: Facts['bundle']; isLocking: boolean },
): Promise<Loaded | null> {
  if (options.isLocking) {
    await tx.execute(sql`
      select 1 from hosts where id = (select host_id from deployments where id = ${deploymentId}) for no key update`)
  }
  const { rows } = await tx.execute<Row>(query([deploymentId], options.isLocking))
  const [found] = rows
  return found ? loadedOf(found, options) : null
}

/** The same of several at once, to look at and not to change. */
export async function loadManyFacts(tx: Transaction, ids: string[], now: number): Promise<Loaded[]> {
  if (ids.length === 0) return []
  const { rows } = await tx.execute<Row>(query(ids, false))
  return rows.map((found) => loadedOf(found, { now, bundle: { kind: 'unknown' } }))
}

function loadedOf(found: Row, options: { now: number; bundle: Facts['bundle'] }): Loaded {
  const own: InstanceFacts[] = []
  const before: InstanceFacts[] = []
  for (const { deploymentId: of, ...one } of found.instances) (of === found.id ? own : before).push(one)
  const { id, number, environmentId, projectId, organizationId, hostId, status, stages, reason, servingId } = found
  return {
    facts: {
      now: options.now,
      deployment: {
        id,
        number,
        snapshot: found.snapshot,
        instances: own,
        status,
        stages,
        cancelReason: found.cancelReason,
      },
      ahead: found.ahead,
      agent: { host: found.host, isConnected: found.isConnected, lastSeenAt: found.lastSeenAt },
      bundle: options.bundle,
      takenHostnames: found.takenHostnames,
      replaced: found.replacedId === null ? null : replacedOf(found, before),
      routes: found.routes,
    },
    row: { id, number, environmentId, projectId, organizationId, hostId, status, stages, reason, servingId },
    lease: found.lease,
  }
}

/** A version that was taken off its host is nothing to return to. */
function replacedOf({ replacedId, replacedNumber, replacedSnapshot }: Row, own: InstanceFacts[]): Facts['replaced'] {
  const isThere = own.some((one) => one.kind === 'instance') || placesOf(replacedSnapshot).length === 0
  if (!isThere || replacedId === null) return null
  return { id: replacedId, number: replacedNumber, snapshot: replacedSnapshot, instances: own }
}

/** The deployment whose instances serve the environment: the last that succeeded, for every other one led back to it. */
export async function servingIn(tx: Queryable, environmentId: string): Promise<string | null> {
  const [row] = await tx
    .select({ id: deployments.id })
    .from(deployments)
    .where(and(eq(deployments.environmentId, environmentId), eq(deployments.status, 'succeeded')))
    .orderBy(desc(deployments.finishedAt), desc(deployments.number))
    .limit(1)
  return row?.id ?? null
}

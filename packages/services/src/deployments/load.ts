import type { Transaction } from '@juanie/core/database'
import { maybeOne, one } from '@juanie/core/database'
import { and, asc, desc, eq, inArray, ne, or, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { awayMs } from '../hosts/index.ts'
import { agents, hosts } from '../hosts/tables.ts'
import { projects } from '../projects/tables.ts'
import { routes } from '../routes/tables.ts'
import { activeStatuses, type Snapshot } from './contract.ts'
import { type Facts, type InstanceFacts, placesOf, routedHostnames } from './plan.ts'
import { deployments, healthEvidence, instances } from './tables.ts'
import type { Locked } from './transition.ts'

export interface Loaded {
  facts: Facts
  row: Locked & { projectId: string; organizationId: string; hostId: string; environmentName: string }
}

/** Whether the host's agent spoke within the last seconds, by the database's clock. */
export const isConnected = sql<boolean>`coalesce(${agents.lastSeenAt} > now() - ${sql.raw(`interval '${awayMs} milliseconds'`)}, false)`

/**
 * Takes the host for this transaction, before anything of it is read: what is asked of a host and what is observed on
 * it change one after the other, and every writer takes its locks in this order.
 */
export const lockHost = (tx: Transaction, hostId: string) =>
  tx.select({ id: hosts.id }).from(hosts).where(eq(hosts.id, hostId)).for('no key update')

/** Everything that decides what comes next. Null: there is no such deployment any more. */
export async function loadFacts(
  tx: Transaction,
  deploymentId: string,
  options: { now: number; bundle: Facts['bundle']; isLocking: boolean },
): Promise<Loaded | null> {
  if (options.isLocking) {
    const place = await maybeOne(
      tx.select({ hostId: deployments.hostId }).from(deployments).where(eq(deployments.id, deploymentId)),
    )
    if (!place) return null
    await lockHost(tx, place.hostId)
  }
  const query = tx
    .select({
      deployment: deployments,
      organizationId: projects.organizationId,
      environmentName: environments.name,
      host: hosts.name,
      isConnected,
      lastSeenAt: agents.lastSeenAt,
    })
    .from(deployments)
    .innerJoin(projects, eq(projects.id, deployments.projectId))
    .innerJoin(environments, eq(environments.id, deployments.environmentId))
    .innerJoin(hosts, eq(hosts.id, deployments.hostId))
    .leftJoin(agents, eq(agents.hostId, hosts.id))
    .where(eq(deployments.id, deploymentId))
  const found = await maybeOne(options.isLocking ? query.for('no key update', { of: deployments }) : query)
  if (!found) return null
  const { deployment: d } = found
  const facts: Facts = {
    now: options.now,
    deployment: {
      id: d.id,
      number: d.number,
      snapshot: d.snapshot,
      instances: [],
      status: d.status,
      stages: d.stages,
      cancelReason: d.cancelRequestedAt ? (d.cancelReason ?? 'canceled') : null,
    },
    ahead: null,
    agent: {
      host: found.host,
      isConnected: found.isConnected,
      lastSeenAt: found.lastSeenAt?.toISOString() ?? null,
    },
    bundle: options.bundle,
    takenHostnames: [],
    replaced: null,
    routes: [],
  }
  const row = {
    id: d.id,
    number: d.number,
    environmentId: d.environmentId,
    status: d.status,
    stages: d.stages,
    reason: d.reason,
    projectId: d.projectId,
    organizationId: found.organizationId,
    hostId: d.hostId,
    environmentName: found.environmentName,
  }
  await refresh(tx, { facts, row }, d.replaces)
  return { facts, row }
}

/** Reads again what the edits of a reconcile change. */
export async function refresh(tx: Transaction, { facts, row }: Loaded, replaces: string | null): Promise<void> {
  const { deployment } = facts
  if (deployment.status === 'queued' || deployment.status === 'waiting') {
    facts.ahead = await aheadOf(tx, row)
    return
  }
  facts.ahead = null
  const ids = replaces === null ? [deployment.id] : [deployment.id, replaces]
  const rows = await tx
    .select()
    .from(instances)
    .where(inArray(instances.deploymentId, ids))
    .orderBy(asc(instances.service), asc(instances.index))
  const good = deployment.status === 'verifying' ? await goodInRow(tx, deployment.id) : new Map<string, number>()
  const of = (id: string): InstanceFacts[] =>
    rows
      .filter((one) => one.deploymentId === id)
      .map(({ id, service, index, kind, want, state, reason, restarts, exitCode, exitSignal }) => ({
        id,
        service,
        index,
        kind,
        want,
        state,
        reason,
        restarts,
        exitCode,
        exitSignal,
        good: good.get(id) ?? 0,
      }))
  deployment.instances = of(deployment.id)
  facts.replaced = replaces === null ? null : await versionOf(tx, replaces, of(replaces))
  facts.routes = await tx
    .select()
    .from(routes)
    .where(eq(routes.environmentId, row.environmentId))
    .orderBy(desc(routes.isDefault), asc(routes.id))
  facts.takenHostnames =
    deployment.status === 'preparing' ? await taken(tx, row.environmentId, deployment.snapshot) : []
}

async function versionOf(tx: Transaction, id: string, own: InstanceFacts[]): Promise<Facts['replaced']> {
  const row = await maybeOne(
    tx
      .select({ id: deployments.id, number: deployments.number, snapshot: deployments.snapshot })
      .from(deployments)
      .where(eq(deployments.id, id)),
  )
  // A version that was taken off its host is nothing to return to.
  const isThere =
    row && (own.some((one) => one.kind === 'instance' && one.want !== 'gone') || placesOf(row.snapshot).length === 0)
  return isThere ? { ...row, instances: own } : null
}

/** The active one of the environment, else the oldest that stood in line before. */
async function aheadOf(tx: Transaction, row: Loaded['row']): Promise<Facts['ahead']> {
  const isEarlier = and(inArray(deployments.status, ['queued', 'waiting']), sql`${deployments.number} < ${row.number}`)
  const [ahead] = await tx
    .select({ number: deployments.number, status: deployments.status })
    .from(deployments)
    .where(
      and(
        eq(deployments.environmentId, row.environmentId),
        ne(deployments.id, row.id),
        or(inArray(deployments.status, [...activeStatuses]), isEarlier),
      ),
    )
    .orderBy(sql`${deployments.status} in ('queued', 'waiting')`, asc(deployments.number))
    .limit(1)
  return ahead ?? null
}

async function goodInRow(tx: Transaction, deploymentId: string): Promise<Map<string, number>> {
  const rows = await tx
    .select({ id: healthEvidence.instanceId, good: sql<number>`count(*)::int` })
    .from(healthEvidence)
    .where(
      and(
        eq(healthEvidence.deploymentId, deploymentId),
        sql`${healthEvidence.seq} > coalesce((
          select max(bad.seq) from health_evidence bad
           where bad.instance_id = ${healthEvidence.instanceId} and not bad.good), 0)`,
      ),
    )
    .groupBy(healthEvidence.instanceId)
  return new Map(rows.map(({ id, good }) => [id, good]))
}

async function taken(tx: Transaction, environmentId: string, snapshot: Snapshot): Promise<string[]> {
  const hostnames = [...routedHostnames(snapshot).keys()]
  if (hostnames.length === 0) return []
  const rows = await tx
    .select({ hostname: routes.hostname })
    .from(routes)
    .where(and(inArray(routes.hostname, hostnames), ne(routes.environmentId, environmentId)))
  return rows.map(({ hostname }) => hostname)
}

/** The deployment whose instances serve the environment: the last that succeeded, for every other one led back to it. */
export async function servingIn(tx: Transaction, environmentId: string): Promise<string | null> {
  const [row] = await tx
    .select({ id: deployments.id })
    .from(deployments)
    .where(and(eq(deployments.environmentId, environmentId), eq(deployments.status, 'succeeded')))
    .orderBy(desc(deployments.finishedAt), desc(deployments.number))
    .limit(1)
  return row?.id ?? null
}

export const deploymentRow = (tx: Transaction, id: string) =>
  one(tx.select().from(deployments).where(eq(deployments.id, id)))

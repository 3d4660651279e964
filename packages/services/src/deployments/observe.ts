import type { Database, Transaction } from '@juanie/core/database'
import { crashPoint } from '@juanie/core/points'
import { and, eq, inArray, ne, or, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import type { Observed, ObservedAnswer, ObservedInstance, ObservedRoute } from '../hosts/contract.ts'
import { agents } from '../hosts/tables.ts'
import { routes } from '../routes/tables.ts'
import { activeStatuses, type DeploymentStatus } from './contract.ts'
import { bumpRevision } from './edits.ts'
import { updateHealth } from './health.ts'
import { isFinal } from './status.ts'
import { deployments, healthEvidence, instances } from './tables.ts'
import { callForAll } from './transition.ts'

export interface ObservedChange {
  answer: ObservedAnswer
  /** Deployments under way that this was news for. */
  deployments: string[]
  isDesiredNew: boolean
}

interface Known {
  id: string
  deploymentId: string
  environmentId: string
  status: DeploymentStatus
  kind: 'instance' | 'task'
  want: 'running' | 'stopped' | 'gone'
  state: string
  reason: string | null
  port: number | null
  pid: number | null
  restarts: number
  exitCode: number | null
  exitSignal: string | null
  startedAt: Date | null
  lastProbe: number
  notHonoured: string[]
  isStandby: boolean
}

type InstanceChange = Omit<Known, 'deploymentId' | 'environmentId' | 'status' | 'kind' | 'isStandby'>

/**
 * Stores what an agent says of its whole host. An older word than the last one changes nothing, so that a repeated or
 * late call is safe; rows that say the same as before are not written.
 */
export async function storeObserved(
  db: Database,
  agent: { id: string; hostId: string },
  observed: Observed,
): Promise<ObservedChange> {
  const change = await db.transaction(async (tx) => {
    const isNews = await takeWord(tx, agent.id, observed)
    const host = await lockAndRead(tx, agent.hostId)
    const known = await knownInstances(tx, agent.hostId)
    if (!isNews) return { answer: acknowledge(known), deployments: [], isDesiredNew: false }
    const touched = new Set<string>()
    const sick = new Set<string>()
    const isCurrent = observed.revision >= host.revision
    await storeEvidence(tx, known, observed)
    const changes = instanceChanges(known, observed, isCurrent)
    await storeInstances(tx, changes)
    for (const { id, state } of changes) {
      const one = known.get(id)!
      // Probes on the way up decide nothing before the instance is healthy.
      if (state !== one.state || state === 'healthy') touched.add(one.deploymentId)
      if (state !== one.state && counts(one)) sick.add(one.environmentId)
      if (one.isStandby || isFinal(one.status))
        for (const each of await openIn(tx, one.environmentId)) touched.add(each)
    }
    for (const environmentId of await storeRoutes(tx, agent.hostId, observed.routes)) {
      sick.add(environmentId)
      for (const id of await openIn(tx, environmentId)) touched.add(id)
    }
    for (const { deploymentId, status } of known.values()) if (isFinal(status)) touched.delete(deploymentId)
    for (const id of host.doubted) sick.add(id)
    await updateHealth(tx, [...sick])
    const isDesiredNew = changes.some(({ want }) => want === 'gone')
    if (isDesiredNew) await bumpRevision(tx, agent.hostId)
    await callForAll(tx, [...touched])
    crashPoint('observed.before.store')
    return { answer: acknowledge(known), deployments: [...touched], isDesiredNew }
  })
  crashPoint('observed.after.store')
  return change
}

/** Only what serves makes the health of an environment. */
const counts = ({ status }: Known): boolean => status === 'succeeded' || status === 'soaking'

/** False: this agent process has said something newer already. */
async function takeWord(tx: Transaction, agentId: string, { incarnation, seq, edge }: Observed): Promise<boolean> {
  const taken = await tx
    .update(agents)
    .set({ observedIncarnation: incarnation, observedSeq: seq, edge, lastSeenAt: sql`now()` })
    .where(
      and(
        eq(agents.id, agentId),
        or(sql`${agents.observedIncarnation} is distinct from ${incarnation}`, sql`${agents.observedSeq} < ${seq}`),
      ),
    )
    .returning({ id: agents.id })
  return taken.length > 0
}

/** With the environments that were given up on while the agent was silent: its word ends that. */
async function lockAndRead(tx: Transaction, hostId: string): Promise<{ revision: number; doubted: string[] }> {
  const { rows } = await tx.execute<{ revision: string; doubted: string[] | null }>(sql`
    select revision, (select array_agg(e.id) from environments e where e.host_id = h.id and e.health = 'unknown') as doubted
      from hosts h where id = ${hostId} for no key update`)
  return { revision: Number(rows[0]?.revision ?? 0), doubted: rows[0]?.doubted ?? [] }
}

async function knownInstances(tx: Transaction, hostId: string): Promise<Map<string, Known>> {
  const rows = await tx
    .select({
      id: instances.id,
      deploymentId: instances.deploymentId,
      environmentId: instances.environmentId,
      status: deployments.status,
      kind: instances.kind,
      want: instances.want,
      state: instances.state,
      reason: instances.reason,
      port: instances.port,
      pid: instances.pid,
      restarts: instances.restarts,
      exitCode: instances.exitCode,
      exitSignal: instances.exitSignal,
      startedAt: instances.startedAt,
      lastProbe: instances.lastProbe,
      notHonoured: instances.notHonoured,
      // What a deployment under way may have to return to stays on its host, stopped as it is.
      isStandby: sql<boolean>`exists (
        select 1 from deployments a where a.replaces = ${instances.deploymentId}
           and a.status in (${sql.raw(activeStatuses.map((one) => `'${one}'`).join(', '))}))`,
    })
    .from(instances)
    .innerJoin(deployments, eq(deployments.id, instances.deploymentId))
    .where(and(eq(instances.hostId, hostId), ne(instances.want, 'gone')))
  return new Map(rows.map((row) => [row.id, row as Known]))
}

const acknowledge = (known: Map<string, Known>): ObservedAnswer => ({
  probes: Object.fromEntries(
    [...known.values()].filter(({ lastProbe }) => lastProbe > 0).map((one) => [one.id, one.lastProbe]),
  ),
})

/** Probes are numbered within their instance, so one that comes again is the same row. */
async function storeEvidence(tx: Transaction, known: Map<string, Known>, { instances: all }: Observed): Promise<void> {
  const rows = all.flatMap(({ id, probes }) => {
    const one = known.get(id)
    if (!one) return []
    return probes
      .filter(({ seq }) => seq > one.lastProbe)
      .map((probe) => ({
        deploymentId: one.deploymentId,
        instanceId: id,
        seq: probe.seq,
        at: new Date(probe.at),
        good: probe.good,
        status: probe.status,
        latencyMs: probe.latencyMs,
        // PostgreSQL keeps no NUL in a text.
        body: probe.body.replaceAll('\0', '\uFFFD'),
        stage: one.status,
      }))
  })
  for (let from = 0; from < rows.length; from += 1000)
    await tx
      .insert(healthEvidence)
      .values(rows.slice(from, from + 1000))
      .onConflictDoNothing()
}

function instanceChanges(known: Map<string, Known>, observed: Observed, isCurrent: boolean): InstanceChange[] {
  const told = new Map(observed.instances.map((one) => [one.id, one]))
  const tasks = new Map(observed.tasks.map((one) => [one.id, one]))
  const changes: InstanceChange[] = []
  for (const one of known.values()) {
    const next = { ...before(one) }
    const instance = told.get(one.id)
    const task = tasks.get(one.id)
    if (instance) Object.assign(next, afterInstance(one, instance))
    else if (task) Object.assign(next, { state: task.state, reason: clean(task.reason), exitCode: task.exitCode })
    else if (isCurrent && one.want === 'stopped') next.state = 'stopped'
    if (one.want === 'stopped' && next.state === 'stopped' && !one.isStandby) next.want = 'gone'
    if (JSON.stringify(next) !== JSON.stringify(before(one))) {
      changes.push(next)
      one.lastProbe = next.lastProbe
    }
  }
  return changes
}

const before = (one: Known): InstanceChange => ({
  id: one.id,
  want: one.want,
  state: one.state,
  reason: one.reason,
  port: one.port,
  pid: one.pid,
  restarts: one.restarts,
  exitCode: one.exitCode,
  exitSignal: one.exitSignal,
  startedAt: one.startedAt,
  lastProbe: one.lastProbe,
  notHonoured: one.notHonoured,
})

const afterInstance = (one: Known, told: ObservedInstance): Partial<InstanceChange> => ({
  state: told.state,
  reason: clean(told.reason),
  port: told.port,
  pid: told.pid,
  restarts: told.restarts,
  // Why it ended last stays readable while the next attempt starts.
  ...(told.exit && { exitCode: told.exit.code, exitSignal: told.exit.signal }),
  startedAt: told.startedAt === null ? null : new Date(told.startedAt),
  lastProbe: told.probes.reduce((last, { seq }) => Math.max(last, seq), one.lastProbe),
  notHonoured: told.notHonoured,
})

const clean = (text: string | null): string | null => text?.replaceAll('\0', '\uFFFD') ?? null

async function storeInstances(tx: Transaction, changes: InstanceChange[]): Promise<void> {
  if (changes.length === 0) return
  await tx.execute(sql`
    update ${instances} i set
      want = c.want, state = c.state, reason = c.reason, port = c.port, pid = c.pid, restarts = c.restarts,
      exit_code = c."exitCode", exit_signal = c."exitSignal", started_at = c."startedAt", last_probe = c."lastProbe",
      not_honoured = c."notHonoured",
      stopped_at = case when c.want = 'gone' then coalesce(i.stopped_at, now()) else i.stopped_at end
    from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as c(
      id uuid, want text, state text, reason text, port int, pid int, restarts int, "exitCode" int, "exitSignal" text,
      "startedAt" timestamptz, "lastProbe" int, "notHonoured" jsonb)
    where i.id = c.id`)
}

async function storeRoutes(tx: Transaction, hostId: string, observed: ObservedRoute[]): Promise<string[]> {
  if (observed.length === 0) return []
  const told = observed.map(({ hostname, generation, serving, since, drained, soak }) => ({
    hostname,
    generation,
    serving,
    since,
    drained,
    soakDeployment: soak?.deploymentId ?? null,
    soakState: soak?.state ?? null,
    soakElapsed: soak?.elapsedMs ?? null,
    soakReason: clean(soak?.reason ?? null),
  }))
  // The elapsed time alone is no news: it would write a row with every word of a soak.
  const { rows } = await tx.execute<{ environment_id: string }>(sql`
    update ${routes} r set
      observed_generation = o.generation, observed_serving_id = o.serving, observed_since = o.since,
      is_drained = o.drained, soak_deployment_id = o."soakDeployment", soak_state = o."soakState",
      soak_elapsed_ms = o."soakElapsed", soak_reason = o."soakReason"
    from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as o(
      hostname text, generation int, serving uuid, since timestamptz, drained boolean, "soakDeployment" uuid,
      "soakState" text, "soakElapsed" real, "soakReason" text), ${environments} e
    where r.hostname = o.hostname and e.id = r.environment_id and e.host_id = ${hostId}
      and (r.observed_generation, r.observed_serving_id, r.is_drained, r.soak_deployment_id, r.soak_state)
          is distinct from (o.generation, o.serving, o.drained, o."soakDeployment", o."soakState")
    returning r.environment_id`)
  return [...new Set(rows.map(({ environment_id }) => environment_id))]
}

const openIn = async (tx: Transaction, environmentId: string): Promise<string[]> => {
  const rows = await tx
    .select({ id: deployments.id })
    .from(deployments)
    .where(and(eq(deployments.environmentId, environmentId), inArray(deployments.status, [...activeStatuses])))
  return rows.map(({ id }) => id)
}

import type { Database, Transaction } from '@juanie/core/database'
import { and, asc, desc, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Application } from '../applications/contract.ts'
import { commandText } from '../applications/index.ts'
import { environments } from '../environments/tables.ts'
import {
  activeStatuses,
  type DeploymentPlan,
  type DeploymentStatus,
  type DeploymentView,
  deploymentStatuses,
  type EnvironmentStatus,
  type EvidenceView,
  type InstanceView,
  type Snapshot,
  type SnapshotView,
  type Stages,
  type StageView,
  type WaitsFor,
} from './contract.ts'
import { type Loaded, loadManyFacts, servingIn } from './load.ts'
import { decide } from './plan.ts'
import { hostnameOf, releaseOf, rowOf, selectDeployments, type UrlOf } from './rows.ts'
import { isFinal } from './status.ts'
import { deployments, healthEvidence, instances } from './tables.ts'
import { readable } from './version.ts'
import { readLastWords } from './words.ts'

const mostEvidence = 200

export async function readView(
  db: Database,
  id: string,
  parts: { url: UrlOf; now: number },
): Promise<DeploymentView | null> {
  const [joined] = await selectDeployments(db).where(eq(deployments.id, id))
  const [frozen] = await db.select({ snapshot: deployments.snapshot }).from(deployments).where(eq(deployments.id, id))
  if (!joined || !frozen) return null
  const { deployment: d } = joined
  const { snapshot } = frozen
  const processes = await db
    .select()
    .from(instances)
    .where(eq(instances.deploymentId, id))
    .orderBy(desc(instances.kind), asc(instances.service), asc(instances.index))
  const evidence = await db
    .select()
    .from(healthEvidence)
    .where(eq(healthEvidence.deploymentId, id))
    .orderBy(desc(healthEvidence.id))
    .limit(mostEvidence)
  const { application } = snapshot
  const named = (reference: string | null, number: number | null) =>
    reference !== null && number !== null ? { id: reference, number } : null
  return {
    ...(await rowOf(joined, parts.url)),
    digest: d.digest,
    hostname: snapshot.hostname,
    serves: d.status === 'soaking' || (d.status === 'succeeded' && (await isServing(db, d))),
    replaces: named(d.replaces, joined.replacesNumber),
    snapshotOf: named(d.snapshotOf, joined.originalNumber),
    stages: stagesOf(d.stages, d.finishedAt),
    waitsFor: (await waitsForAll(db, [d], parts.now)).get(id) ?? null,
    flagged: flagOf(d),
    instances: processes.map(instanceView),
    evidence: evidence.map(evidenceView),
    notHonoured: application.notHonoured,
    ...warningsOf(application),
    secrets: snapshotView(snapshot).secrets,
    snapshot: snapshotView(snapshot),
    lastWords:
      isFinal(d.status) || d.status === 'rolling_back' ? await readLastWords(db, d.why?.instanceId ?? null) : null,
  }
}

/** What somebody should know of an application, as sentences and in parts. */
export function warningsOf(
  application: Application,
): Pick<DeploymentPlan, 'warnings' | 'findings' | 'requires' | 'hasGap'> {
  const { warnings, requires } = application
  const hasGap = application.order === 'stop-first'
  return {
    warnings: [
      ...warnings.map(({ message }) => message),
      ...requires.map((name) => `${name} is not set, and the application seems to need it.`),
      ...(hasGap ? ['Nothing answers between the old version and the new one.'] : []),
    ],
    findings: warnings.map(({ message, key, values, file, line }) => ({ message, key, values, file, line })),
    requires,
    hasGap,
  }
}

/** A version in its soak has the traffic; else the last one that succeeded has it, for every other led back to it. */
async function isServing(db: Database, { id, environmentId }: { id: string; environmentId: string }): Promise<boolean> {
  const [soaking] = await db
    .select({ id: deployments.id })
    .from(deployments)
    .where(and(eq(deployments.environmentId, environmentId), eq(deployments.status, 'soaking')))
  return !soaking && (await servingIn(db, environmentId)) === id
}

export function snapshotView(snapshot: Snapshot): SnapshotView {
  const { bundle, hostname, soakMs, drainMs, variables, secrets, application, times } = snapshot
  return {
    bundle,
    hostname,
    soakMs,
    drainMs,
    order: application.order,
    variables,
    secrets: secrets.map(({ name, version }) => ({ name, version })),
    migrates: application.migrate !== null,
    services: application.services.map(({ name, kind, command, replicas }) => {
      const { startLimitMs, healthy, retries, intervalMs, timeoutMs } = times[name] ?? {}
      const own = startLimitMs === undefined ? null : { startLimitMs, healthy, retries, intervalMs, timeoutMs }
      return {
        name,
        kind,
        command: commandText(command),
        replicas,
        times: own as SnapshotView['services'][number]['times'],
      }
    }),
  }
}

/** What each of these waits for at this moment; one that is over, or goes on by itself at once, is not in it. */
export async function waitsForAll(
  db: Database,
  of: { id: string; status: DeploymentStatus }[],
  now: number,
): Promise<Map<string, WaitsFor>> {
  const open = of.filter(({ status }) => !isFinal(status))
  if (open.length === 0) return new Map()
  const ids = open.map(({ id }) => id)
  const loaded = await db.transaction((tx) => loadManyFacts(tx, ids, now), {
    isolationLevel: 'repeatable read',
    accessMode: 'read only',
  })
  const byId = new Map(loaded.map((one) => [one.row.id, one]))
  return new Map(
    open.flatMap((one): [string, WaitsFor][] => {
      const waiting = waitOf(byId.get(one.id), one.status)
      return waiting ? [[one.id, waiting]] : []
    }),
  )
}

function waitOf(loaded: Loaded | undefined, status: DeploymentStatus): WaitsFor | null {
  // It may have gone on since its status was read: then what it waits for now belongs to another one.
  if (loaded?.row.status !== status) return null
  const decision = decide(loaded.facts)
  return decision.kind === 'rest' ? decision.waitsFor : null
}

/** In the order in which they began; each lasts until the next one began, or the end. */
export function stagesOf(stages: Stages, finishedAt: Date | null): StageView[] {
  const order = (name: string) => (deploymentStatuses as readonly string[]).indexOf(name)
  const begun = Object.entries(stages).sort(([a, from], [b, to]) => from - to || order(a) - order(b))
  return begun.map(([name, at], index) => {
    const until = begun[index + 1]?.[1] ?? finishedAt?.getTime() ?? null
    return { name, at: new Date(at).toISOString(), ms: until === null ? null : until - at }
  })
}

export function flagOf(d: {
  flaggedAt: Date | null
  status: DeploymentStatus
  number: number
}): DeploymentView['flagged'] {
  if (!d.flaggedAt) return null
  const what = isFinal(d.status)
    ? `It was under way for more than 30 minutes.`
    : `It is ${readable(d.status)} for long.`
  const can = isFinal(d.status)
    ? ''
    : ' Look at what it waits for and at the logs of its instances; then wait, or cancel it: before the switch nothing changes, after it the traffic goes back to the version before.'
  return { at: d.flaggedAt.toISOString(), message: `${what}${can}` }
}

const instanceView = (row: typeof instances.$inferSelect): InstanceView => ({
  id: row.id,
  service: row.service,
  index: row.index,
  kind: row.kind,
  want: row.want,
  state: row.state,
  reason: row.reason,
  port: row.port,
  pid: row.pid,
  restarts: row.restarts,
  exit: row.exitCode === null && row.exitSignal === null ? null : { code: row.exitCode, signal: row.exitSignal },
  startedAt: row.startedAt?.toISOString() ?? null,
  stoppedAt: row.stoppedAt?.toISOString() ?? null,
  notHonoured: row.notHonoured,
  lines: row.lines,
  usage:
    row.pid !== null && row.memoryBytes !== null && row.measuredAt
      ? { memoryBytes: row.memoryBytes, cpu: row.cpu, at: row.measuredAt.toISOString() }
      : null,
})

const evidenceView = (row: typeof healthEvidence.$inferSelect): EvidenceView => ({
  instanceId: row.instanceId,
  seq: row.seq,
  at: row.at.toISOString(),
  good: row.good,
  status: row.status,
  latencyMs: row.latencyMs,
  body: row.body,
  stage: row.stage,
})

/** What serves in each environment of a project, and the latest attempt. */
export async function readEnvironments(
  db: Database,
  projectId: string,
  parts: { url: UrlOf; now: number },
): Promise<EnvironmentStatus[]> {
  const rows = await db
    .select({ environment: environments, hostname: hostnameOf, servingId, lastId })
    .from(environments)
    .where(and(eq(environments.projectId, projectId), isNull(environments.deletedAt)))
    .orderBy(asc(environments.position), asc(environments.name))
  const ids = [...new Set(rows.flatMap(({ servingId, lastId }) => [servingId, lastId]).filter((id) => id !== null))]
  const found = ids.length === 0 ? [] : await selectDeployments(db).where(inArray(deployments.id, ids))
  const byId = new Map(found.map((joined) => [joined.deployment.id, joined]))
  const lasts = rows.flatMap(({ lastId }) => (lastId && byId.get(lastId)?.deployment) || [])
  const waits = await waitsForAll(db, lasts, parts.now)
  const list: EnvironmentStatus[] = []
  for (const { environment, hostname, servingId, lastId } of rows) {
    const serving = servingId ? byId.get(servingId) : undefined
    const last = lastId ? byId.get(lastId)?.deployment : undefined
    list.push({
      id: environment.id,
      name: environment.name,
      url: hostname ? await parts.url(hostname) : '',
      health: environment.health,
      release: serving ? releaseOf(serving) : null,
      deployment: serving ? shortOf(serving.deployment) : null,
      last: last
        ? { ...shortOf(last), reason: last.reason, waitsFor: waits.get(last.id) ?? null, flagged: flagOf(last) }
        : null,
      sync: environment.sync,
      position: environment.position,
      follows: followsOf(environment.config.follows),
    })
  }
  return list
}

// The outer table is named in full: alone in its query, its columns would lose their prefix.
/** Traffic is on a version in its soak; otherwise on the last one that succeeded, for every other led back to it. */
export const servingId = sql<string | null>`coalesce(
  (select d.id from ${deployments} d where d.environment_id = environments.id and d.status = 'soaking'),
  (select d.id from ${deployments} d where d.environment_id = environments.id and d.status = 'succeeded'
    order by d.finished_at desc, d.number desc limit 1))`

export const lastId = sql<string | null>`(
  select d.id from ${deployments} d where d.environment_id = environments.id order by d.number desc limit 1)`

const shortOf = ({ id, number, status }: { id: string; number: number; status: DeploymentStatus }) => ({
  id,
  number,
  status,
})

export const followsOf = (follows: (typeof environments.$inferSelect)['config']['follows']): string | null =>
  follows === null ? null : 'branch' in follows ? follows.branch : 'the default branch'

/** Those that must end before a new one of this environment may begin. */
export const readBehind = (tx: Transaction, environmentId: string) =>
  tx
    .select({ id: deployments.id, number: deployments.number, status: deployments.status })
    .from(deployments)
    .where(
      and(
        eq(deployments.environmentId, environmentId),
        inArray(deployments.status, ['queued', 'waiting', ...activeStatuses]),
      ),
    )
    .orderBy(asc(deployments.number))
    .limit(100)

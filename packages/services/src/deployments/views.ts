import type { Database, Transaction } from '@juanie/core/database'
import { and, asc, desc, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { environments } from '../environments/tables.ts'
import { releases } from '../releases/tables.ts'
import { routes } from '../routes/tables.ts'
import { users } from '../users/tables.ts'
import {
  activeStatuses,
  type DeploymentAnswer,
  type DeploymentRow,
  type DeploymentStatus,
  type DeploymentView,
  deploymentStatuses,
  type EnvironmentStatus,
  type EvidenceView,
  type InstanceView,
  type ReleaseName,
  type Stages,
  type StageView,
  type WaitsFor,
} from './contract.ts'
import { loadFacts } from './load.ts'
import { decide } from './plan.ts'
import { isFinal } from './status.ts'
import { deployments, healthEvidence, instances } from './tables.ts'
import { readable } from './version.ts'

/** The address at which people reach a hostname; `EdgeUrls.of` is one. */
export type UrlOf = (hostname: string) => Promise<string>

const other = alias(deployments, 'other')
const original = alias(deployments, 'original')

const columns = {
  deployment: deployments,
  environmentName: environments.name,
  releaseNumber: releases.number,
  releaseDigest: releases.digest,
  releaseCommit: releases.commit,
  requestedBy: users.name,
  replacesNumber: other.number,
  originalNumber: original.number,
  hostname: sql<
    string | null
  >`(select r.hostname from ${routes} r where r.environment_id = environments.id and r.is_default limit 1)`,
}

const select = (db: Database | Transaction) =>
  db
    .select(columns)
    .from(deployments)
    .innerJoin(environments, eq(environments.id, deployments.environmentId))
    .innerJoin(releases, eq(releases.id, deployments.releaseId))
    .leftJoin(users, eq(users.id, deployments.requestedBy))
    .leftJoin(other, eq(other.id, deployments.replaces))
    .leftJoin(original, eq(original.id, deployments.snapshotOf))

type Joined = Awaited<ReturnType<typeof select>>[number]

const rowOf = async (joined: Joined, url: UrlOf): Promise<DeploymentRow> => {
  const { deployment: d } = joined
  return {
    ...(await answerOf(joined, url)),
    kind: d.kind,
    origin: d.origin,
    environment: { id: d.environmentId, name: joined.environmentName },
    requestedBy: joined.requestedBy,
    runNumber: d.runNumber,
    createdAt: d.createdAt.toISOString(),
    finishedAt: d.finishedAt?.toISOString() ?? null,
    final: isFinal(d.status),
  }
}

const answerOf = async (joined: Joined, url: UrlOf): Promise<DeploymentAnswer> => ({
  id: joined.deployment.id,
  number: joined.deployment.number,
  status: joined.deployment.status,
  reason: joined.deployment.reason,
  url: await url(joined.hostname ?? joined.deployment.snapshot.hostname),
  release: releaseOf(joined),
})

const releaseOf = (joined: Joined): ReleaseName => ({
  id: joined.deployment.releaseId,
  number: joined.releaseNumber,
  digest: joined.releaseDigest,
  commit: joined.releaseCommit,
})

export async function readAnswer(db: Database, id: string, url: UrlOf): Promise<DeploymentAnswer | null> {
  const [joined] = await select(db).where(eq(deployments.id, id))
  return joined ? answerOf(joined, url) : null
}

export async function readRows(
  db: Database,
  query: { projectId: string; environmentId: string | null; before: number | null; limit: number },
  url: UrlOf,
): Promise<DeploymentRow[]> {
  const rows = await select(db)
    .where(
      and(
        eq(deployments.projectId, query.projectId),
        query.environmentId === null ? undefined : eq(deployments.environmentId, query.environmentId),
        query.before === null ? undefined : lt(deployments.number, query.before),
      ),
    )
    .orderBy(desc(deployments.number))
    .limit(query.limit)
  return Promise.all(rows.map((joined) => rowOf(joined, url)))
}

const mostEvidence = 200

export async function readView(
  db: Database,
  id: string,
  parts: { url: UrlOf; now: number },
): Promise<DeploymentView | null> {
  const [joined] = await select(db).where(eq(deployments.id, id))
  if (!joined) return null
  const { deployment: d } = joined
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
  const { application, secrets } = d.snapshot
  const named = (reference: string | null, number: number | null) =>
    reference !== null && number !== null ? { id: reference, number } : null
  return {
    ...(await rowOf(joined, parts.url)),
    digest: d.digest,
    hostname: d.snapshot.hostname,
    replaces: named(d.replaces, joined.replacesNumber),
    snapshotOf: named(d.snapshotOf, joined.originalNumber),
    stages: stagesOf(d.stages, d.finishedAt),
    waitsFor: await waitsFor(db, id, { status: d.status, now: parts.now }),
    flagged: flagOf(d),
    instances: processes.map(instanceView),
    evidence: evidence.map(evidenceView),
    notHonoured: application.notHonoured,
    warnings: [
      ...application.warnings.map(({ message }) => message),
      ...application.requires.map((name) => `${name} is not set, and the application seems to need it.`),
    ],
    hasGap: application.order === 'stop-first',
    secrets: secrets.map(({ name, version }) => ({ name, version })),
  }
}

/** What an open deployment waits for at this moment; null when it is over or goes on by itself at once. */
export async function waitsFor(
  db: Database,
  id: string,
  at: { status: DeploymentStatus; now: number },
): Promise<WaitsFor | null> {
  if (isFinal(at.status)) return null
  return db.transaction(
    async (tx) => {
      const loaded = await loadFacts(tx, id, { now: at.now, bundle: { kind: 'unknown' }, isLocking: false })
      // It may have gone on since its status was read: then what it waits for now belongs to another one.
      if (!loaded || loaded.row.status !== at.status) return null
      const decision = decide(loaded.facts)
      return decision.kind === 'rest' ? decision.waitsFor : null
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
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

function flagOf(d: { flaggedAt: Date | null; status: DeploymentStatus; number: number }): DeploymentView['flagged'] {
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
    .select({
      environment: environments,
      hostname: sql<
        string | null
      >`(select r.hostname from ${routes} r where r.environment_id = environments.id and r.is_default limit 1)`,
      // The outer table is named in full: alone in its query, its columns would lose their prefix.
      // Traffic is on a version in its soak; otherwise on the last one that succeeded, for every other led back to it.
      servingId: sql<string | null>`coalesce(
        (select d.id from ${deployments} d where d.environment_id = environments.id and d.status = 'soaking'),
        (select d.id from ${deployments} d where d.environment_id = environments.id and d.status = 'succeeded'
          order by d.finished_at desc, d.number desc limit 1))`,
      lastId: sql<string | null>`(select d.id from ${deployments} d where d.environment_id = environments.id
          order by d.number desc limit 1)`,
    })
    .from(environments)
    .where(and(eq(environments.projectId, projectId), isNull(environments.deletedAt)))
    .orderBy(asc(environments.position), asc(environments.name))
  const ids = [...new Set(rows.flatMap(({ servingId, lastId }) => [servingId, lastId]).filter((id) => id !== null))]
  const found = ids.length === 0 ? [] : await select(db).where(inArray(deployments.id, ids))
  const byId = new Map(found.map((joined) => [joined.deployment.id, joined]))
  const list: EnvironmentStatus[] = []
  for (const { environment, hostname, servingId, lastId } of rows) {
    const serving = servingId ? byId.get(servingId) : undefined
    const last = lastId ? byId.get(lastId) : undefined
    list.push({
      id: environment.id,
      name: environment.name,
      url: hostname ? await parts.url(hostname) : '',
      health: environment.health,
      release: serving ? releaseOf(serving) : null,
      deployment: serving ? shortOf(serving.deployment) : null,
      last: last
        ? {
            ...shortOf(last.deployment),
            reason: last.deployment.reason,
            waitsFor: await waitsFor(db, last.deployment.id, { status: last.deployment.status, now: parts.now }),
            flagged: flagOf(last.deployment),
          }
        : null,
      sync: environment.sync,
      position: environment.position,
      follows: followsOf(environment.config.follows),
    })
  }
  return list
}

const shortOf = ({ id, number, status }: { id: string; number: number; status: DeploymentStatus }) => ({
  id,
  number,
  status,
})

const followsOf = (follows: (typeof environments.$inferSelect)['config']['follows']): string | null =>
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

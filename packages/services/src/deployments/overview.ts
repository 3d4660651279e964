import { type Database, maybeOne } from '@juanie/core/database'
import { and, asc, desc, eq, inArray, isNull, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { pipelines } from '../pipelines/tables.ts'
import { releases } from '../releases/tables.ts'
import { pushes, repositories } from '../repositories/tables.ts'
import { shortRef } from '../runs/index.ts'
import { pipelineRuns } from '../runs/tables.ts'
import { users } from '../users/tables.ts'
import {
  activeStatuses,
  type DeploymentRow,
  deploymentOutcomes,
  type ReleaseName,
  type StageView,
  type WaitsFor,
} from './contract.ts'
import { type History, rollbackTarget } from './rollback.ts'
import { hostnameOf, type Joined, readRows, rowOf, selectDeployments, type UrlOf } from './rows.ts'
import { isFinal } from './status.ts'
import { deployments } from './tables.ts'
import { flagOf, followsOf, lastId, servingId, stagesOf, waitsForAll } from './views.ts'

/** What serves an environment, and who brought it there. */
interface ServingDeployment extends DeploymentRow {
  /** When it got the traffic. */
  since: string
}

/** A deployment that is not over. */
interface OpenDeployment extends DeploymentRow {
  stages: StageView[]
  soakMs: number
  waitsFor: WaitsFor | null
  flagged: { at: string; message: string } | null
}

interface EnvironmentOverview {
  id: string
  name: string
  url: string
  health: string
  sync: string
  position: number
  follows: string | null
  serving: ServingDeployment | null
  /** What is on its way, else the first that stands in line. */
  open: OpenDeployment | null
  /** How many are not over. */
  openCount: number
  /** The latest attempt, when it came to nothing. */
  failed: DeploymentRow | null
  /** Where a rollback leads; null: there is nothing to return to. */
  rollback: { id: string; number: number; release: number } | null
}

interface OverviewRun {
  id: string
  number: number
  status: (typeof pipelineRuns.$inferSelect)['status']
  reason: string | null
  title: string
  branch: string
  commit: string
  workflow: string
  actor: string | null
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
}

interface OverviewRelease extends ReleaseName {
  name: string | null
  title: string | null
  branch: string | null
  runNumber: number | null
  createdBy: string | null
  createdAt: string
}

/** The way from commit to production. */
export interface ProjectOverview {
  defaultBranch: string | null
  /** Whether anything was ever pushed or released. */
  isBegun: boolean
  /** The newest run of the default branch. */
  run: OverviewRun | null
  /** The newest one. */
  release: OverviewRelease | null
  environments: EnvironmentOverview[]
  /** The latest of all environments, newest first. */
  recent: DeploymentRow[]
}

const mostRecent = 6

/** Reads the way from commit to production in a fixed number of statements, however many environments there are. */
export async function readOverview(
  db: Database,
  projectId: string,
  parts: { url: UrlOf; now: number },
): Promise<ProjectOverview> {
  const repository = await maybeOne(
    db
      .select({
        defaultBranch: repositories.defaultBranch,
        isPushed: sql<boolean>`exists (select 1 from ${pushes} p where p.project_id = ${projectId})`,
      })
      .from(repositories)
      .where(and(eq(repositories.projectId, projectId), isNull(repositories.deletedAt))),
  )
  const defaultBranch = repository?.defaultBranch ?? null
  const release = await newestRelease(db, projectId)
  return {
    defaultBranch,
    isBegun: repository?.isPushed === true || release !== null,
    run: await newestRun(db, projectId, defaultBranch),
    release,
    environments: await overviewOfAll(db, projectId, parts),
    recent: await readRows(
      db,
      { projectId, environmentId: null, outcome: null, before: null, limit: mostRecent },
      parts.url,
    ),
  }
}

async function newestRun(db: Database, projectId: string, branch: string | null): Promise<OverviewRun | null> {
  const [row] = await db
    .select({ run: pipelineRuns, workflow: pipelines.name, actor: users.name })
    .from(pipelineRuns)
    .innerJoin(pipelines, eq(pipelines.id, pipelineRuns.pipelineId))
    .leftJoin(users, eq(users.id, pipelineRuns.actorId))
    .where(
      and(
        eq(pipelineRuns.projectId, projectId),
        branch === null ? undefined : eq(pipelineRuns.ref, `refs/heads/${branch}`),
      ),
    )
    .orderBy(desc(pipelineRuns.number))
    .limit(1)
  if (!row) return null
  const { id, number, status, reason, title, ref, commit, createdAt, startedAt, finishedAt } = row.run
  return {
    id,
    number,
    status,
    reason,
    title,
    branch: shortRef(ref),
    commit,
    workflow: row.workflow,
    actor: row.actor,
    createdAt: createdAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt?.toISOString() ?? null,
  }
}

async function newestRelease(db: Database, projectId: string): Promise<OverviewRelease | null> {
  const [row] = await db
    .select({
      id: releases.id,
      number: releases.number,
      digest: releases.digest,
      commit: releases.commit,
      name: releases.name,
      ref: releases.ref,
      runNumber: releases.runNumber,
      createdAt: releases.createdAt,
      title: pipelineRuns.title,
      createdBy: users.name,
    })
    .from(releases)
    .leftJoin(pipelineRuns, eq(pipelineRuns.id, releases.runId))
    .leftJoin(users, eq(users.id, releases.createdBy))
    .where(eq(releases.projectId, projectId))
    .orderBy(desc(releases.number))
    .limit(1)
  if (!row) return null
  const { ref, createdAt, ...rest } = row
  return { ...rest, branch: ref && shortRef(ref), createdAt: createdAt.toISOString() }
}

/** The active one, else the first in line. */
const openId = sql<string | null>`(
  select d.id from ${deployments} d
   where d.environment_id = environments.id and ${statusIn('d', deploymentOutcomes.open)}
   order by ${statusIn('d', activeStatuses)} desc, d.number limit 1)`
const openCount = sql<number>`(
  select count(*)::int from ${deployments} d
   where d.environment_id = environments.id and ${statusIn('d', deploymentOutcomes.open)})`

function statusIn(table: string, statuses: readonly string[]) {
  return sql.raw(`${table}.status in (${statuses.map((one) => `'${one}'`).join(', ')})`)
}

async function overviewOfAll(
  db: Database,
  projectId: string,
  parts: { url: UrlOf; now: number },
): Promise<EnvironmentOverview[]> {
  const rows = await db
    .select({ environment: environments, hostname: hostnameOf, servingId, lastId, openId, openCount })
    .from(environments)
    .where(and(eq(environments.projectId, projectId), isNull(environments.deletedAt)))
    .orderBy(asc(environments.position), asc(environments.name))
  const ids = [...new Set(rows.flatMap((row) => [row.servingId, row.lastId, row.openId]).filter((id) => id !== null))]
  const found = ids.length === 0 ? [] : await selectDeployments(db).where(inArray(deployments.id, ids))
  const byId = new Map(found.map((joined) => [joined.deployment.id, joined]))
  const open = rows.flatMap(({ openId }) => (openId && byId.get(openId)?.deployment) || [])
  const waits = await waitsForAll(db, open, parts.now)
  const soaks = await soaksOf(
    db,
    open.map(({ id }) => id),
  )
  const histories = await historiesOf(
    db,
    rows.map(({ environment }) => environment.id),
  )
  const get = (id: string | null) => (id === null ? undefined : byId.get(id))
  const list: EnvironmentOverview[] = []
  for (const row of rows) {
    const { id, name, health, sync, position, config } = row.environment
    const [serving, on, last] = [get(row.servingId), get(row.openId), get(row.lastId)]
    const current = on && on.deployment.status !== 'rolling_back' && isUnderWay(on) ? on : serving
    const history = histories.get(id) ?? []
    const target = current ? rollbackTarget(current.deployment, history) : null
    list.push({
      id,
      name,
      url: row.hostname ? await parts.url(row.hostname) : '',
      health,
      sync,
      position,
      follows: followsOf(config.follows),
      serving: serving ? { ...(await rowOf(serving, parts.url)), since: since(serving) } : null,
      open: on
        ? {
            ...(await rowOf(on, parts.url)),
            stages: stagesOf(on.deployment.stages, on.deployment.finishedAt),
            soakMs: soaks.get(on.deployment.id) ?? 0,
            waitsFor: waits.get(on.deployment.id) ?? null,
            flagged: flagOf(on.deployment),
          }
        : null,
      openCount: row.openCount,
      failed: last && cameToNothing(last) ? await rowOf(last, parts.url) : null,
      rollback: target && { id: target.id, number: target.number, release: target.release },
    })
  }
  return list
}

const isUnderWay = ({ deployment }: Joined): boolean =>
  (activeStatuses as readonly string[]).includes(deployment.status)

const cameToNothing = ({ deployment: { status } }: Joined): boolean =>
  isFinal(status) && status !== 'succeeded' && status !== 'superseded'

const since = ({ deployment: { stages, finishedAt, createdAt } }: Joined): string =>
  new Date(stages.soaking ?? finishedAt ?? createdAt).toISOString()

async function soaksOf(db: Database, ids: string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .select({ id: deployments.id, soakMs: sql<number>`(${deployments.snapshot} ->> 'soakMs')::float8` })
    .from(deployments)
    .where(inArray(deployments.id, ids))
  return new Map(rows.map(({ id, soakMs }) => [id, soakMs]))
}

/** More than an environment keeps by itself. */
const mostHistory = 50

/** The last that succeeded in each environment, newest first. */
async function historiesOf(db: Database, environmentIds: string[]): Promise<Map<string, (History & Target)[]>> {
  if (environmentIds.length === 0) return new Map()
  const rows = await db.execute<History & Target & { environmentId: string }>(
    sql`
      select d.id, d.environment_id as "environmentId", d.number, d.kind, d.digest, d.replaces, r.number as release
        from unnest(${sql.param(environmentIds)}::uuid[]) e (id)
       cross join lateral (
         select * from deployments s where s.environment_id = e.id and s.status = 'succeeded'
          order by s.number desc limit ${mostHistory}
       ) d
        join releases r on r.id = d.release_id
       order by d.number desc`,
    'objects',
  )
  const byEnvironment = new Map<string, (History & Target)[]>()
  for (const { environmentId, ...one } of rows) {
    byEnvironment.set(environmentId, [...(byEnvironment.get(environmentId) ?? []), one])
  }
  return byEnvironment
}

interface Target {
  /** Number of its release. */
  release: number
}

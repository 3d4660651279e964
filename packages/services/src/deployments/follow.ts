import { maybeOne, type Transaction } from '@juanie/core/database'
import { AppError, isTransient } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { type ProjectScope, systemScope } from '@juanie/core/scope'
import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { projects } from '../projects/tables.ts'
import { releases } from '../releases/tables.ts'
import { activeStatuses, type Snapshot } from './contract.ts'
import { servingIn } from './load.ts'
import {
  type DeploymentRecord,
  type EnvironmentRecord,
  followedBranch,
  insertDeployment,
  type ReleaseRecord,
  type StartParts,
  snapshotFor,
} from './start.ts'
import { hasNotBegun } from './status.ts'
import { deployments } from './tables.ts'
import { type Moves, moving } from './transition.ts'

const branchPrefix = 'refs/heads/'

/**
 * Deploys a release to every environment that follows its branch. Once for each release: the row says when it was
 * done, in the same transaction. Answers the deployments that somebody should reconcile.
 */
export async function follow(parts: StartParts, clock: () => number, releaseId: string): Promise<string[]> {
  const { result } = await moving(parts.db, clock, async (tx, moves) => {
    const release = await maybeOne(
      tx
        .select()
        .from(releases)
        .where(and(eq(releases.id, releaseId), isNull(releases.followedAt)))
        .for('no key update'),
    )
    if (!release) return []
    const started: string[] = []
    for (const environment of await followers(tx, release)) {
      started.push(...(await toEnvironment(tx, moves, { parts, clock, release, environment })))
    }
    await tx
      .update(releases)
      .set({ followedAt: new Date(clock()) })
      .where(eq(releases.id, releaseId))
    crashPoint('deployment.before.follow')
    return started
  })
  crashPoint('deployment.after.follow')
  return result
}

/** Releases whose followers were not told yet: a server died in between. */
export const unfollowed = async (db: StartParts['db'], limit: number): Promise<string[]> => {
  const rows = await db
    .select({ id: releases.id })
    .from(releases)
    .where(isNull(releases.followedAt))
    .orderBy(asc(releases.id))
    .limit(limit)
  return rows.map(({ id }) => id)
}

async function followers(tx: Transaction, release: ReleaseRecord): Promise<EnvironmentRecord[]> {
  if (release.runNumber === null || !release.ref?.startsWith(branchPrefix)) return []
  const branch = release.ref.slice(branchPrefix.length)
  const all = await tx
    .select()
    .from(environments)
    .where(and(eq(environments.projectId, release.projectId), isNull(environments.deletedAt)))
    .orderBy(asc(environments.position))
  const found: EnvironmentRecord[] = []
  for (const one of all) if ((await followedBranch(tx, one)) === branch) found.push(one)
  return found
}

interface Following {
  parts: StartParts
  clock: () => number
  release: ReleaseRecord
  environment: EnvironmentRecord
}

async function toEnvironment(tx: Transaction, moves: Moves, following: Following): Promise<string[]> {
  const { parts, clock, release, environment } = following
  const { organizationId } = (await maybeOne(
    tx
      .select({ organizationId: projects.organizationId })
      .from(projects)
      // The project's row orders everybody who compares run numbers in it.
      .where(eq(projects.id, release.projectId))
      .for('no key update'),
  ))!
  const scope = systemScope(organizationId, release.projectId)
  const newest = await newestThere(tx, environment.id)
  let snapshot: Snapshot
  let problem: string | null = null
  try {
    snapshot = await snapshotFor(tx, parts, { scope, environment, release })
  } catch (error) {
    if (!(error instanceof AppError) || isTransient(error)) throw error
    problem = error.message
    snapshot = unrenderable(release)
  }
  const row = await insertDeployment(
    tx,
    scope,
    {
      kind: 'deploy',
      origin: 'automatic',
      method: 'pipeline',
      environment,
      release,
      snapshot,
      snapshotOf: null,
      requestKey: `follow:${release.id}:${environment.id}`,
      requestedBy: null,
    },
    clock(),
  )
  if (problem !== null) {
    const why = { key: 'unrenderable' as const, details: { detail: problem }, instanceId: null }
    moves.make(scope, row, { move: 'fail', because: { reason: problem, why } })
    return []
  }
  if (newest && newest.runNumber >= release.runNumber!) {
    const reason = `run #${newest.runNumber} is newer, and its release is there or on its way with deployment #${newest.number}`
    const details = { run: newest.runNumber, number: newest.number }
    moves.make(scope, row, {
      move: 'supersede',
      because: { reason, why: { key: 'newer_run', details, instanceId: null } },
    })
    return []
  }
  await supersedeOlder(tx, moves, { scope, row })
  return [row.id]
}

/** Of what serves and what is on its way, the one whose release is of the newest run. */
async function newestThere(
  tx: Transaction,
  environmentId: string,
): Promise<{ number: number; runNumber: number } | null> {
  const serving = await servingIn(tx, environmentId)
  const [newest] = await tx
    .select({ number: deployments.number, runNumber: sql<number>`${deployments.runNumber}` })
    .from(deployments)
    .where(
      and(
        eq(deployments.environmentId, environmentId),
        sql`${deployments.runNumber} is not null`,
        sql`(${inArray(deployments.status, ['queued', 'waiting', ...activeStatuses])} or ${deployments.id} = ${serving})`,
        sql`${deployments.status} <> 'rolling_back'`,
      ),
    )
    .orderBy(sql`${deployments.runNumber} desc`)
    .limit(1)
  return newest ?? null
}

/** Older automatic ones that have not begun make room. What a person or a workflow asked for stays in line. */
async function supersedeOlder(
  tx: Transaction,
  moves: Moves,
  { scope, row }: { scope: ProjectScope; row: DeploymentRecord },
): Promise<void> {
  const older = await tx
    .select()
    .from(deployments)
    .where(
      and(
        eq(deployments.environmentId, row.environmentId),
        eq(deployments.origin, 'automatic'),
        inArray(deployments.status, ['queued', 'waiting']),
        sql`${deployments.number} < ${row.number}`,
      ),
    )
    .for('no key update')
  for (const one of older) {
    if (!hasNotBegun(one.status)) continue
    const reason = `deployment #${row.number}, of a newer run, took its place`
    const why = { key: 'newer_deployment' as const, details: { number: row.number }, instanceId: null }
    moves.make(scope, one, { move: 'supersede', because: { reason, why } })
  }
}

/** A release that cannot run in the environment leaves a record that says why, and nothing that could run. */
const unrenderable = (release: ReleaseRecord): Snapshot => ({
  bundle: release.digest,
  application: {
    services: [],
    routes: [],
    migrate: null,
    order: 'start-first',
    requires: [],
    asks: [],
    secrets: [],
    notHonoured: [],
    warnings: [],
  },
  times: {},
  drainMs: 0,
  soakMs: 0,
  hostname: '',
  variables: {},
  secrets: [],
})

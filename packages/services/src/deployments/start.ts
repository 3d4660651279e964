import { type Database, isDeadlock, isUniqueViolation, maybeOne, one, type Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { isUuid } from '@juanie/core/ids'
import { crashPoint } from '@juanie/core/points'
import type { ProjectScope } from '@juanie/core/scope'
import { and, asc, desc, eq, isNull, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { hosts } from '../hosts/tables.ts'
import { projects } from '../projects/tables.ts'
import { releases } from '../releases/tables.ts'
import { repositories } from '../repositories/tables.ts'
import type { Secrets } from '../secrets/index.ts'
import type { deploymentKinds, deploymentMethods, deploymentOrigins, Snapshot } from './contract.ts'
import { servingIn } from './load.ts'
import { digestOf, freeze, type InstallationTimes } from './snapshot.ts'
import { deployments } from './tables.ts'
import { callFor } from './transition.ts'

export type EnvironmentRecord = typeof environments.$inferSelect
export type ReleaseRecord = typeof releases.$inferSelect
export type DeploymentRecord = typeof deployments.$inferSelect

export interface Starting {
  kind: (typeof deploymentKinds)[number]
  origin: (typeof deploymentOrigins)[number]
  method: (typeof deploymentMethods)[number]
  environment: EnvironmentRecord
  release: ReleaseRecord
  snapshot: Snapshot
  snapshotOf: string | null
  requestKey: string | null
  requestedBy: string | null
}

export interface StartParts {
  db: Database
  secrets: Secrets
  times: InstallationTimes
}

/** People name things by number, programs by id. */
const isId = (reference: string | number): boolean => typeof reference === 'string' && isUuid(reference)

export async function findEnvironment(
  tx: Transaction,
  projectId: string,
  reference: string,
): Promise<EnvironmentRecord> {
  const found = await maybeOne(
    tx
      .select()
      .from(environments)
      .where(
        and(
          eq(environments.projectId, projectId),
          isNull(environments.deletedAt),
          isId(reference) ? eq(environments.id, reference) : eq(environments.name, reference),
        ),
      ),
  )
  if (found) return found
  throw new AppError('not_found', 'environment.not_found', {
    message: `There is no environment ${reference} in this project; \`juanie env list\` shows those there are.`,
    details: { environment: reference },
  })
}

export async function findRelease(
  tx: Transaction,
  projectId: string,
  reference: string | number,
): Promise<ReleaseRecord> {
  const found = await maybeOne(
    tx
      .select()
      .from(releases)
      .where(
        and(
          eq(releases.projectId, projectId),
          isId(reference) ? eq(releases.id, String(reference)) : eq(releases.number, numberOf(reference, 'release')),
        ),
      ),
  )
  if (found) return found
  throw new AppError('not_found', 'release.not_found', {
    message: `There is no release ${reference} in this project; \`juanie release list\` shows those there are.`,
    details: { release: reference },
  })
}

export async function findDeployment(
  tx: Transaction,
  projectId: string,
  reference: string | number,
): Promise<DeploymentRecord> {
  const found = await maybeOne(
    tx
      .select()
      .from(deployments)
      .where(
        and(
          eq(deployments.projectId, projectId),
          isId(reference)
            ? eq(deployments.id, String(reference))
            : eq(deployments.number, numberOf(reference, 'deployment')),
        ),
      ),
  )
  if (found) return found
  throw new AppError('not_found', 'deployment.not_found', {
    message: `There is no deployment ${reference} in this project.`,
    details: { deployment: reference },
  })
}

function numberOf(reference: string | number, field: string): number {
  const number = typeof reference === 'number' ? reference : Number(reference.replace(/^#/, ''))
  if (Number.isSafeInteger(number) && number > 0 && number <= 2_147_483_647) return number
  throw new AppError('invalid', 'input.invalid', {
    message: `${field}: give its number or its id, not "${reference}".`,
    details: { field },
  })
}

/** The branch whose releases are deployed to this environment by themselves; null: none. */
export async function followedBranch(tx: Transaction, environment: EnvironmentRecord): Promise<string | null> {
  const { follows } = environment.config
  if (!follows) return null
  if ('branch' in follows) return follows.branch
  const repository = await maybeOne(
    tx
      .select({ defaultBranch: repositories.defaultBranch })
      .from(repositories)
      .where(and(eq(repositories.projectId, environment.projectId), isNull(repositories.deletedAt))),
  )
  return repository?.defaultBranch ?? null
}

/** What `deploy` means without naming a release: the newest of the followed branch, else the one that is there. */
export async function usualRelease(tx: Transaction, environment: EnvironmentRecord): Promise<ReleaseRecord> {
  const branch = await followedBranch(tx, environment)
  if (branch !== null) {
    const [newest] = await tx
      .select()
      .from(releases)
      .where(and(eq(releases.projectId, environment.projectId), eq(releases.ref, `refs/heads/${branch}`)))
      .orderBy(desc(releases.runNumber), desc(releases.number))
      .limit(1)
    if (newest) return newest
  }
  const serving = await servingIn(tx, environment.id)
  if (serving) {
    return one(
      tx
        .select({ release: releases })
        .from(deployments)
        .innerJoin(releases, eq(releases.id, deployments.releaseId))
        .where(eq(deployments.id, serving))
        .then((rows) => rows.map(({ release }) => release)),
    )
  }
  throw new AppError('conflict', 'release.none', {
    message: `Nothing was released yet that ${environment.name} could run: push a commit, or name a release, or use \`--from <folder>\`.`,
  })
}

/** Where it runs: where it ran before, else the host that the server itself is on, else the first there is. */
async function hostFor(tx: Transaction, environment: EnvironmentRecord): Promise<string> {
  if (environment.hostId) return environment.hostId
  const [host] = await tx
    .select({ id: hosts.id })
    .from(hosts)
    .orderBy(desc(hosts.isLocal), asc(hosts.createdAt))
    .limit(1)
  if (!host) {
    throw new AppError('unavailable', 'host.none', {
      message: 'There is no host to run it on: start an agent with `juanie agent`, then deploy again.',
    })
  }
  // Two first deployments of one environment agree on what the first of them wrote.
  await tx
    .update(environments)
    .set({ hostId: host.id })
    .where(and(eq(environments.id, environment.id), isNull(environments.hostId)))
  const row = await one(
    tx.select({ hostId: environments.hostId }).from(environments).where(eq(environments.id, environment.id)),
  )
  return row.hostId ?? host.id
}

export const snapshotFor = (
  tx: Transaction,
  parts: StartParts,
  { scope, environment, release }: { scope: ProjectScope; environment: EnvironmentRecord; release: ReleaseRecord },
): Promise<Snapshot> => freeze(tx, parts, { scope, environment, release })

/** Writes the deployment as `queued`; whoever reconciles it takes it from there. */
export async function insertDeployment(
  tx: Transaction,
  scope: ProjectScope,
  starting: Starting,
  now: number,
): Promise<DeploymentRecord> {
  const { environment, release, snapshot } = starting
  const hostId = await hostFor(tx, environment)
  const { number } = await one(
    tx
      .update(projects)
      .set({ lastDeployment: sql`${projects.lastDeployment} + 1` })
      .where(eq(projects.id, scope.projectId))
      .returning({ number: projects.lastDeployment }),
  )
  const row = await one(
    tx
      .insert(deployments)
      .values({
        projectId: scope.projectId,
        environmentId: environment.id,
        releaseId: release.id,
        hostId,
        number,
        kind: starting.kind,
        origin: starting.origin,
        deploymentMethod: starting.method,
        gitCommitSha: release.commit,
        snapshot,
        digest: digestOf(snapshot),
        snapshotOf: starting.snapshotOf,
        requestedBy: starting.requestedBy,
        runId: release.runId,
        runNumber: release.runNumber,
        requestKey: starting.requestKey,
        stages: { queued: now },
        createdAt: new Date(now),
      })
      .returning(),
  )
  await record(tx, scope, 'deployment.queued', {
    subjectId: row.id,
    data: {
      number,
      environmentId: environment.id,
      releaseId: release.id,
      kind: starting.kind,
      origin: starting.origin,
      status: 'queued',
    },
  })
  await callFor(tx, row.id)
  return row
}

const mostAttempts = 3

/** Makes it once for one request, however often and from wherever it is repeated. */
export async function once(
  db: Database,
  request: { projectId: string; key: string | null },
  make: (tx: Transaction) => Promise<DeploymentRecord>,
): Promise<{ row: DeploymentRecord; isNew: boolean }> {
  const { projectId, key } = request
  const earlier = () =>
    key === null
      ? Promise.resolve(null)
      : maybeOne(
          db
            .select()
            .from(deployments)
            .where(and(eq(deployments.projectId, projectId), eq(deployments.requestKey, key))),
        )
  for (let attempt = 1; ; attempt++) {
    const before = await earlier()
    if (before) return { row: before, isNew: false }
    try {
      const row = await db.transaction(async (tx) => {
        const made = await make(tx)
        crashPoint('deployment.before.start')
        return made
      })
      crashPoint('deployment.after.start')
      return { row, isNew: true }
    } catch (error) {
      // Somebody else's request with this key was faster, or PostgreSQL let another transaction go first.
      const isPassing = (key !== null && isUniqueViolation(error)) || isDeadlock(error)
      if (!isPassing || attempt === mostAttempts) throw error
    }
  }
}

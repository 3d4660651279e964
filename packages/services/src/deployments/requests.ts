import type { Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import type { ProjectScope } from '@juanie/core/scope'
import { and, asc, eq, gt, isNull, notInArray } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { type deploymentMethods, type deploymentOrigins, finalStatuses, type Snapshot } from './contract.ts'
import { servingIn } from './load.ts'
import { chooseTarget } from './rollback.ts'
import {
  type DeploymentRecord,
  type EnvironmentRecord,
  findDeployment,
  findEnvironment,
  findRelease,
  insertDeployment,
  type ReleaseRecord,
  type Starting,
  type StartParts,
  snapshotFor,
  usualRelease,
} from './start.ts'
import { deployments } from './tables.ts'

export interface Asked {
  /** Name or id. */
  environment: string
  /** Repeating a request with the same key finds the first one's deployment. */
  requestKey?: string | null
  origin?: (typeof deploymentOrigins)[number]
  method?: (typeof deploymentMethods)[number]
  /** Who is behind it when an agent asks; a person asks for oneself. */
  requestedBy?: string | null
}

/** A request, worked out: all that would be written. */
export interface Prepared {
  environment: EnvironmentRecord
  release: ReleaseRecord
  snapshot: Snapshot
  kind: Starting['kind']
  snapshotOf: DeploymentRecord | null
  insert(now: number): Promise<DeploymentRecord>
}

interface Wish {
  tx: Transaction
  scope: ProjectScope
  asked: Asked
  environment: EnvironmentRecord
  release: ReleaseRecord
  snapshot: Snapshot
  kind: Starting['kind']
  snapshotOf?: DeploymentRecord | null
}

function prepared({ tx, scope, asked, ...wish }: Wish): Prepared {
  const snapshotOf = wish.snapshotOf ?? null
  return {
    ...wish,
    snapshotOf,
    insert: (now) =>
      insertDeployment(
        tx,
        scope,
        {
          ...wish,
          snapshotOf: snapshotOf?.id ?? null,
          origin: asked.origin ?? 'person',
          method: asked.method ?? 'manual',
          requestKey: asked.requestKey ?? null,
          requestedBy: asked.requestedBy ?? (scope.actor.kind === 'user' ? scope.actor.id : null),
        },
        now,
      ),
  }
}

export async function deployAsked(
  tx: Transaction,
  parts: StartParts,
  scope: ProjectScope,
  asked: Asked & { release?: string | number | null },
): Promise<Prepared> {
  const environment = await findEnvironment(tx, scope.projectId, asked.environment)
  const release =
    asked.release === undefined || asked.release === null
      ? await usualRelease(tx, environment)
      : await findRelease(tx, scope.projectId, asked.release)
  const snapshot = await snapshotFor(tx, parts, { scope, environment, release })
  return prepared({ tx, scope, asked, environment, release, snapshot, kind: 'deploy' })
}

export async function promoteAsked(
  tx: Transaction,
  parts: StartParts,
  scope: ProjectScope,
  asked: Asked & { to?: string | null },
): Promise<Prepared> {
  const from = await findEnvironment(tx, scope.projectId, asked.environment)
  const serving = await servingIn(tx, from.id)
  if (!serving) {
    const [first] = await tx
      .select({ number: deployments.number })
      .from(deployments)
      .where(and(eq(deployments.environmentId, from.id), notInArray(deployments.status, [...finalStatuses])))
      .orderBy(asc(deployments.number))
      .limit(1)
    throw new AppError('conflict', 'promotion.nothing_serves', {
      message: first
        ? `Deployment #${first.number} of ${from.name} is not over, and nothing was kept there before: promote when its soak has ended.`
        : `Nothing serves in ${from.name}, so there is nothing to promote: deploy to it first.`,
    })
  }
  const environment = asked.to ? await findEnvironment(tx, scope.projectId, asked.to) : await nextAfter(tx, from)
  if (environment.id === from.id) {
    throw new AppError('invalid', 'promotion.same_environment', {
      message: `to: ${from.name} cannot be promoted to itself; name another environment.`,
    })
  }
  const { releaseId } = await findDeployment(tx, scope.projectId, serving)
  const release = await findRelease(tx, scope.projectId, releaseId)
  const snapshot = await snapshotFor(tx, parts, { scope, environment, release })
  return prepared({ tx, scope, asked, environment, release, snapshot, kind: 'promotion' })
}

async function nextAfter(tx: Transaction, from: EnvironmentRecord): Promise<EnvironmentRecord> {
  const [next] = await tx
    .select()
    .from(environments)
    .where(
      and(
        eq(environments.projectId, from.projectId),
        isNull(environments.deletedAt),
        gt(environments.position, from.position),
      ),
    )
    .orderBy(asc(environments.position), asc(environments.name))
    .limit(1)
  if (next) return next
  throw new AppError('conflict', 'promotion.no_next', {
    message: `${from.name} is the last environment; name one with \`--to\`.`,
  })
}

export async function rollbackAsked(
  tx: Transaction,
  parts: StartParts & { blobs: { verify(digest: string): Promise<'intact' | 'damaged' | 'missing'> } },
  scope: ProjectScope,
  asked: Asked & { to?: string | number | null; config?: 'snapshot' | 'current' },
): Promise<Prepared> {
  const environment = await findEnvironment(tx, scope.projectId, asked.environment)
  const target = await chooseTarget(tx, environment, asked.to ?? null)
  const release = await findRelease(tx, scope.projectId, target.releaseId)
  // Nothing is touched for a version that cannot come back.
  const bundle = await parts.blobs.verify(target.snapshot.bundle)
  if (bundle !== 'intact') {
    throw new AppError('conflict', `rollback.bundle_${bundle}`, {
      message: `The bundle of deployment #${target.number} is ${bundle}; choose another one with \`--to\`.`,
    })
  }
  const isCurrent = asked.config === 'current'
  const snapshot = isCurrent ? await snapshotFor(tx, parts, { scope, environment, release }) : target.snapshot
  // What was frozen is worth nothing if its secrets cannot be opened any more.
  if (!isCurrent) await parts.secrets.open(tx, scope, snapshot.secrets)
  return prepared({
    tx,
    scope,
    asked,
    environment,
    release,
    snapshot,
    kind: 'rollback',
    snapshotOf: isCurrent ? null : target,
  })
}

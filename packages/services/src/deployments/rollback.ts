import type { Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { and, desc, eq, inArray, isNotNull } from 'drizzle-orm'
import { activeStatuses } from './contract.ts'
import { servingIn } from './load.ts'
import { type DeploymentRecord, type EnvironmentRecord, findDeployment } from './start.ts'
import { deployments } from './tables.ts'

/** How far back a target is looked for; retention keeps fewer. */
const mostHistory = 500

export interface History {
  id: string
  number: number
  kind: string
  digest: string
  /** What served when it switched. */
  replaces: string | null
}

/**
 * Where a rollback leads when nobody says where: the last deployment that succeeded with another snapshot than the one
 * that runs, and whose snapshot no later rollback has left behind, be it the one that is under way: who asks twice must
 * not end where the first one leads away from. `succeeded` is newest first.
 */
export function rollbackTarget<T extends History>(current: History, succeeded: T[]): T | null {
  const byId = new Map(succeeded.map((one) => [one.id, one]))
  const left = [current, ...succeeded].flatMap((one) => {
    const from = one.kind === 'rollback' && one.replaces !== null ? byId.get(one.replaces) : undefined
    return from ? [{ since: one.number, digest: from.digest }] : []
  })
  const isLeft = (one: History) => left.some(({ since, digest }) => since > one.number && digest === one.digest)
  return succeeded.find((one) => one.number < current.number && one.digest !== current.digest && !isLeft(one)) ?? null
}

/** The deployment that runs or is on its way, which is what a person wants to get away from. */
async function currentOf(tx: Transaction, environmentId: string): Promise<DeploymentRecord | null> {
  const [active] = await tx
    .select()
    .from(deployments)
    .where(and(eq(deployments.environmentId, environmentId), inArray(deployments.status, [...activeStatuses])))
    .limit(1)
  if (active && active.status !== 'rolling_back') return active
  const id = await servingIn(tx, environmentId)
  if (!id) return null
  const [serving] = await tx.select().from(deployments).where(eq(deployments.id, id))
  return serving ?? null
}

export async function chooseTarget(
  tx: Transaction,
  environment: EnvironmentRecord,
  to: string | number | null,
): Promise<DeploymentRecord> {
  if (to !== null) {
    const target = await findDeployment(tx, environment.projectId, to)
    if (target.environmentId !== environment.id) {
      throw new AppError('invalid', 'deployment.other_environment', {
        message: `to: deployment #${target.number} belongs to another environment; use \`juanie promote\` to take its release here.`,
      })
    }
    if (target.status !== 'succeeded') {
      throw new AppError('invalid', 'deployment.not_succeeded', {
        message: `to: deployment #${target.number} is ${target.status.replaceAll('_', ' ')}; a rollback leads to one that succeeded.`,
      })
    }
    return target
  }
  const current = await currentOf(tx, environment.id)
  const succeeded = await tx
    .select({
      id: deployments.id,
      number: deployments.number,
      kind: deployments.kind,
      digest: deployments.digest,
      replaces: deployments.replaces,
    })
    .from(deployments)
    .where(
      and(
        eq(deployments.environmentId, environment.id),
        eq(deployments.status, 'succeeded'),
        isNotNull(deployments.finishedAt),
      ),
    )
    .orderBy(desc(deployments.number))
    .limit(mostHistory)
  const target = current && rollbackTarget(current, succeeded)
  if (!target) {
    throw new AppError('conflict', 'rollback.no_target', {
      message: `No earlier deployment of ${environment.name} succeeded with other files, configuration or secrets, or all of them were rolled back; name one with \`--to\`.`,
    })
  }
  return findDeployment(tx, environment.projectId, target.id)
}

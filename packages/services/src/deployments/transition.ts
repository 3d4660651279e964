import type { Database, Transaction } from '@juanie/core/database'
import { type Fact, recordAll } from '@juanie/core/events'
import { crashPoint } from '@juanie/core/points'
import type { Scope } from '@juanie/core/scope'
import { eq, sql } from 'drizzle-orm'
import type { DeploymentStatus, Stages } from './contract.ts'
import type { Because } from './plan.ts'
import { afterMove, isFinal, type Move, movePoints } from './status.ts'
import { deployments } from './tables.ts'

/** Payload: id of a deployment that somebody should look at. */
export const deploymentChannel = 'juanie_deployment'
/** Payload: id of a host whose desired state changed. */
export const desiredChannel = 'juanie_desired'

/** A deployment whose row this transaction has locked. */
export interface Locked {
  id: string
  number: number
  environmentId: string
  status: DeploymentStatus
  stages: Stages
  reason: string | null
}

interface Pending {
  scope: Scope
  deployment: Locked
  moves: { from: DeploymentStatus; move: Move }[]
  facts: Fact[]
  more: Partial<typeof deployments.$inferInsert>
}

/**
 * The one writer of `deployments.status`: it asks the table, records what happened, keeps the time of each stage, and
 * puts a crash point before and after every move. The moves of one transaction are written together at its end.
 */
export class Moves {
  readonly #pending = new Map<string, Pending>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** `more` is written to the row with the move. */
  make(
    scope: Scope,
    deployment: Locked,
    step: { move: Move; because?: Because; more?: Partial<typeof deployments.$inferInsert> },
  ): void {
    const from = deployment.status
    const to = afterMove(from, step.move)
    if (to === null) throw new Error(`deployment ${deployment.id} is ${from}, which has no move ${step.move}`)
    const pending = this.#pending.get(deployment.id) ?? { scope, deployment, moves: [], facts: [], more: {} }
    this.#pending.set(deployment.id, pending)
    const now = this.#clock()
    deployment.status = to
    deployment.stages = { ...deployment.stages, [to]: now }
    if (step.because) {
      deployment.reason = step.because.reason
      pending.more.why = step.because.why
    }
    pending.moves.push({ from, move: step.move })
    Object.assign(pending.more, step.more, isFinal(to) && { finishedAt: new Date(now) })
    const fact = (type: string): Fact => ({
      type,
      subjectId: deployment.id,
      data: {
        number: deployment.number,
        environmentId: deployment.environmentId,
        from,
        status: to,
        reason: step.because?.reason ?? null,
      },
    })
    if (to === 'preparing') pending.facts.push(fact('deployment.started'))
    pending.facts.push(fact(`deployment.${to}`))
    if (isFinal(to)) pending.facts.push(fact('deployment.completed'))
  }

  get made(): { id: string; from: DeploymentStatus; move: Move; to: DeploymentStatus }[] {
    return [...this.#pending.values()].flatMap(({ deployment, moves }) =>
      moves.map(({ from, move }) => ({ id: deployment.id, from, move, to: afterMove(from, move)! })),
    )
  }

  /** Safe to repeat: writes what was not written yet. */
  async write(tx: Transaction): Promise<void> {
    for (const pending of this.#pending.values()) {
      const { scope, deployment, facts, more } = pending
      if (facts.length === 0) continue
      pending.facts = []
      pending.more = {}
      const { status, stages, reason } = deployment
      await tx
        .update(deployments)
        .set({ ...more, status, stages, reason })
        .where(eq(deployments.id, deployment.id))
      await recordAll(tx, scope, facts)
    }
  }
}

/** A transaction that may move deployments; there is no other way to a `Moves` that gets written. */
export async function moving<T>(
  db: Database,
  clock: () => number,
  work: (tx: Transaction, moves: Moves) => Promise<T>,
): Promise<{ result: T; made: Moves['made'] }> {
  const moves = new Moves(clock)
  const result = await db.transaction(async (tx) => {
    const done = await work(tx, moves)
    await moves.write(tx)
    for (const each of moves.made) crashPoint(movePoints(each).before)
    return done
  })
  for (const each of moves.made) crashPoint(movePoints(each).after)
  return { result, made: moves.made }
}

/** Asks every server to look at these deployments, once this transaction is committed. */
export async function callForAll(tx: Transaction, deploymentIds: string[]): Promise<void> {
  if (deploymentIds.length === 0) return
  await tx.execute(sql`
    select pg_notify(${deploymentChannel}, id) from jsonb_array_elements_text(${JSON.stringify(deploymentIds)}::jsonb) id`)
}

/** The same for one. */
export const callFor = (tx: Transaction, deploymentId: string) =>
  tx.execute(sql`select pg_notify(${deploymentChannel}, ${deploymentId})`)

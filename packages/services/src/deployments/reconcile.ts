import type { Database, Transaction } from '@juanie/core/database'
import { messageOf } from '@juanie/core/errors'
import { holdsLease, leases, releaseLease, takeLease } from '@juanie/core/leases'
import { crashPoint } from '@juanie/core/points'
import { systemScope } from '@juanie/core/scope'
import { and, asc, eq, inArray } from 'drizzle-orm'
import type { BlobStore } from '../releases/port.ts'
import { applyEdits, lastWords } from './edits.ts'
import { updateHealth } from './health.ts'
import { deploymentRow, type Loaded, loadFacts, refresh, servingIn } from './load.ts'
import { type Decision, decide, type Facts } from './plan.ts'
import { isFinal } from './status.ts'
import { deployments } from './tables.ts'
import { callFor, type Moves, moving } from './transition.ts'

/** What other parts are told right after a commit, so that nothing waits for a notification or a sweep. */
export interface Signals {
  /** The host's desired state has a new revision. */
  desired(hostId: string): void
  /** Somebody should look at this deployment. */
  deployment(deploymentId: string): void
}

/** More steps than any deployment takes between two things that it must wait for. */
const mostSteps = 30
const mostPasses = 8

type Bundle = Facts['bundle']
type Next =
  | { kind: 'gone' | 'held elsewhere' | 'over' }
  | { kind: 'rest'; dueAt: number | null }
  | { kind: 'check bundle'; fence: number; digest: string }
interface Pass {
  next: Next
  hostId: string | null
  isDesiredNew: boolean
  successor: string | null
}

/**
 * Brings one deployment as far as it can go now. Level-triggered: it looks at what is stored and at nothing else, may
 * be called by anybody at any time, and a call too many changes nothing.
 *
 * Who reconciles holds the deployment's lease. A pass is one transaction; between two passes (while the bundle is
 * looked at) the lease is what keeps another server from doing the same, and its number refuses whoever slept past it.
 */
export class Reconciler {
  readonly #db: Database
  readonly #blobs: BlobStore
  readonly #owner: string
  readonly #clock: () => number
  readonly #signals: Signals

  constructor(parts: { db: Database; blobs: BlobStore; owner: string; clock: () => number; signals: Signals }) {
    this.#db = parts.db
    this.#blobs = parts.blobs
    this.#owner = parts.owner
    this.#clock = parts.clock
    this.#signals = parts.signals
  }

  /** When to look again at the latest, in milliseconds since the epoch; null: when something is observed. */
  async run(deploymentId: string): Promise<number | null> {
    let bundle: Bundle = { kind: 'unknown' }
    let fence: number | null = null
    for (let pass = 0; pass < mostPasses; pass++) {
      const held: number | null = fence
      const seen: Bundle = bundle
      const { result }: { result: Pass } = await moving(this.#db, this.#clock, (tx, moves) =>
        this.#pass(tx, moves, { deploymentId, fence: held, bundle: seen }),
      )
      crashPoint('deployment.after.edit')
      if (result.isDesiredNew && result.hostId) this.#signals.desired(result.hostId)
      if (result.successor) this.#signals.deployment(result.successor)
      if (result.next.kind === 'rest') return result.next.dueAt
      if (result.next.kind !== 'check bundle') return null
      fence = result.next.fence
      bundle = await this.#look(result.next.digest)
    }
    throw new Error(`deployment ${deploymentId} does not come to rest`)
  }

  /** Whether there is anything to do, without taking the lease or a lock. */
  async isAtRest(deploymentId: string): Promise<boolean> {
    return this.#db.transaction(
      async (tx) => {
        const loaded = await loadFacts(tx, deploymentId, {
          now: this.#clock(),
          bundle: { kind: 'unknown' },
          isLocking: false,
        })
        return loaded === null || isFinal(loaded.row.status) || decide(loaded.facts).kind === 'rest'
      },
      { accessMode: 'read only' },
    )
  }

  async #pass(
    tx: Transaction,
    moves: Moves,
    at: { deploymentId: string; fence: number | null; bundle: Bundle },
  ): Promise<Pass> {
    const subjectId = at.deploymentId
    const pass: Pass = { next: { kind: 'gone' }, hostId: null, isDesiredNew: false, successor: null }
    const fence = await this.#fence(tx, subjectId, at.fence)
    if (fence === null) return { ...pass, next: { kind: 'held elsewhere' } }
    const loaded = await loadFacts(tx, subjectId, { now: this.#clock(), bundle: at.bundle, isLocking: true })
    if (loaded) {
      pass.hostId = loaded.row.hostId
      pass.next = await this.#advance(tx, moves, { loaded, fence, pass })
    }
    if (pass.next.kind === 'over' || pass.next.kind === 'gone') {
      await tx.delete(leases).where(eq(leases.subjectId, subjectId))
    } else if (pass.next.kind === 'rest') await releaseLease(tx, subjectId, fence)
    crashPoint('deployment.before.edit')
    return pass
  }

  async #fence(tx: Transaction, subjectId: string, held: number | null): Promise<number | null> {
    if (held !== null) return (await holdsLease(tx, subjectId, held)) ? held : null
    const taken = await takeLease(tx, { subjectId, kind: 'deployment', owner: this.#owner })
    return taken?.fence ?? null
  }

  async #advance(
    tx: Transaction,
    moves: Moves,
    { loaded, fence, pass }: { loaded: Loaded; fence: number; pass: Pass },
  ): Promise<Next> {
    const { row, facts } = loaded
    let replaces = (await deploymentRow(tx, row.id)).replaces
    for (let step = 0; step < mostSteps; step++) {
      if (isFinal(row.status)) return this.#over(tx, row, pass)
      const decision = decide(facts)
      if (decision.kind === 'rest') {
        if (step > 0) await updateHealth(tx, [row.environmentId])
        return { kind: 'rest', dueAt: decision.dueAt }
      }
      if (decision.kind === 'check bundle')
        return { kind: decision.kind, fence, digest: facts.deployment.snapshot.bundle }
      if (await applyEdits(tx, loaded, decision.edits)) pass.isDesiredNew = true
      if (decision.kind === 'move') {
        if (decision.move === 'prepare') replaces = await servingIn(tx, row.environmentId)
        const reason = await reasonOf(tx, decision)
        const more = decision.move === 'prepare' ? { replaces } : {}
        moves.make(systemScope(row.organizationId, row.projectId), row, {
          move: decision.move,
          ...(reason === undefined ? {} : { reason }),
          more,
        })
        facts.deployment.status = row.status
        facts.deployment.stages = row.stages
      }
      if (!isFinal(row.status)) await refresh(tx, loaded, replaces)
    }
    throw new Error(`deployment ${row.id} takes too many steps at once`)
  }

  async #over(tx: Transaction, row: Loaded['row'], pass: Pass): Promise<Next> {
    await updateHealth(tx, [row.environmentId])
    const [successor] = await tx
      .select({ id: deployments.id })
      .from(deployments)
      .where(and(eq(deployments.environmentId, row.environmentId), inArray(deployments.status, ['queued', 'waiting'])))
      .orderBy(asc(deployments.number))
      .limit(1)
    if (successor) {
      pass.successor = successor.id
      await callFor(tx, successor.id)
    }
    return { kind: 'over' }
  }

  async #look(digest: string): Promise<Bundle> {
    try {
      const found = await this.#blobs.stat(digest)
      if (found) return { kind: 'present' }
      return { kind: 'unusable', why: `the bundle ${digest} is no longer in the store: make the release again` }
    } catch (error) {
      return { kind: 'unusable', why: `the bundle ${digest} cannot be read: ${messageOf(error)}` }
    }
  }
}

/** Why it failed, with the last lines of the instance that is to blame. */
async function reasonOf(tx: Transaction, decision: Decision & { kind: 'move' }): Promise<string | undefined> {
  if (decision.reason === undefined || decision.blame === undefined) return decision.reason
  const words = await lastWords(tx, decision.blame)
  return words === null ? decision.reason : `${decision.reason} — last lines: ${words}`
}

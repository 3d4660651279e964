import type { Database, Transaction } from '@juanie/core/database'
import { messageOf } from '@juanie/core/errors'
import { leases, takeLease } from '@juanie/core/leases'
import { crashPoint } from '@juanie/core/points'
import { systemScope } from '@juanie/core/scope'
import { and, asc, eq, inArray } from 'drizzle-orm'
import type { BlobStore } from '../releases/port.ts'
import { applyEdits, bumpRevision } from './edits.ts'
import { updateHealth } from './health.ts'
import { type Loaded, loadFacts } from './load.ts'
import { type Because, decide, type Facts } from './plan.ts'
import { isFinal } from './status.ts'
import { deployments } from './tables.ts'
import { callFor, type Moves, moving } from './transition.ts'
import { lastWords } from './words.ts'

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
const mostSeen = 1_000

export type Bundle = Facts['bundle']
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
 * A pass is one transaction that has the host and the deployment's row locked. Whoever must leave it to look at
 * something outside (the bundle) holds the deployment's lease meanwhile: it keeps another server from doing the same,
 * and its number refuses whoever slept past it.
 */
export class Reconciler {
  readonly #db: Database
  readonly #blobs: BlobStore
  readonly #owner: string
  readonly #clock: () => number
  readonly #signals: Signals
  readonly #seen = new Map<string, Bundle>()

  constructor(parts: { db: Database; blobs: BlobStore; owner: string; clock: () => number; signals: Signals }) {
    this.#db = parts.db
    this.#blobs = parts.blobs
    this.#owner = parts.owner
    this.#clock = parts.clock
    this.#signals = parts.signals
  }

  /** Whoever has just looked for the bundle of a new deployment says so, and saves its first run a transaction. */
  saw(deploymentId: string, bundle: Bundle): void {
    if (this.#seen.size >= mostSeen) this.#seen.clear()
    this.#seen.set(deploymentId, bundle)
  }

  /** When to look again at the latest, in milliseconds since the epoch; null: when something is observed. */
  async run(deploymentId: string): Promise<number | null> {
    let bundle = this.#seen.get(deploymentId) ?? { kind: 'unknown' }
    this.#seen.delete(deploymentId)
    let fence: number | null = null
    for (let pass = 0; pass < mostPasses; pass++) {
      const at: { deploymentId: string; fence: number | null; bundle: Bundle } = { deploymentId, fence, bundle }
      const { result }: { result: Pass } = await moving(this.#db, this.#clock, (tx, moves) => this.#pass(tx, moves, at))
      crashPoint('deployment.after.edit')
      if (result.isDesiredNew && result.hostId) this.#signals.desired(result.hostId)
      if (result.successor) this.#signals.deployment(result.successor)
      if (result.next.kind === 'rest') return result.next.dueAt
      if (result.next.kind !== 'check bundle') return null
      fence = result.next.fence
      bundle = await this.look(result.next.digest)
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
    const pass: Pass = { next: { kind: 'gone' }, hostId: null, isDesiredNew: false, successor: null }
    const loaded = await loadFacts(tx, at.deploymentId, { now: this.#clock(), bundle: at.bundle, isLocking: true })
    if (!loaded) return pass
    // The host is locked, so nobody takes the lease between this look and the commit.
    if (!this.#mayWork(loaded.lease, at.fence)) return { ...pass, next: { kind: 'held elsewhere' } }
    pass.hostId = loaded.row.hostId
    pass.next = await this.#advance(tx, moves, { loaded, pass })
    if (loaded.lease && pass.next.kind !== 'check bundle') {
      await tx.delete(leases).where(eq(leases.subjectId, at.deploymentId))
    }
    if (pass.isDesiredNew) await bumpRevision(tx, loaded.row.hostId)
    crashPoint('deployment.before.edit')
    return pass
  }

  /** With a number, only under that number; without, when nobody else works on it now. */
  #mayWork(lease: Loaded['lease'], fence: number | null): boolean {
    if (fence !== null) return lease?.fence === fence
    return lease === null || lease.owner === this.#owner
  }

  async #advance(tx: Transaction, moves: Moves, { loaded, pass }: { loaded: Loaded; pass: Pass }): Promise<Next> {
    const { row, facts } = loaded
    const isSeen = (): boolean =>
      moves.made.some(({ to }) => isFinal(to) || to === 'soaking' || (to === 'preparing' && facts.replaced === null))
    for (let step = 0; step < mostSteps; step++) {
      if (isFinal(row.status)) return this.#over(tx, { loaded, moves, pass })
      const decision = decide(facts)
      if (decision.kind === 'rest') {
        if (isSeen()) await this.#health(tx, loaded, moves)
        return { kind: 'rest', dueAt: decision.dueAt }
      }
      if (decision.kind === 'check bundle') {
        const lease = { subjectId: row.id, kind: 'deployment' as const, owner: this.#owner }
        const taken = await takeLease(tx, lease)
        if (!taken) return { kind: 'held elsewhere' }
        return { kind: decision.kind, fence: taken.fence, digest: facts.deployment.snapshot.bundle }
      }
      await applyEdits(tx, loaded, decision.edits)
      if (decision.edits.length > 0) pass.isDesiredNew = true
      if (decision.kind === 'edit') continue
      const because = await withLastWords(tx, decision.because)
      moves.make(systemScope(row.organizationId, row.projectId), row, {
        move: decision.move,
        ...(because && { because }),
        ...(decision.move === 'prepare' ? { more: { replaces: row.servingId } } : {}),
      })
      facts.deployment.status = row.status
      facts.deployment.stages = row.stages
    }
    throw new Error(`deployment ${row.id} takes too many steps at once`)
  }

  /** Health follows from the status of the row, which is written last otherwise. */
  async #health(tx: Transaction, { row }: Loaded, moves: Moves): Promise<void> {
    await moves.write(tx)
    await updateHealth(tx, [row.environmentId])
  }

  async #over(tx: Transaction, { loaded, moves, pass }: { loaded: Loaded; moves: Moves; pass: Pass }): Promise<Next> {
    const { row } = loaded
    if (moves.made.length === 0) return { kind: 'over' }
    await this.#health(tx, loaded, moves)
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

  /** Whether the bundle is there. */
  async look(digest: string): Promise<Bundle> {
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
async function withLastWords(tx: Transaction, because: Because | undefined): Promise<Because | undefined> {
  if (!because?.why.instanceId || because.why.key === 'old_failed') return because
  const words = await lastWords(tx, because.why.instanceId)
  return words === null ? because : { ...because, reason: `${because.reason} — last lines: ${words}` }
}

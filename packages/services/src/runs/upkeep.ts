import type { CalledFetch } from './called-fetch.ts'
import type { ConcurrencyGroups } from './concurrency.ts'
import type { RunFollowing } from './follow.ts'
import type { RunSignals } from './signals.ts'
import type { TriggeredRuns } from './triggers.ts'

const everyMs = 2_000

interface Parts {
  signals: RunSignals
  groups: ConcurrencyGroups
  following: RunFollowing
  fetch: CalledFetch
  triggered: TriggeredRuns
  /** Told of what goes wrong beside any request; it is tried again. */
  failed: (error: unknown) => void
}

/**
 * Does at once what a commit asks for beyond its own run, and looks again and again for what a crash, another server or
 * a lost word left undone. Any number of servers may do so at the same time.
 */
export class RunUpkeep {
  readonly #parts: Parts
  readonly #working = new Set<Promise<void>>()
  #stop: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #turn: Promise<void> | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  start(): void {
    const { signals, groups, following, fetch } = this.#parts
    this.#stop = signals.on({
      groupsChanged: (projectId, names) => {
        for (const name of names) this.#do(() => groups.settle(projectId, name))
      },
      runsChanged: (ids) => {
        for (const id of ids) this.#do(() => following.tell(id))
      },
      workflowsWanted: (id) => this.#do(() => fetch.fetch(id)),
    })
    this.#timer = setInterval(() => {
      this.#turn ??= this.turn().finally(() => {
        this.#turn = null
      })
    }, everyMs)
  }

  async stop(): Promise<void> {
    this.#stop?.()
    if (this.#timer) clearInterval(this.#timer)
    await this.#turn
    await Promise.all(this.#working)
  }

  /** One look at everything. One part that fails keeps no other from its turn. */
  async turn(): Promise<void> {
    const { groups, following, fetch, triggered, failed } = this.#parts
    await groups.turn().catch(failed)
    await triggered.turn().catch(failed)
    await following.turn().catch(failed)
    await fetch.turn(failed).catch(failed)
  }

  #do(what: () => Promise<void>): void {
    const work = what()
      .catch(this.#parts.failed)
      .finally(() => this.#working.delete(work))
    this.#working.add(work)
  }
}

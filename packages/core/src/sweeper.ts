import type { Database } from './database.ts'
import type { Sweeps } from './jobs.ts'
import { leaseMs, releaseLease, renewLease, renewMs, takeLease } from './leases.ts'

/** Whoever holds this lease sweeps. */
const subjectId = '00000000-0000-7000-8000-000000000001'

interface Sweep {
  name: string
  ms: number
  run: () => Promise<void>
  timer: NodeJS.Timeout | null
  running: Promise<void> | null
}

/**
 * Runs the sweeps of one server, the one that holds the lease; another takes over within seconds of its death. A sweep
 * may still be running on a server that lost the lease, so sweeps are written to be safe side by side.
 */
export class Sweeper implements Sweeps {
  readonly #db: Database
  readonly #owner: string
  readonly #failed: (name: string, error: unknown) => void
  readonly #sweeps: Sweep[] = []
  #fence: number | null = null
  /** By this process's own monotonic clock, counted from before the lease was asked for: never too long. */
  #heldUntil = 0
  #timer: NodeJS.Timeout | null = null
  #turn: Promise<void> | null = null
  #isStopped = false

  constructor(parts: { db: Database; owner: string; failed?: (name: string, error: unknown) => void }) {
    this.#db = parts.db
    this.#owner = parts.owner
    this.#failed = parts.failed ?? (() => {})
  }

  every(ms: number, name: string, sweep: () => Promise<void>): void {
    this.#sweeps.push({ ms, name, run: sweep, timer: null, running: null })
  }

  get isLeading(): boolean {
    return this.#fence !== null && performance.now() < this.#heldUntil
  }

  start(): void {
    this.#timer = setInterval(() => this.#renew(), renewMs)
    this.#renew()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer) clearInterval(this.#timer)
    await this.#turn
    this.#unschedule()
    await Promise.all(this.#sweeps.map((sweep) => sweep.running))
    if (this.#fence !== null) await releaseLease(this.#db, subjectId, this.#fence).catch(() => {})
    this.#fence = null
  }

  #renew(): void {
    this.#turn ??= this.#lead().finally(() => {
      this.#turn = null
    })
  }

  async #lead(): Promise<void> {
    const asked = performance.now()
    try {
      if (this.#fence !== null && (await renewLease(this.#db, subjectId, this.#fence))) {
        this.#heldUntil = asked + leaseMs
        return
      }
      this.#fence = null
      this.#unschedule()
      const taken = await takeLease(this.#db, { subjectId, kind: 'singleton', owner: this.#owner })
      if (!taken || this.#isStopped) return
      this.#fence = taken.fence
      this.#heldUntil = asked + leaseMs
      this.#schedule()
    } catch (error) {
      this.#failed('lease', error)
    }
  }

  #schedule(): void {
    for (const sweep of this.#sweeps) {
      // At once too: whoever takes over finds what the one before left.
      this.#run(sweep)
      sweep.timer = setInterval(() => this.#run(sweep), sweep.ms)
    }
  }

  #unschedule(): void {
    for (const sweep of this.#sweeps) {
      if (sweep.timer) clearInterval(sweep.timer)
      sweep.timer = null
    }
  }

  #run(sweep: Sweep): void {
    if (sweep.running || !this.isLeading) return
    sweep.running = Promise.resolve()
      .then(sweep.run)
      .catch((error) => this.#failed(sweep.name, error))
      .finally(() => {
        sweep.running = null
      })
  }
}

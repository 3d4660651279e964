/** How many deployments one server reconciles at the same moment. */
const mostAtOnce = 4

interface Parts {
  /** Reconciles; answers when to look again at the latest. */
  run(id: string): Promise<number | null>
  /** A cheap look: whether there is anything to do. */
  isAtRest(id: string): Promise<boolean>
  failed(error: unknown, id: string): void
  clock: () => number
}

/**
 * Runs each deployment once at a time in this process. A request that comes while it runs causes one more run, and any
 * number of them only one.
 */
export class Worker {
  readonly #parts: Parts
  readonly #wanted = new Map<string, 'run' | 'look'>()
  readonly #running = new Set<string>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #watchers = new Map<string, Set<() => void>>()
  #idle: (() => void)[] = []
  #isClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Something happened to it: bring it on. */
  request(id: string): void {
    this.#want(id, 'run')
  }

  /** Something may have happened to it: look first. */
  look(id: string): void {
    if (!this.#wanted.has(id)) this.#want(id, 'look')
  }

  /** After its next run in this process, or after so many milliseconds. */
  async next(id: string, ms: number): Promise<void> {
    const watchers = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, watchers)
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        watchers.delete(done)
        if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id)
        resolve()
      }
      const timer = setTimeout(done, ms)
      watchers.add(done)
    })
  }

  /** When nothing runs and nothing is wanted any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0 || this.#wanted.size > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#wanted.clear()
    for (const watchers of [...this.#watchers.values()]) for (const done of [...watchers]) done()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await this.settled()
  }

  #want(id: string, how: 'run' | 'look'): void {
    if (this.#isClosed) return
    this.#wanted.set(id, how)
    this.#pump()
  }

  #pump(): void {
    for (const [id, how] of this.#wanted) {
      if (this.#running.size >= mostAtOnce) return
      if (this.#running.has(id)) continue
      this.#wanted.delete(id)
      this.#running.add(id)
      void this.#one(id, how).finally(() => {
        this.#running.delete(id)
        for (const done of [...(this.#watchers.get(id) ?? [])]) done()
        this.#pump()
        if (this.#running.size > 0 || this.#wanted.size > 0) return
        const idle = this.#idle
        this.#idle = []
        for (const resolve of idle) resolve()
      })
    }
  }

  async #one(id: string, how: 'run' | 'look'): Promise<void> {
    try {
      if (how === 'look' && (await this.#parts.isAtRest(id))) return
      this.#later(id, await this.#parts.run(id))
    } catch (error) {
      // The sweep comes to it again.
      this.#parts.failed(error, id)
    }
  }

  #later(id: string, dueAt: number | null): void {
    clearTimeout(this.#timers.get(id))
    this.#timers.delete(id)
    if (dueAt === null || this.#isClosed) return
    const ms = Math.min(Math.max(dueAt - this.#parts.clock(), 1), 60_000)
    const timer = setTimeout(() => {
      this.#timers.delete(id)
      this.request(id)
    }, ms)
    timer.unref()
    this.#timers.set(id, timer)
  }
}

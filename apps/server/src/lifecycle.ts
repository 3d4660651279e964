import type { Logger } from 'pino'

interface Part {
  name: string
  start?: () => Promise<void> | void
  stop?: () => Promise<void> | void
}

const stopLimitMs = 4_000

/** What runs beside the requests. Parts start in the order in which they were added and stop in the opposite one. */
export class Lifecycle {
  readonly #log: Logger
  readonly #parts: Part[] = []
  #started = 0
  #isOver = false

  constructor(log: Logger) {
    this.#log = log
  }

  add(part: Part): void {
    this.#parts.push(part)
  }

  async start(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#isOver) return
      this.#started++
      await part.start?.()
    }
  }

  /** A part that does not stop in time is left behind: the process ends soon. */
  async stop(): Promise<void> {
    this.#isOver = true
    for (const part of this.#parts.slice(0, this.#started).reverse()) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          this.#log.warn({ part: part.name }, 'did not stop in time')
          resolve()
        }, stopLimitMs)
      })
      try {
        await Promise.race([Promise.resolve(part.stop?.()), late])
      } catch (error) {
        this.#log.error({ part: part.name, err: error }, 'failed to stop')
      } finally {
        clearTimeout(timer)
      }
    }
  }
}

import { pushPoint } from './points.ts'
import type { GitStore } from './port.ts'

type Pin = { runId: string; commit: string }

const delayMs = 250

/**
 * Pins the commits of runs a moment after they were made: nothing is cleaned away meanwhile, and the hot path stays
 * free of another process. What a crash loses, a sweep pins again.
 */
export class PinQueue {
  readonly #git: GitStore
  readonly #failed: (error: unknown) => void
  readonly #waiting = new Map<string, Pin[]>()
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(parts: { git: GitStore; failed?: (error: unknown) => void }) {
    this.#git = parts.git
    this.#failed = parts.failed ?? (() => {})
  }

  add(repositoryId: string, pin: Pin): void {
    const waiting = this.#waiting.get(repositoryId)
    if (waiting) waiting.push(pin)
    else this.#waiting.set(repositoryId, [pin])
    this.#timer ??= setTimeout(() => void this.flush(), delayMs)
  }

  /** Pins what waits; returns when everything added before is pinned. */
  flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    const batch = [...this.#waiting]
    this.#waiting.clear()
    this.#running = this.#running.then(async () => {
      for (const [repositoryId, pins] of batch) {
        try {
          await this.#git.pin(repositoryId, pins)
          pushPoint('run.pinned')
        } catch (error) {
          this.#failed(error)
        }
      }
    })
    return this.#running
  }
}

import type { Listener } from '@juanie/core/listener'
import type { RunNews } from './contract.ts'
import { channels } from './signals.ts'

/** Null: notifications may have been missed, so anything may have changed. */
type Hear = (news: RunNews | null) => void

/** A run of many short steps is told of this often at most. */
const pauseMs = 250

/**
 * Tells of runs whose steps have begun or ended: what is not worth an event row, and what a viewer wants to see
 * soon. Nothing is kept, and one that is lost is made good by the event of the job's end.
 */
export class RunProgress {
  readonly #hearers = new Set<Hear>()
  /** Runs that were just told of, and whether there is news since. */
  readonly #paused = new Map<string, { news: RunNews | null; timer: NodeJS.Timeout }>()
  readonly #stop: () => void

  constructor(parts: { listener: Pick<Listener, 'on'> }) {
    this.#stop = parts.listener.on(channels.steps, (payload) => {
      if (this.#hearers.size === 0) return
      if (payload === null) return this.#tell(null)
      const [organizationId = '', projectId = '', runId = ''] = payload.split(' ')
      this.#take({ organizationId, projectId, runId })
    })
  }

  on(hear: Hear): () => void {
    this.#hearers.add(hear)
    return () => void this.#hearers.delete(hear)
  }

  close(): void {
    this.#stop()
    for (const { timer } of this.#paused.values()) clearTimeout(timer)
    this.#paused.clear()
  }

  #take(news: RunNews): void {
    const paused = this.#paused.get(news.runId)
    if (paused) {
      paused.news = news
      return
    }
    const timer = setTimeout(() => {
      const late = this.#paused.get(news.runId)?.news
      this.#paused.delete(news.runId)
      if (late) this.#take(late)
    }, pauseMs)
    this.#paused.set(news.runId, { news: null, timer })
    this.#tell(news)
  }

  #tell(news: RunNews | null): void {
    for (const hear of this.#hearers) hear(news)
  }
}

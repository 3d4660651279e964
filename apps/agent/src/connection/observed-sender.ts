import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { Observed, ObservedAnswer } from '@juanie/services/hosts/contract'
import { BackOff } from './back-off.ts'
import { mayPass, type Server } from './server.ts'

export interface ObservedSenderParts {
  server: Server
  incarnation: string
  /** The whole truth now. */
  observe(): Omit<Observed, 'incarnation' | 'seq'>
  /** Probes up to these numbers are stored. */
  onStored(probes: Record<string, number>): void
  warn(message: string): void
}

/** What may wait, probes that changed nothing for example, waits so long for company. */
const laterMs = 200
/** Told again after so long without a change, so that what got lost on the server's side heals. */
const refreshMs = 30_000

/**
 * Tells the server what is true on this host: the newest whole truth, at once when it changes, never two at a time.
 * What changes while one is on its way makes one more.
 */
export class ObservedSender {
  readonly #parts: ObservedSenderParts
  readonly #backOff = new BackOff()
  #seq = 0
  #isSending = false
  #isDirty = false
  #timer: NodeJS.Timeout | null = null
  #dueAt = Number.POSITIVE_INFINITY
  #isClosed = false
  #isStarted = false

  constructor(parts: ObservedSenderParts) {
    this.#parts = parts
  }

  /** Nothing is told before: half a truth would be taken for the whole. */
  start(): void {
    this.#isStarted = true
    this.changed()
  }

  changed(when: 'now' | 'later' = 'now'): void {
    this.#isDirty = true
    this.#schedule(when === 'now' ? 0 : laterMs)
  }

  /** The server is back. */
  hurry(): void {
    this.#backOff.reset()
    this.changed()
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #schedule(inMs: number): void {
    if (this.#isSending || this.#isClosed || !this.#isStarted) return
    const at = performance.now() + inMs
    if (this.#timer && this.#dueAt <= at) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#dueAt = at
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#send()
    }, inMs)
  }

  async #send(): Promise<void> {
    this.#isSending = true
    this.#isDirty = false
    let pauseMs = refreshMs
    try {
      const observed = { incarnation: this.#parts.incarnation, seq: ++this.#seq, ...this.#parts.observe() }
      crashPoint('agent.observed.before-send')
      const answer = await this.#parts.server.json<ObservedAnswer>({
        method: 'POST',
        path: '/api/agent/observed',
        body: JSON.stringify(observed),
        timeoutMs: 10_000,
      })
      this.#backOff.reset()
      this.#parts.onStored(answer.probes)
      crashPoint('agent.observed.acknowledged')
    } catch (error) {
      if (!mayPass(error)) this.#parts.warn(`The state of this host was refused: ${messageOf(error)}`)
      this.#isDirty = true
      pauseMs = this.#backOff.nextMs()
      this.#isSending = false
      this.#schedule(pauseMs)
      return
    }
    this.#isSending = false
    this.#schedule(this.#isDirty ? 0 : pauseMs)
  }
}

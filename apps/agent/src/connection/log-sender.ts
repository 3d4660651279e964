import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { LogBatch, LogsAnswer } from '@juanie/services/hosts/contract'
import { BackOff } from './back-off.ts'
import { mayPass, type Server } from './server.ts'

type LogStreamId = LogBatch['stream']

/** Lines as they are sent: `body` is JSON of their `[time, text]` pairs without the outer brackets. */
export interface LogPiece {
  firstSeq: number
  count: number
  body: string
  /** Of the body as UTF-8. */
  bytes: number
}

/** One stream of lines, numbered without gaps. */
export interface LogSource {
  readonly stream: LogStreamId
  /** The next lines that were not taken yet, at most so many bytes of JSON but at least one; null: there are none. */
  take(maxBytes: number): LogPiece | null
  /** Everything up to this number is stored; null: the stream is not this agent's, nothing of it is wanted. */
  acknowledged(seq: number | null): void
  /** What was taken and not acknowledged will be taken again. */
  rewind(): void
}

/** Together with the last piece this stays below the 4 MiB of the contract. */
const requestBytes = 2.5 * 1024 * 1024
const pieceBytes = 1024 * 1024
const mostBatches = 200
/** Between two requests: what is printed meanwhile goes together. */
const gapMs = 8

export interface LogSenderParts {
  server: Server
  warn(message: string): void
}

/** Sends the lines of all streams, one request at a time, in order within each stream, until each is acknowledged. */
export class LogSender {
  readonly #parts: LogSenderParts
  readonly #ready = new Set<LogSource>()
  readonly #backOff = new BackOff()
  #isSending = false
  #lastSent = 0
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(parts: LogSenderParts) {
    this.#parts = parts
  }

  /** The source has lines to take. */
  wake(source: LogSource): void {
    this.#ready.add(source)
    this.#schedule(gapMs - (performance.now() - this.#lastSent))
  }

  forget(source: LogSource): void {
    this.#ready.delete(source)
  }

  /** The server is back: no reason to wait for the next attempt. */
  hurry(): void {
    this.#backOff.reset()
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#schedule(0)
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #schedule(inMs: number): void {
    if (this.#isSending || this.#timer || this.#isClosed || this.#ready.size === 0) return
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        void this.#send()
      },
      Math.max(0, inMs),
    )
  }

  async #send(): Promise<void> {
    const taken = this.#collect()
    if (taken.length === 0) return
    this.#isSending = true
    this.#lastSent = performance.now()
    try {
      const batches = taken.map(
        ({ source, piece }) =>
          `{"stream":${JSON.stringify(source.stream)},"firstSeq":${piece.firstSeq},"lines":[${piece.body}]}`,
      )
      crashPoint('agent.logs.before-send')
      const answer = await this.#parts.server.json<LogsAnswer>({
        method: 'POST',
        path: '/api/agent/logs',
        body: `{"batches":[${batches.join(',')}]}`,
        timeoutMs: 20_000,
      })
      crashPoint('agent.logs.acknowledged')
      this.#backOff.reset()
      taken.forEach(({ source }, i) => {
        source.acknowledged(answer.acknowledged[i] ?? null)
      })
      this.#isSending = false
      this.#schedule(gapMs - (performance.now() - this.#lastSent))
    } catch (error) {
      this.#isSending = false
      for (const { source } of taken) {
        source.rewind()
        this.#ready.add(source)
      }
      if (!mayPass(error)) this.#parts.warn(`Log lines were refused and are sent again: ${messageOf(error)}`)
      this.#schedule(this.#backOff.nextMs())
    }
  }

  /** A piece of each source in turn, so that a loud one does not hold up the others. */
  #collect(): { source: LogSource; piece: LogPiece }[] {
    const taken: { source: LogSource; piece: LogPiece }[] = []
    let left = requestBytes
    for (const source of this.#ready) {
      if (taken.length >= mostBatches || left <= 0) break
      this.#ready.delete(source)
      const piece = source.take(Math.min(pieceBytes, left))
      if (!piece) continue
      left -= piece.bytes
      taken.push({ source, piece })
    }
    // They may have more, which shows with the next take; last in line now.
    for (const { source } of taken) this.#ready.add(source)
    return taken
  }
}

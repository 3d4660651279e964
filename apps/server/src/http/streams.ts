import { AppError } from '@juanie/core/errors'
import type { FastifyReply } from 'fastify'
import type { Kernel } from '../kernel.ts'

const pingMs = 15_000
/** With the time a check takes: whoever lost the right to watch is cut off within 5 s. */
const checkMs = 3_000
/** A viewer that reads more slowly than it is told is cut off; it comes back and goes on where it was. */
const maxWaitingBytes = 4 * 1024 * 1024

const ping = Buffer.from(': ping\n\n')

interface Viewer {
  stream: EventStream
  /** Streams with the same key have the same answer. */
  key: string
  check: () => Promise<unknown>
}

/** One answer of server-sent events. */
export class EventStream {
  readonly #raw: FastifyReply['raw']
  readonly #closed: (() => void)[] = []

  constructor(raw: FastifyReply['raw']) {
    this.#raw = raw
    raw.once('close', () => {
      for (const closed of this.#closed) closed()
    })
    raw.on('error', () => {})
  }

  get isOpen(): boolean {
    return !this.#raw.destroyed && !this.#raw.writableEnded
  }

  /** How many bytes wait for the viewer: a writer of much slows down by it. */
  get waitingBytes(): number {
    return this.#raw.writableLength
  }

  write(frame: Buffer | string): void {
    if (!this.isOpen) return
    this.#raw.write(frame)
    if (this.#raw.writableLength > maxWaitingBytes) this.#raw.destroy()
  }

  /** Resolves when the viewer has taken what waits, or is gone. */
  drained(): Promise<void> {
    if (!this.isOpen || !this.#raw.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        this.#raw.off('drain', done)
        this.#raw.off('close', done)
        resolve()
      }
      this.#raw.once('drain', done)
      this.#raw.once('close', done)
    })
  }

  end(frame?: string): void {
    if (this.isOpen) this.#raw.end(frame)
  }

  onClose(closed: () => void): void {
    if (this.#raw.destroyed) closed()
    else this.#closed.push(closed)
  }
}

/** All open streams of this server: kept alive, checked, and ended with it. */
export class Streams {
  readonly #viewers = new Set<Viewer>()
  #pings: NodeJS.Timeout | null = null
  #checks: NodeJS.Timeout | null = null
  #isChecking = false

  constructor({ lifecycle, metrics }: Kernel) {
    lifecycle.add({ name: 'streams', start: () => this.#start(), stop: () => this.#stop() })
    metrics.gauge('juanie_streams', 'Open streams of events and logs.', () => this.#viewers.size)
  }

  /**
   * Takes the answer over. `check` refuses (throws an `AppError`) when the viewer may not watch any more; it was
   * allowed just before. `key` names what it checks: who, and what is watched.
   */
  open(reply: FastifyReply, access: { key: string; check: () => Promise<unknown> }): EventStream {
    reply.hijack()
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      connection: 'keep-alive',
    })
    const stream = new EventStream(reply.raw)
    stream.write('retry: 1000\n\n')
    const viewer: Viewer = { stream, ...access }
    this.#viewers.add(viewer)
    stream.onClose(() => this.#viewers.delete(viewer))
    return stream
  }

  #start(): void {
    this.#pings = setInterval(() => {
      for (const { stream } of this.#viewers) stream.write(ping)
    }, pingMs)
    this.#checks = setInterval(() => void this.#check(), checkMs)
  }

  #stop(): void {
    if (this.#pings) clearInterval(this.#pings)
    if (this.#checks) clearInterval(this.#checks)
    for (const { stream } of this.#viewers) stream.end()
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    try {
      const byKey = grouped(this.#viewers)
      await Promise.all([...byKey.values()].map((viewers) => this.#checkOne(viewers)))
    } finally {
      this.#isChecking = false
    }
  }

  async #checkOne(viewers: Viewer[]): Promise<void> {
    try {
      await viewers[0]!.check()
    } catch (error) {
      // While the database is away nothing is told anyway; whether they may watch is asked again when it is back.
      if (!(error instanceof AppError) || error.code === 'unavailable') return
      const frame = `event: refused\ndata: ${JSON.stringify({ reason: error.reason })}\n\n`
      for (const { stream } of viewers) stream.end(frame)
    }
  }
}

function grouped(viewers: Iterable<Viewer>): Map<string, Viewer[]> {
  const groups = new Map<string, Viewer[]>()
  for (const viewer of viewers) {
    const group = groups.get(viewer.key)
    if (group) group.push(viewer)
    else groups.set(viewer.key, [viewer])
  }
  return groups
}

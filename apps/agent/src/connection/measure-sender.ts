import { messageOf } from '@juanie/core/errors'
import type { InstanceUsage, Measured, TrafficMinute } from '@juanie/services/hosts/contract'
import type { Counted, EdgeTraffic } from '../edge/protocol.ts'
import { mayPass, type Server } from './server.ts'

export interface MeasureSenderParts {
  server: Server
  /** Rejects while there is no edge. */
  traffic(): Promise<EdgeTraffic>
  counted(counted: Counted): Promise<void>
  /** What the instances of this host use now. */
  usage(): InstanceUsage[]
  warn(message: string): void
  everyMs?: number
}

const usualMs = 10_000
/** What hardly changed is told again after so long, so that its age says that the agent still looks. */
const usageAgainMs = 60_000
/** A share by which memory or processor time must differ to be news. */
const usageStep = 0.05
const smallCpu = 0.01

/**
 * Brings what the edge counted to the server, minute by minute, and what instances use. The edge keeps a minute until
 * this says that it is stored, so an agent that dies, or a server that is away, loses none; the server takes a minute
 * that comes twice once.
 */
export class MeasureSender {
  readonly #parts: MeasureSenderParts
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null
  #told = new Map<string, string>()
  #usageTold = new Map<string, { usage: InstanceUsage; at: number }>()
  #saidRefused = ''
  #isClosed = false

  constructor(parts: MeasureSenderParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#parts.everyMs ?? usualMs)
  }

  /** The server is back. */
  hurry(): void {
    if (this.#timer) this.#look()
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearInterval(this.#timer)
  }

  #look(): void {
    this.#running ??= this.#bring()
      .catch((error) => {
        // Tried again with the next look, also after a refusal: a server of another build may take it.
        if (mayPass(error) || messageOf(error) === this.#saidRefused) return
        this.#saidRefused = messageOf(error)
        this.#parts.warn(`What was measured on this host was refused: ${this.#saidRefused}`)
      })
      .finally(() => {
        this.#running = null
      })
  }

  async #bring(): Promise<void> {
    let usage = this.#news(this.#parts.usage())
    for (let hasMore = true; hasMore && !this.#isClosed; usage = []) {
      const found = await this.#parts.traffic().catch(() => null)
      const open = found?.open.filter((minute) => this.#told.get(keyOf(minute)) !== JSON.stringify(minute)) ?? []
      const traffic = [...(found?.closed ?? []), ...open]
      if (traffic.length === 0 && usage.length === 0) return
      await this.#send({ traffic, usage })
      const at = performance.now()
      for (const one of usage) this.#usageTold.set(one.id, { usage: one, at })
      if (!found) return
      this.#told = new Map(found.open.map((minute) => [keyOf(minute), JSON.stringify(minute)]))
      if (found.closed.length > 0) await this.#parts.counted({ edge: found.edge, upTo: found.upTo }).catch(() => {})
      hasMore = found.hasMore
    }
  }

  async #send(measured: Measured): Promise<void> {
    await this.#parts.server.json({
      method: 'POST',
      path: '/api/agent/measured',
      body: JSON.stringify(measured),
      timeoutMs: 10_000,
    })
  }

  #news(all: InstanceUsage[]): InstanceUsage[] {
    const living = new Set(all.map(({ id }) => id))
    for (const id of this.#usageTold.keys()) if (!living.has(id)) this.#usageTold.delete(id)
    const now = performance.now()
    return all.filter((one) => {
      const before = this.#usageTold.get(one.id)
      return !before || now - before.at >= usageAgainMs || isOther(before.usage, one)
    })
  }
}

const keyOf = ({ source, hostname, minute }: TrafficMinute) => `${source}/${hostname}/${minute}`

function isOther(before: InstanceUsage, now: InstanceUsage): boolean {
  const differs = (from: number, to: number) => Math.abs(to - from) > from * usageStep
  if (differs(before.memoryBytes, now.memoryBytes)) return true
  if (before.cpu === null || now.cpu === null) return before.cpu !== now.cpu
  return Math.abs(now.cpu - before.cpu) > smallCpu && differs(before.cpu, now.cpu)
}

import { randomUUID } from 'node:crypto'
import { addLatencies } from '@juanie/core/latency'
import type { Counted, CountedMinute, EdgeTraffic } from './protocol.ts'
import type { Routing } from './routing.ts'
import type { TrafficFiles } from './traffic-files.ts'

const minuteMs = 60_000
/** The server keeps no more. */
const mostAgeMinutes = 24 * 60
/** About 4 MB; more than a day of seven busy hostnames. */
const mostPending = 10_000
const mostTold = 500

/**
 * Cuts what the routes count into minutes, and keeps those until the server has stored them. A request costs nothing
 * for it: once a minute the counters are compared with what they were.
 */
export class Traffic {
  readonly #edge = randomUUID()
  readonly #routing: Routing
  readonly #files: TrafficFiles
  readonly #now: () => number
  #source: string = this.#edge
  #minute: number
  #isCut = false
  #pending: { number: number; counted: CountedMinute }[] = []
  #lastNumber = 0
  #isOnDisk = false
  #timer: NodeJS.Timeout | null = null

  constructor(parts: { routing: Routing; files: TrafficFiles; now?: () => number }) {
    this.#routing = parts.routing
    this.#files = parts.files
    this.#now = parts.now ?? Date.now
    this.#minute = this.#present()
  }

  start(): void {
    this.#save(false)
    this.#inherit()
    this.#schedule()
  }

  read(): EdgeTraffic {
    this.#inherit()
    this.#roll()
    const told = this.#pending.slice(0, mostTold)
    const hasMore = told.length < this.#pending.length
    return {
      edge: this.#edge,
      closed: told.map(({ counted }) => counted),
      upTo: told.at(-1)?.number ?? 0,
      open: hasMore ? [] : this.#count(),
      hasMore,
    }
  }

  counted({ edge, upTo }: Counted): void {
    if (edge !== this.#edge) return
    this.#pending = this.#pending.filter(({ number }) => number > upTo)
    if (this.#isOnDisk && this.#pending.length === 0) this.#save(false)
  }

  /** Puts on disk what was counted until now; with `isOver` nothing will be counted any more. */
  leave(isOver: boolean): void {
    if (this.#timer && isOver) clearTimeout(this.#timer)
    this.#roll()
    this.#files.write({ isOver, minutes: [...this.#pending.map(({ counted }) => counted), ...this.#count()] })
  }

  #present(): number {
    return Math.floor(this.#now() / minuteMs)
  }

  #schedule(): void {
    const leftMs = minuteMs - (this.#now() % minuteMs)
    this.#timer = setTimeout(() => {
      this.#roll()
      this.#schedule()
    }, leftMs).unref()
  }

  #roll(): void {
    const present = this.#present()
    if (present === this.#minute) return
    for (const counted of this.#count()) this.#keep(counted)
    for (const { host } of this.#routing.counting()) host.mark()
    this.#routing.forgetCounted()
    // The clock was set back: under the same name this minute would replace the one that it was before.
    if (present < this.#minute) this.#source = randomUUID()
    this.#minute = present
    this.#isCut = false
    // In the ordinary case all but the last one was fetched long ago, and nothing is written.
    if (this.#pending.some(({ counted }) => counted.minute < present - 1)) this.#save(true)
  }

  /** Of the minute under way. A hostname that left and came back within it is one all the same. */
  #count(): CountedMinute[] {
    const found = new Map<string, CountedMinute>()
    for (const { host, isLeaving } of this.#routing.counting()) {
      const counts = host.countsSinceMark() ?? (this.#isCut && !isLeaving ? host.noCounts() : null)
      if (!counts) continue
      const { hostname } = host.route
      const before = found.get(hostname)
      const counted = { source: this.#source, hostname, minute: this.#minute, ...counts, isCut: this.#isCut }
      found.set(hostname, before ? together(before, counted) : counted)
    }
    return [...found.values()]
  }

  #keep(counted: CountedMinute): void {
    this.#pending.push({ number: ++this.#lastNumber, counted })
    if (this.#pending[0]!.counted.minute < this.#minute - mostAgeMinutes) this.#pending.shift()
    if (this.#pending.length <= mostPending) return
    const { hostname } = this.#pending.shift()!.counted
    // Where something is missing must be seen.
    const next = this.#pending.find(({ counted }) => counted.hostname === hostname)
    if (next) next.counted.isCut = true
  }

  /** What edges before this one left behind. */
  #inherit(): void {
    const inheritance = this.#files.takeOver()
    if (!inheritance) return
    for (const counted of inheritance.minutes) this.#keep(counted)
    if (inheritance.wasCut) this.#isCut = true
    this.#save(true)
    inheritance.done()
  }

  #save(isPending: boolean): void {
    this.#files.write({ isOver: false, minutes: isPending ? this.#pending.map(({ counted }) => counted) : [] })
    this.#isOnDisk = isPending
  }
}

function together(one: CountedMinute, other: CountedMinute): CountedMinute {
  return {
    ...one,
    requests: one.requests + other.requests,
    statuses: one.statuses.map((count, i) => count + other.statuses[i]!) as CountedMinute['statuses'],
    broken: one.broken + other.broken,
    aborted: one.aborted + other.aborted,
    unavailable: one.unavailable + other.unavailable,
    latency: addLatencies([one.latency, other.latency]),
  }
}

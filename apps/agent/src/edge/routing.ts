import { Histogram } from '@juanie/core/latency'
import type { InstanceStats, Route, RouteCounts, RouteStats, RouteTable } from './protocol.ts'
import { Upstream } from './upstream.ts'

/** An instance that refused a connection this recently is asked after the others. */
const suspectMs = 1_000

/** One hostname, who may answer for it, and what was counted. */
export class RoutedHost {
  route: Route
  instances: Upstream[] = []
  standby: Upstream[] = []
  readonly since = new Date().toISOString()
  readonly latency = new Histogram()
  readonly statuses: RouteStats['statuses'] = [0, 0, 0, 0, 0]
  requests = 0
  elsewhere = 0
  repeats = 0
  broken = 0
  aborted = 0
  unavailable = 0
  bytesIn = 0
  bytesOut = 0
  /** Requests whose end will still be counted. */
  open = 0
  #marked: Omit<RouteCounts, 'latency'> = nothingCounted
  #turn = 0

  constructor(route: Route) {
    this.route = route
  }

  /** The instance with the least to do, in turns among equals; the standby only when all instances were tried. */
  pick(tried: ReadonlySet<Upstream> | null): Upstream | null {
    return this.#least(this.instances, tried) ?? this.#least(this.standby, tried)
  }

  count(status: number): void {
    const place = Math.floor(status / 100) - 1
    if (place >= 0 && place < 5) this.statuses[place]! += 1
  }

  stats(): RouteStats {
    const { since, requests, elsewhere, repeats, broken, aborted, unavailable, bytesIn, bytesOut } = this
    const counts = { since, requests, elsewhere, repeats, broken, aborted, unavailable, bytesIn, bytesOut }
    return {
      hostname: this.route.hostname,
      ...counts,
      statuses: [...this.statuses],
      latency: this.latency.counts(),
    }
  }

  /** What was counted since the last `mark`; null when that is nothing. */
  countsSinceMark(): RouteCounts | null {
    const before = this.#marked
    const { requests, broken, aborted, unavailable } = this
    const counts: RouteCounts = {
      requests: requests - before.requests,
      statuses: this.statuses.map((count, i) => count - before.statuses[i]!) as RouteCounts['statuses'],
      broken: broken - before.broken,
      aborted: aborted - before.aborted,
      unavailable: unavailable - before.unavailable,
      latency: this.latency.countsSinceMark(),
    }
    const isNothing =
      counts.latency.length === 0 &&
      [counts.requests, ...counts.statuses, counts.broken, counts.aborted, counts.unavailable].every((n) => n === 0)
    return isNothing ? null : counts
  }

  noCounts(): RouteCounts {
    return { ...nothingCounted, latency: [] }
  }

  mark(): void {
    const { requests, broken, aborted, unavailable } = this
    this.#marked = { requests, statuses: [...this.statuses], broken, aborted, unavailable }
    this.latency.mark()
  }

  #least(among: Upstream[], tried: ReadonlySet<Upstream> | null): Upstream | null {
    if (among.length === 1) return tried?.has(among[0]!) ? null : among[0]!
    const suspectAfter = performance.now() - suspectMs
    const turn = this.#turn++
    let best: Upstream | null = null
    let bestLoad = Number.POSITIVE_INFINITY
    for (let i = 0; i < among.length; i++) {
      const upstream = among[(i + turn) % among.length]!
      if (tried?.has(upstream)) continue
      const load = upstream.load + (upstream.lastRefusedAt > suspectAfter ? 1e6 : 0)
      if (load < bestLoad) {
        best = upstream
        bestLoad = load
      }
    }
    return best
  }
}

const nothingCounted: Omit<RouteCounts, 'latency'> = {
  requests: 0,
  statuses: [0, 0, 0, 0, 0],
  broken: 0,
  aborted: 0,
  unavailable: 0,
}

/** The table in force. It is replaced in one synchronous step, so no request sees half of two. */
export class Routing {
  #table: RouteTable = { version: 0, routes: [] }
  #hosts = new Map<string, RoutedHost>()
  #upstreams = new Map<string, Upstream>()
  /** Left the table while something of them was not counted yet. */
  readonly #leaving = new Set<RoutedHost>()

  get table(): RouteTable {
    return this.#table
  }

  replace(table: RouteTable): void {
    const hosts = new Map<string, RoutedHost>()
    const serving = new Set<Upstream>()
    const standby = new Set<Upstream>()
    const known = new Map<string, Upstream>()
    const upstream = ({ id, host, port }: Route['instances'][number]) => {
      let found = known.get(id) ?? this.#upstreams.get(id)
      if (!found || found.target.host !== host || found.target.port !== port) found = new Upstream({ id, host, port })
      known.set(id, found)
      return found
    }
    for (const route of table.routes) {
      const host = this.#hosts.get(route.hostname) ?? new RoutedHost(route)
      host.route = route
      host.instances = route.instances.map(upstream)
      host.standby = route.standby.map(upstream)
      for (const one of host.instances) serving.add(one)
      for (const one of host.standby) standby.add(one)
      hosts.set(route.hostname, host)
    }
    for (const [hostname, host] of this.#hosts) if (!hosts.has(hostname)) this.#leaving.add(host)
    for (const one of known.values()) one.role = serving.has(one) ? 'serving' : 'standby'
    for (const [id, one] of this.#upstreams) {
      if (known.get(id) === one) continue
      one.role = 'draining'
      // Under an id that is used again it is no longer reachable by name, but finishes its requests all the same.
      if (one.load > 0 && !known.has(id)) known.set(id, one)
      else one.closeIdle()
    }
    for (const one of known.values()) if (one.role !== 'serving') one.closeIdle()
    this.#table = table
    this.#hosts = hosts
    this.#upstreams = known
  }

  host(hostname: string): RoutedHost | undefined {
    return this.#hosts.get(hostname)
  }

  /** Null: unknown, so nothing is under way there. */
  instance(id: string): Upstream | null {
    return this.#upstreams.get(id) ?? null
  }

  /** Every hostname that counts, those that left the table with requests under way too. */
  counting(): { host: RoutedHost; isLeaving: boolean }[] {
    return [
      ...[...this.#hosts.values()].map((host) => ({ host, isLeaving: false })),
      ...[...this.#leaving].map((host) => ({ host, isLeaving: true })),
    ]
  }

  /** Forgets those that left and have nothing more to count. */
  forgetCounted(): void {
    for (const host of this.#leaving) {
      if (host.open === 0 && host.countsSinceMark() === null) this.#leaving.delete(host)
    }
  }

  routeStats(): RouteStats[] {
    return [...this.#hosts.values()].map((host) => host.stats())
  }

  /** Instances that left the table are forgotten once they have nothing to do. */
  instanceStats(): InstanceStats[] {
    for (const [id, one] of this.#upstreams) if (one.role === 'draining' && one.load === 0) this.#upstreams.delete(id)
    return [...this.#upstreams.values()].map((one) => one.stats())
  }
}

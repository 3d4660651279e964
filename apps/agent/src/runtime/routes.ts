import { performance } from 'node:perf_hooks'
import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { DesiredRoute, ObservedRoute } from '@juanie/services/hosts/contract'
import type { Route, RouteTable, Target } from '../edge/protocol.ts'
import { KeptFile, readJson } from './files.ts'

type Serving = NonNullable<DesiredRoute['serving']>

/** The edge as routes need it. */
export interface EdgePort {
  /** Resolves when every new request follows the table. Throws while the edge is away. */
  setTable(table: RouteTable): Promise<void>
  /** Of the table in force. */
  tableVersion(): Promise<number>
  /** Resolves when the target has nothing to do, or at the limit, when its streams are ended. */
  waitDrained(target: string, limitMs: number): Promise<void>
}

/** What routes need to know of an instance. */
export interface RoutedInstance {
  target: Target | null
  isHealthy: boolean
  /** It runs and has been healthy, but its probes are bad now. */
  isUnhealthy: boolean
  /** Why it does not run, when it does not and will not by itself at once. */
  down: string | null
  /** Bad probes in a row. */
  bad: number
  retries: number
  drainMs: number
}

interface KeptSoak {
  deploymentId: string
  state: 'running' | 'passed' | 'failed'
  elapsedMs: number
  reason: string | null
}

/** What is true of one route, and what the agent has decided about it. */
interface KeptRoute {
  generation: number
  serving: Serving | null
  since: string
  /** Instances that visitors may still use, until the time (milliseconds since the epoch). */
  draining: { instanceIds: string[]; untilMs: number } | null
  soak: KeptSoak | null
}

export interface RoutesParts {
  file: string
  edge: EdgePort
  instance(id: string): RoutedInstance | null
  changed(): void
  log(message: string): void
}

const retryMs = 100
const saveEveryMs = 1_000
const mostTickMs = 250
const settledMs = 100

/**
 * Keeps the edge's table as the server wants it, and watches over soaks: when the rule of one is met, the route goes
 * back to its standby by the decision of this host alone.
 */
export class Routes {
  readonly #parts: RoutesParts
  readonly #kept: Map<string, KeptRoute>
  readonly #file: KeptFile
  #desired: DesiredRoute[] = []
  #isStarted = false
  #version = 0
  #inForce = ''
  #running: Promise<void> | null = null
  #isDirty = false
  #timer: NodeJS.Timeout | null = null
  #ticker: NodeJS.Timeout | null = null
  #saver: NodeJS.Timeout | null = null
  #tickedAt = 0
  #savedAt = 0
  #isClosed = false
  readonly #drains = new Set<string>()

  constructor(parts: RoutesParts) {
    this.#parts = parts
    this.#file = new KeptFile(parts.file)
    this.#kept = new Map(Object.entries(readJson<Record<string, KeptRoute>>(parts.file) ?? {}))
  }

  /** The whole of what is wanted. */
  want(routes: DesiredRoute[]): Promise<void> {
    this.#desired = routes
    this.#isStarted = true
    return this.reconcile()
  }

  /** Something that routes depend on changed. Resolves when the edge follows, or is away. */
  reconcile(): Promise<void> {
    if (!this.#isStarted || this.#isClosed) return Promise.resolve()
    if (this.#running) {
      this.#isDirty = true
      return this.#running.then(() => this.#running ?? undefined)
    }
    this.#running = this.#reconcile().finally(() => {
      this.#running = null
      if (this.#isDirty) {
        this.#isDirty = false
        void this.reconcile()
      }
    })
    return this.#running
  }

  /** The edge was started anew: it gets the table again. */
  edgeIsBack(): void {
    this.#inForce = ''
    void this.reconcile()
  }

  /** Whether it serves in a soak, or would in one that the edge is about to begin. */
  isWatched(instanceId: string): boolean {
    return this.#desired.some(
      (route) =>
        route.soak !== null &&
        route.serving?.instanceIds.includes(instanceId) === true &&
        this.#kept.get(route.hostname)?.soak?.state === 'running',
    )
  }

  badInARow(instanceId: string, count: number, reason: string): void {
    const retries = this.#parts.instance(instanceId)?.retries ?? Number.POSITIVE_INFINITY
    if (count >= retries) this.#fail(instanceId, `${count} probes in a row were bad: ${reason}`)
  }

  exited(instanceId: string, reason: string): void {
    this.#fail(instanceId, reason)
  }

  /** For an instance that shall stop: its visitors are sent elsewhere first. */
  async drained(instanceId: string, limitMs: number): Promise<void> {
    await this.reconcile()
    const target = this.#parts.instance(instanceId)?.target
    if (target) await this.#parts.edge.waitDrained(target.id, limitMs).catch(() => {})
  }

  observe(): ObservedRoute[] {
    return this.#desired.flatMap(({ hostname }) => {
      const kept = this.#kept.get(hostname)
      if (!kept) return []
      return {
        hostname,
        generation: kept.generation,
        serving: kept.serving?.deploymentId ?? null,
        since: kept.since,
        drained: kept.draining === null,
        soak: kept.soak && { ...kept.soak, elapsedMs: Math.round(kept.soak.elapsedMs) },
      }
    })
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
    if (this.#ticker) clearTimeout(this.#ticker)
    if (this.#saver) clearTimeout(this.#saver)
    this.#save(false)
  }

  async #reconcile(): Promise<void> {
    const desired = [...this.#desired]
    const effective = new Map(desired.map((route) => [route.hostname, this.#effective(route)]))
    try {
      await this.#push(desired, effective)
    } catch (error) {
      this.#parts.log(`The edge did not take the routes: ${messageOf(error)}`)
      this.#inForce = ''
      this.#again()
      return
    }
    crashPoint('agent.route.table-set')
    let isNews = false
    for (const route of desired) isNews = this.#settle(route, effective.get(route.hostname) ?? null) || isNews
    const names = new Set(desired.map(({ hostname }) => hostname))
    for (const name of this.#kept.keys()) {
      if (names.has(name)) continue
      this.#kept.delete(name)
      isNews = true
    }
    if (isNews) {
      // What an agent that loses it finds out anew need not wait for the disk; verdicts do.
      this.#save(false)
      this.#saveSoon()
      crashPoint('agent.route.settled')
      this.#parts.changed()
    }
    this.#startDrains()
    this.#tick()
  }

  /** Where visitors of this route go: what the server says, unless this host has decided that it failed. */
  #effective(route: DesiredRoute): Serving | null {
    const kept = this.#kept.get(route.hostname)
    const hasFailed = kept?.generation === route.generation && kept.soak?.state === 'failed'
    return hasFailed ? (route.soak?.standby ?? null) : route.serving
  }

  async #push(desired: DesiredRoute[], effective: Map<string, Serving | null>): Promise<void> {
    const routes = desired.map((route) => this.#routeOf(route, effective.get(route.hostname) ?? null))
    const text = JSON.stringify(routes)
    if (text === this.#inForce) return
    this.#version = Math.max(this.#version, await this.#parts.edge.tableVersion()) + 1
    await this.#parts.edge.setTable({ version: this.#version, routes })
    this.#inForce = text
  }

  #routeOf(route: DesiredRoute, serving: Serving | null): Route {
    const targets = (ids: string[] | undefined) => {
      const found = (ids ?? []).flatMap((id) => this.#parts.instance(id) ?? [])
      const healthy = found.filter(({ isHealthy }) => isHealthy)
      const usable = healthy.length > 0 ? healthy : found.filter(({ isUnhealthy }) => isUnhealthy)
      return usable.flatMap(({ target }) => target ?? [])
    }
    const instances = targets(serving?.instanceIds)
    const isOnStandby = serving !== null && serving === route.soak?.standby
    const standby = isOnStandby ? [] : targets(route.soak?.standby?.instanceIds)
    const known = new Set(instances.map(({ id }) => id))
    const others = standby.filter(({ id }) => !known.has(id))
    // While what serves is down for a moment, what stands by answers.
    const first = instances.length > 0 ? instances : others
    return {
      hostname: route.hostname,
      instances: first,
      standby: first === others ? [] : others,
      state: serving === null ? 'unavailable' : first.length > 0 ? 'serving' : 'starting',
    }
  }

  /** Writes down what the edge follows now. True when that is news. */
  #settle(route: DesiredRoute, serving: Serving | null): boolean {
    const before = this.#kept.get(route.hostname)
    const isSame = before !== undefined && JSON.stringify(before.serving) === JSON.stringify(serving)
    if (before && isSame && before.generation === route.generation) return false
    const soak = before?.generation === route.generation ? before.soak : newSoak(route)
    const used = [...(before?.draining?.instanceIds ?? []), ...(before?.serving?.instanceIds ?? [])]
    const left = [...new Set(used)].filter((id) => !serving?.instanceIds.includes(id))
    const drainMs = Math.max(0, ...left.map((id) => this.#parts.instance(id)?.drainMs ?? 0))
    const draining = left.length === 0 ? null : { instanceIds: left, untilMs: Date.now() + drainMs }
    this.#kept.set(route.hostname, {
      generation: route.generation,
      serving,
      since: before && isSame ? before.since : new Date().toISOString(),
      draining: isSame ? (before?.draining ?? null) : draining,
      soak,
    })
    return true
  }

  #startDrains(): void {
    for (const [hostname, { draining }] of this.#kept) {
      if (!draining) continue
      const key = `${hostname} ${draining.untilMs}`
      if (this.#drains.has(key)) continue
      this.#drains.add(key)
      const waits = draining.instanceIds.map(async (id) => {
        const target = this.#parts.instance(id)?.target
        if (target) await this.#parts.edge.waitDrained(target.id, Math.max(0, draining.untilMs - Date.now()))
      })
      // An edge that died in between has no requests of theirs any more.
      Promise.allSettled(waits).then(() => {
        this.#drains.delete(key)
        const kept = this.#kept.get(hostname)
        if (this.#isClosed || kept?.draining !== draining) return
        kept.draining = null
        this.#save(true)
        crashPoint('agent.route.drained')
        this.#parts.changed()
      })
    }
  }

  #fail(instanceId: string, reason: string): void {
    for (const route of this.#desired) {
      const kept = this.#kept.get(route.hostname)
      if (kept?.generation !== route.generation || kept.soak?.state !== 'running') continue
      if (!route.serving?.instanceIds.includes(instanceId)) continue
      this.#decide(route, 'failed', reason)
    }
  }

  /** The verdict lies on disk before anything follows from it: whoever reads it again does the same. */
  #decide(route: DesiredRoute, state: 'passed' | 'failed', reason: string | null): void {
    const kept = this.#kept.get(route.hostname)
    if (!kept?.soak) return
    crashPoint(`agent.soak.before-${state}`)
    kept.soak = { ...kept.soak, state, reason: reason?.slice(0, 4000) ?? null }
    this.#save(true)
    crashPoint(`agent.soak.after-${state}`)
    if (state === 'failed') {
      this.#parts.log(`${route.hostname} goes back to the version before: ${reason}`)
      void this.reconcile()
    }
    this.#parts.changed()
  }

  /** Counts the time of soaks that is really watched: what passes without an agent does not count. */
  #tick(): void {
    const running = this.#desired.filter((route) => {
      const kept = this.#kept.get(route.hostname)
      return route.soak && kept?.generation === route.generation && kept.soak?.state === 'running'
    })
    if (this.#isClosed || running.length === 0) {
      this.#tickedAt = 0
      return
    }
    const now = performance.now()
    const passed = this.#tickedAt === 0 ? 0 : now - this.#tickedAt
    this.#tickedAt = now
    let next = mostTickMs
    for (const route of running) next = Math.min(next, this.#watch(route, passed))
    if (now - this.#savedAt > saveEveryMs) this.#save(false)
    if (this.#ticker) clearTimeout(this.#ticker)
    this.#ticker = setTimeout(() => this.#tick(), Math.max(1, next))
  }

  /** Milliseconds after which to look again. */
  #watch(route: DesiredRoute, passedMs: number): number {
    const soak = this.#kept.get(route.hostname)?.soak
    if (!soak || !route.soak) return mostTickMs
    soak.elapsedMs += passedMs
    const served = (route.serving?.instanceIds ?? []).map((id) => this.#parts.instance(id))
    const down = served.find((instance) => instance === null || instance.down !== null)
    if (down !== undefined) {
      this.#decide(route, 'failed', down?.down ?? 'An instance that served is gone.')
      return mostTickMs
    }
    const left = route.soak.soakMs - soak.elapsedMs
    if (left > 0) return left
    // A soak does not end on a doubt.
    if (served.every((instance) => instance?.isHealthy && instance.bad === 0)) {
      this.#decide(route, 'passed', null)
    }
    return mostTickMs
  }

  #again(): void {
    if (this.#timer || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.reconcile()
    }, retryMs)
  }

  #saveSoon(): void {
    this.#saver ??= setTimeout(() => {
      this.#saver = null
      this.#save(true)
    }, settledMs)
  }

  #save(isDurable: boolean): void {
    this.#savedAt = performance.now()
    this.#file.write(JSON.stringify(Object.fromEntries(this.#kept)), isDurable)
  }
}

const newSoak = ({ soak, serving }: DesiredRoute): KeptSoak | null =>
  soak && serving ? { deploymentId: serving.deploymentId, state: 'running', elapsedMs: 0, reason: null } : null

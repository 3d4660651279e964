import { uuidv7 } from '@juanie/core/ids'
import type {
  Desired,
  DesiredInstance,
  InstanceState,
  Observed,
  ObservedInstance,
  ObservedRoute,
  ObservedTask,
  Probe,
} from '../../hosts/contract.ts'

interface Server {
  desiredFor(hostId: string): Promise<Desired>
  observe(agent: { id: string; hostId: string }, observed: Observed): Promise<unknown>
}

interface Process {
  state: InstanceState
  reason: string | null
  restarts: number
  exit: ObservedInstance['exit']
  probes: Probe[]
}

/**
 * An agent and its edge in memory, by the contract alone: it takes desired state in, moves at most one step each time
 * it is asked to, and tells the whole truth of its host. What a test wants to go wrong it says in `behaviour`.
 */
export class FakeAgent {
  readonly id: string
  readonly hostId: string
  readonly processes = new Map<string, Process>()
  readonly tasks = new Map<string, ObservedTask>()
  readonly routes = new Map<string, ObservedRoute>()
  /** Every version that a hostname served, in order; null: the 503 page. */
  readonly traffic: { hostname: string; serving: string | null }[] = []
  desired: Desired = { revision: 0, instances: [], tasks: [], routes: [] }
  incarnation = uuidv7()
  seq = 0
  behaviour: {
    /** What becomes of an instance that should run; absent: it becomes healthy. */
    instance?: (one: DesiredInstance) => 'healthy' | 'failed' | 'starting' | 'completed' | undefined
    task?: () => 'succeeded' | 'failed' | 'running'
    /** How a soak goes on; absent: it passes. */
    soak?: (deploymentId: string) => 'running' | 'passed' | 'failed'
    isStuck?: boolean
    drained?: boolean
  } = {}
  server: Server

  constructor(server: Server, host: { agentId: string; hostId: string }) {
    this.server = server
    this.id = host.agentId
    this.hostId = host.hostId
  }

  /** Reads what is wanted, acts one step, and reports. */
  async step(): Promise<void> {
    const desired = await this.server.desiredFor(this.hostId)
    if (desired.revision >= this.desired.revision) this.desired = desired
    this.#act()
    await this.report()
  }

  async report(): Promise<void> {
    await this.server.observe({ id: this.id, hostId: this.hostId }, this.observed())
  }

  observed(): Observed {
    return {
      incarnation: this.incarnation,
      seq: ++this.seq,
      revision: this.desired.revision,
      instances: [...this.processes].map(([id, one]) => ({
        id,
        state: one.state,
        reason: one.reason,
        port: 40_000,
        pid: 4242,
        startedAt: new Date().toISOString(),
        restarts: one.restarts,
        exit: one.exit,
        probes: one.probes,
        notHonoured: [],
      })),
      tasks: [...this.tasks.values()],
      routes: [...this.routes.values()],
      edge: { state: 'serving', host: '127.0.0.1', port: 8080, problem: null },
    }
  }

  #act(): void {
    const wanted = new Set(this.desired.instances.map(({ id }) => id))
    for (const id of this.processes.keys()) if (!wanted.has(id)) this.processes.delete(id)
    const hostnames = new Set(this.desired.routes.map(({ hostname }) => hostname))
    for (const hostname of this.routes.keys()) if (!hostnames.has(hostname)) this.routes.delete(hostname)
    for (const task of this.desired.tasks) this.#task(task.id)
    for (const one of this.desired.instances) this.#instance(one)
    for (const route of this.desired.routes) this.#route(route)
  }

  #task(id: string): void {
    const state = this.behaviour.task?.() ?? 'succeeded'
    this.tasks.set(id, { id, state, exitCode: state === 'failed' ? 3 : state === 'succeeded' ? 0 : null, reason: null })
  }

  #instance(one: DesiredInstance): void {
    const process = this.processes.get(one.id)
    if (one.want === 'stopped') {
      this.processes.set(one.id, { ...(process ?? fresh()), state: 'stopped' })
      return
    }
    if (!process || process.state === 'stopped') {
      this.processes.set(one.id, { ...fresh(), state: 'starting', probes: process?.probes ?? [] })
      return
    }
    const end = this.behaviour.instance?.(one) ?? 'healthy'
    if (process.state === end) return
    process.state = end
    if (end === 'failed') {
      process.exit = { code: 1, signal: null }
      process.reason = null
    }
    if (end !== 'healthy') return
    process.reason = null
    for (let good = 0; good < one.health.healthy; good++) process.probes.push(this.probe(process, true))
  }

  probe({ probes }: Process, good: boolean): Probe {
    const seq = (probes.at(-1)?.seq ?? 0) + 1
    return {
      seq,
      at: new Date().toISOString(),
      good,
      status: good ? 200 : 500,
      latencyMs: 1.5,
      body: good ? 'ok' : 'no',
    }
  }

  #route(route: Desired['routes'][number]): void {
    const before = this.routes.get(route.hostname)
    if (this.behaviour.isStuck) return
    if (!before || before.generation < route.generation) {
      const serving = route.serving?.deploymentId ?? null
      this.routes.set(route.hostname, {
        hostname: route.hostname,
        generation: route.generation,
        serving,
        since: new Date().toISOString(),
        drained: this.behaviour.drained ?? true,
        soak: route.soak && serving ? { deploymentId: serving, state: 'running', elapsedMs: 0, reason: null } : null,
      })
      if (!before || before.serving !== serving) this.traffic.push({ hostname: route.hostname, serving })
      return
    }
    before.drained = this.behaviour.drained ?? true
    if (before.soak?.state !== 'running' || !route.soak) return
    before.soak.state = this.behaviour.soak?.(before.soak.deploymentId) ?? 'passed'
    if (before.soak.state !== 'failed') return
    // The agent alone goes back, server or not.
    before.soak.reason = 'web.0: 3 bad probes in a row (500)'
    before.serving = route.soak.standby?.deploymentId ?? null
    this.traffic.push({ hostname: route.hostname, serving: before.serving })
  }
}

const fresh = (): Process => ({ state: 'waiting', reason: null, restarts: 0, exit: null, probes: [] })

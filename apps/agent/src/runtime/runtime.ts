import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { Desired, DesiredInstance, InstanceUsage, Observed } from '@juanie/services/hosts/contract'
import type { LogSource } from '../connection/log-sender.ts'
import type { Server } from '../connection/server.ts'
import type { ControlGroups } from '../host/control-groups.ts'
import type { HostIsolation } from '../host/isolation.ts'
import { residentBytes } from '../host/process-tree.ts'
import type { Tools } from '../host/tools.ts'
import { Bundles } from './bundles.ts'
import { SealedFile } from './files.ts'
import { Instance, type InstanceHost } from './instance.ts'
import { removeLeftovers } from './leftovers.ts'
import type { ProcessRecord } from './managed-process.ts'
import { Ports } from './ports.ts'
import { type EdgePort, type RoutedInstance, Routes } from './routes.ts'
import { endStrangers, findSurvivors } from './survivors.ts'
import { Task } from './task.ts'
import { UsageLook } from './usage.ts'
import { mebibytes } from './workspace.ts'

export interface RuntimeParts {
  /** The agent's folder of the home. */
  folder: string
  /** Tells this home's processes from those of others on the machine. */
  homeMark: string
  server: Server
  isolation: HostIsolation
  tools: Tools
  controlGroups: ControlGroups | null
  edge: EdgePort
  wakeLog(log: LogSource): void
  forgetLog(log: LogSource): void
  changed(when: 'now' | 'later'): void
  log(message: string): void
}

const lookMs = 1_000
const retryMs = 1_000
const nothing: Desired = { revision: 0, instances: [], tasks: [], routes: [] }

/** Makes true on this host what the server wants, and goes on doing so without it. */
export class Runtime {
  readonly #parts: RuntimeParts
  readonly #file: SealedFile
  readonly #bundles: Bundles
  readonly #host: InstanceHost
  readonly #routes: Routes
  readonly #instances = new Map<string, Instance>()
  readonly #tasks = new Map<string, Task>()
  /** No longer wanted, and on their way out. */
  readonly #leaving = new Map<string, Instance | Task>()
  readonly #bad = new Map<string, number>()
  readonly #usage = new UsageLook()
  #orphans = new Map<string, ProcessRecord>()
  #desired = nothing
  #look: NodeJS.Timeout | null = null
  #isLooking = false
  #isReleased = false
  #taking: Promise<void> = Promise.resolve()

  constructor(parts: RuntimeParts) {
    this.#parts = parts
    const { folder } = parts
    const instances = join(folder, 'instances')
    mkdirSync(instances, { recursive: true, mode: 0o711 })
    mkdirSync(join(folder, 'tasks'), { recursive: true, mode: 0o711 })
    this.#file = new SealedFile(join(folder, 'desired.sealed'), join(folder, 'host.key'), 'desired')
    this.#bundles = new Bundles({ folder: join(folder, 'bundles'), server: parts.server })
    this.#routes = new Routes({
      file: join(folder, 'routes.json'),
      edge: parts.edge,
      instance: (id) => this.#routed(id),
      changed: () => parts.changed('now'),
      log: (message) => parts.log(message),
    })
    this.#host = {
      instances,
      bundles: this.#bundles,
      ports: new Ports(),
      isolation: parts.isolation,
      tools: parts.tools,
      controlGroups: parts.controlGroups,
      markPrefix: `${parts.homeMark}/`,
      log: (message) => parts.log(message),
      wakeLog: (log) => parts.wakeLog(log),
      forgetLog: (log) => parts.forgetLog(log),
      changed: (_id, when) => this.#changed(when),
      isWatched: (id) => this.#routes.isWatched(id),
      onBadInARow: (id, count, reason) => {
        this.#bad.set(id, count)
        this.#routes.badInARow(id, count, reason)
      },
      onExit: (id, reason) => this.#routes.exited(id, reason),
      dependencies: (instance) => this.#dependencies(instance),
      drained: (id, limitMs) => this.#routes.drained(id, limitMs),
    }
  }

  get revision(): number {
    return this.#desired.revision
  }

  /** Adopts what an earlier agent left running and goes on from the last desired state on disk. */
  async start(): Promise<void> {
    this.#orphans = findSurvivors(this.#parts.homeMark)
    this.#look = setInterval(() => this.#lookAround(), lookMs)
    let known = nothing
    try {
      known = JSON.parse(this.#file.read() ?? JSON.stringify(nothing)) as Desired
    } catch (error) {
      this.#parts.log(`The desired state on disk cannot be read; the server's is waited for: ${messageOf(error)}`)
      return
    }
    await this.#apply(known)
    const ids = new Set([...this.#instances.keys(), ...this.#tasks.keys()])
    await endStrangers(this.#parts.homeMark, ids)
    removeLeftovers(this.#parts.folder, ids)
  }

  /**
   * What the server wants now. A lower revision is older news; the same one is no news. One is taken in after the
   * other; rejects when it could not be, and the next word of the server is then taken for new.
   */
  want(desired: Desired): Promise<void> {
    const taken = this.#taking.then(() => this.#take(desired))
    this.#taking = taken.catch(() => {})
    return taken
  }

  async #take(desired: Desired): Promise<void> {
    const before = this.#desired.revision
    if (desired.revision <= before || this.#isReleased) return
    crashPoint('agent.desired.before-write')
    const written = this.#file.write(JSON.stringify(desired)).then(() => crashPoint('agent.desired.written'))
    try {
      await this.#apply(desired, written)
    } catch (error) {
      // A full disk for example: tried again until it is taken in, or something newer is.
      this.#desired = { ...desired, revision: before }
      const again = () => this.want(desired).catch((reason) => this.#parts.log(notTaken(reason)))
      setTimeout(again, retryMs).unref()
      throw error
    }
  }

  /** Of another server than before: its numbers count anew. */
  forgetRevision(): void {
    this.#desired = { ...this.#desired, revision: 0 }
  }

  observe(): Pick<Observed, 'revision' | 'instances' | 'tasks' | 'routes'> {
    const leaving = [...this.#leaving.values()].filter((one) => one instanceof Instance)
    return {
      revision: this.#desired.revision,
      instances: [...this.#instances.values(), ...leaving].map((instance) => instance.observe()),
      tasks: [...this.#tasks.values()].map((task) => task.observe()),
      routes: this.#routes.observe(),
    }
  }

  usage(): InstanceUsage[] {
    return this.#usage.take(this.#instances.values())
  }

  probesStored(probes: Record<string, number>): void {
    for (const [id, seq] of Object.entries(probes)) this.#instances.get(id)?.facts.stored(seq)
  }

  edgeIsBack(): void {
    this.#routes.edgeIsBack()
  }

  /** Stops caring; everything goes on without this process. */
  release(): void {
    this.#isReleased = true
    if (this.#look) clearInterval(this.#look)
    for (const one of [...this.#instances.values(), ...this.#tasks.values(), ...this.#leaving.values()]) one.release()
    this.#routes.close()
  }

  /**
   * Routes may move before the new state lies on the disk: an agent that dies in between moves them back to what is
   * still up, and forward again with the server's next word. Nothing is ended before.
   */
  async #apply(desired: Desired, written: Promise<void> = Promise.resolve()): Promise<void> {
    const before = this.#desired
    this.#desired = desired
    for (const wanted of desired.instances) {
      const living = this.#instances.get(wanted.id)
      if (living) living.update(wanted)
      else if (!this.#leaving.has(wanted.id)) {
        this.#instances.set(wanted.id, new Instance(this.#host, wanted, this.#takeOrphan(wanted.id)))
      }
    }
    for (const wanted of desired.tasks) {
      if (this.#tasks.has(wanted.id)) continue
      this.#tasks.set(
        wanted.id,
        new Task(
          {
            ...this.#host,
            tasks: join(this.#parts.folder, 'tasks'),
            wakeLog: (log) => this.#parts.wakeLog(log),
            changed: () => this.#parts.changed('now'),
          },
          wanted,
          this.#takeOrphan(wanted.id),
        ),
      )
    }
    for (const instance of this.#instances.values()) instance.reconsider()
    // Visitors first: what is no longer wanted is stopped only when no route leads to it.
    const [moved, kept] = await Promise.allSettled([this.#routes.want(desired.routes), written])
    if (kept.status === 'rejected') throw kept.reason
    if (moved.status === 'rejected') throw moved.reason
    crashPoint('agent.desired.routes-applied')
    if (this.#isReleased) return
    const wanted = new Set([...desired.instances, ...desired.tasks].map(({ id }) => id))
    for (const [id, one] of [...this.#instances, ...this.#tasks]) {
      if (!wanted.has(id)) this.#leave(id, one)
    }
    if (before.revision > 0 || desired.revision > 0) {
      this.#bundles.keepOnly(new Set([...desired.instances, ...desired.tasks].map(({ bundle }) => bundle)))
    }
    this.#parts.changed('now')
  }

  #leave(id: string, one: Instance | Task): void {
    this.#instances.delete(id)
    this.#tasks.delete(id)
    this.#leaving.set(id, one)
    void one.stop().then(() => {
      one.removeFiles()
      this.#parts.changed('now')
    })
  }

  #changed(when: 'now' | 'later'): void {
    if (when === 'now') {
      for (const instance of this.#instances.values()) if (instance.facts.state === 'waiting') instance.reconsider()
      void this.#routes.reconcile()
    }
    this.#parts.changed(when)
  }

  #routed(id: string): RoutedInstance | null {
    const instance = this.#instances.get(id) ?? this.#leaving.get(id)
    if (!(instance instanceof Instance)) return null
    const { retries } = instance.desired.health
    return {
      target: instance.target,
      isHealthy: instance.isServing,
      isUnhealthy: instance.isRunning && !instance.isStopping && instance.facts.state === 'unhealthy',
      down: instance.down,
      bad: this.#bad.get(id) ?? 0,
      retries,
      drainMs: instance.desired.drainMs,
    }
  }

  #dependencies(instance: DesiredInstance): ReturnType<InstanceHost['dependencies']> {
    let isWaiting = false
    for (const { instanceId, condition } of instance.after) {
      const other = this.#instances.get(instanceId)
      if (!other && this.#desired.instances.some(({ id }) => id === instanceId)) isWaiting = true
      else if (!other) return { never: `It waits for an instance (${instanceId}) that this host does not have.` }
      if (!other) continue
      const { state, reason } = other.facts
      const name = other.desired.service
      if (state === 'failed') return { never: `It waits for ${name}, which failed: ${reason ?? 'no reason is known'}` }
      const isOver = state === 'completed' || state === 'stopped'
      if (isOver && condition === 'healthy') return { never: `It waits for ${name} to be healthy, which has ended.` }
      if (condition === 'completed' && state !== 'completed') isWaiting = true
      if (condition === 'healthy' && state !== 'healthy') isWaiting = true
      if (condition === 'started' && ['waiting', 'fetching'].includes(state)) isWaiting = true
    }
    return isWaiting ? 'waiting' : 'reached'
  }

  #takeOrphan(id: string): ProcessRecord | null {
    const orphan = this.#orphans.get(id) ?? null
    this.#orphans.delete(id)
    return orphan
  }

  /** Each second: memory where no control group watches it, logs whose notice was lost, those that are gone. */
  #lookAround(): void {
    for (const one of [...this.#instances.values(), ...this.#tasks.values()]) one.log.poke()
    for (const [id, one] of this.#leaving) {
      one.log.poke()
      const isGone = one instanceof Instance ? one.facts.state === 'stopped' : one.observe().state !== 'running'
      if (!isGone || !one.log.isSettled) continue
      one.log.close()
      this.#parts.forgetLog(one.log)
      this.#leaving.delete(id)
      const folder = one instanceof Instance ? join(this.#host.instances, id) : null
      if (folder) rmSync(folder, { recursive: true, force: true })
    }
    void this.#watchMemory()
  }

  async #watchMemory(): Promise<void> {
    if (this.#isLooking) return
    const watched = [...this.#instances.values(), ...this.#tasks.values()].flatMap((one) => {
      const limit = one.watchedMemory
      return limit ? [{ one, ...limit }] : []
    })
    if (watched.length === 0) return
    this.#isLooking = true
    try {
      const used = residentBytes(watched.map(({ pid }) => pid))
      for (const { one, pid, bytes } of watched) {
        const own = used.get(pid) ?? 0
        if (own <= bytes) continue
        await one.killFor(
          `It was ended because it used ${mebibytes(own)} of memory, more than its limit of ${mebibytes(bytes)}.`,
        )
      }
    } finally {
      this.#isLooking = false
    }
  }
}

const notTaken = (error: unknown) => `The desired state could not be taken in: ${messageOf(error)}`

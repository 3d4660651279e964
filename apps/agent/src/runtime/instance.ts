import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { DesiredInstance, ObservedInstance } from '@juanie/services/hosts/contract'
import type { ControlGroup } from '../host/control-groups.ts'
import { listeningPorts, treeOf } from '../host/process-tree.ts'
import type { Exit } from '../host/user-command.ts'
import { BundleProblem } from './bundles.ts'
import { watchHealth } from './health-watch.ts'
import { InstanceLog } from './instance-log.ts'
import { InstanceFacts } from './instance-state.ts'
import { lastOutput, sentenceOf, startProblem, whyNotHealthy } from './instance-words.ts'
import { ManagedProcess, outputFile, type ProcessRecord } from './managed-process.ts'
import { isFree, type Ports } from './ports.ts'
import type { ProbeResult } from './probe.ts'
import { probeOf } from './probes.ts'
import { limitsOf, mebibytes, type ProcessHost, prepareWorkspace, startOf } from './workspace.ts'

export interface InstanceHost extends ProcessHost {
  ports: Ports
  /** Folder of all instances. */
  instances: string
  log(message: string): void
  wakeLog(log: InstanceLog): void
  forgetLog(log: InstanceLog): void
  /** Something of it is to be told. */
  changed(id: string, when: 'now' | 'later'): void
  /** It is in a soak: at least one probe a second, and every one is kept. */
  isWatched(id: string): boolean
  onBadInARow(id: string, count: number, reason: string): void
  onExit(id: string, reason: string): void
  /** Whether what it waits for has come; a sentence when it never will. */
  dependencies(instance: DesiredInstance): 'reached' | 'waiting' | { never: string }
  /** Resolves when no visitor uses it any more, or the time is over. */
  drained(id: string, limitMs: number): Promise<void>
}

/** Ends before it was ever healthy, after which no further start is tried. */
const earlyEnds = 3
const portMoves = 5
/** A process that ran so long has not crashed in a row. */
const steadyMs = 10_000

/** One process of a deployment: started, probed, started again, stopped. */
export class Instance {
  readonly id: string
  readonly facts: InstanceFacts
  readonly log: InstanceLog
  readonly #host: InstanceHost
  readonly #folder: string
  #desired: DesiredInstance
  #process: ManagedProcess | null = null
  #group: ControlGroup | null = null
  #watchedMemory: number | null = null
  #killedBecause: string | null = null
  #lastBad: ProbeResult | null = null
  #abort = new AbortController()
  #wake: () => void = () => {}
  #loop: Promise<void>
  #stopping: Promise<void> | null = null

  constructor(host: InstanceHost, desired: DesiredInstance, orphan: ProcessRecord | null) {
    this.#host = host
    this.#desired = desired
    this.id = desired.id
    this.#folder = join(host.instances, desired.id)
    mkdirSync(this.#folder, { recursive: true, mode: 0o711 })
    this.facts = new InstanceFacts(join(this.#folder, 'state.json'))
    this.facts.kept.stop = desired.stop
    const { kept } = this.facts
    if (kept.port !== null) host.ports.hold(kept.port)
    if (orphan) kept.attempt = Math.max(kept.attempt, orphan.attempt)
    this.#process = kept.attempt > 0 ? ManagedProcess.adopt(this.#folder, orphan) : null
    if (kept.final) {
      this.facts.state = kept.final.state
      this.facts.reason = kept.final.reason
    }
    this.log = new InstanceLog({
      folder: this.#folder,
      instanceId: desired.id,
      secrets: desired.secretNames.flatMap((name) => desired.environment[name] ?? []),
      wake: (log) => host.wakeLog(log),
    })
    if (this.#process === null) this.log.ended(kept.attempt)
    else this.#limit()
    this.#loop = this.#run().catch((error) => this.#fail(`Juanie failed to run it: ${messageOf(error)}`))
    if (desired.want === 'stopped') void this.stop()
  }

  get desired(): DesiredInstance {
    return this.#desired
  }

  /** Whether visitors may be sent to it. */
  get isServing(): boolean {
    return this.facts.kept.port !== null && this.#process !== null && !this.#stopping && this.facts.state === 'healthy'
  }

  /** Where the edge finds it; the id changes with the port, since a target keeps its address for life. */
  get target(): { id: string; host: string; port: number } | null {
    const { port, moves } = this.facts.kept
    return port === null ? null : { id: moves === 0 ? this.id : `${this.id}#${moves}`, host: '127.0.0.1', port }
  }

  /** Why it does not run, when it does not and no start of it is under way. */
  get down(): string | null {
    const isDown = ['backing_off', 'failed', 'completed', 'stopped'].includes(this.facts.state)
    return isDown ? (this.facts.reason ?? `It is ${this.facts.state}.`) : null
  }

  get isStopping(): boolean {
    return this.#stopping !== null
  }

  get isRunning(): boolean {
    return this.#process !== null && !this.#process.isOver
  }

  get hasEnded(): boolean {
    return ['completed', 'failed', 'stopped'].includes(this.facts.state)
  }

  /** The pid of its session's leader and its limit, where the agent itself watches its memory. */
  get watchedMemory(): { pid: number; bytes: number } | null {
    return this.#process && this.#watchedMemory !== null && this.isRunning
      ? { pid: this.#process.record.identity.pid, bytes: this.#watchedMemory }
      : null
  }

  /** The pid of its session's leader while it runs. */
  get runningPid(): number | null {
    return this.#process && this.isRunning ? this.#process.record.identity.pid : null
  }

  update(desired: DesiredInstance): void {
    this.#desired = desired
    if (desired.want === 'stopped') void this.stop()
    this.#wake()
  }

  /** What it waits for may have come. */
  reconsider(): void {
    this.#wake()
  }

  observe(): ObservedInstance {
    return this.facts.observe(this.id)
  }

  /** Ended with the reason; what it does next follows its restart policy. */
  async killFor(reason: string): Promise<void> {
    this.#killedBecause = reason
    await this.#process?.kill()
  }

  /** Ends it in an orderly way and for good: no visitors, stop signal, grace, the rest of its tree. Safe to repeat. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** Leaves the process running and stops following it. */
  release(): void {
    this.#abort.abort()
    this.#process?.release()
    this.log.close()
  }

  /** Removes what lies on disk but the log that the server does not have yet. */
  removeFiles(): void {
    if (this.facts.kept.port !== null) this.#host.ports.release(this.facts.kept.port)
    for (const name of ['app', 'app.new', 'home', 'tmp']) {
      rmSync(join(this.#folder, name), { recursive: true, force: true, maxRetries: 3 })
    }
  }

  async #stop(): Promise<void> {
    const running = this.isRunning ? this.#process : null
    if (running) {
      this.#set('draining', null)
      await this.#host.drained(this.id, this.#desired.drainMs)
    }
    this.#abort.abort()
    this.#wake()
    crashPoint('agent.instance.before-stop')
    // The loop may just be starting it.
    await this.#loop
    const { signal, graceMs } = this.#desired.stop
    await this.#process?.stop(signal as NodeJS.Signals, graceMs)
    if (this.#process) this.facts.kept.exit = await Promise.race([this.#process.exited, pause(1_000, null)])
    crashPoint('agent.instance.after-stop')
    this.#ended()
    this.#set('stopped', null)
  }

  async #run(): Promise<void> {
    const { kept } = this.facts
    while (!this.#abort.signal.aborted && kept.final === null && !(this.#stopping && !this.isRunning)) {
      if (!this.#process && !(await this.#prepare())) return
      const process = this.#process ?? (await this.#start())
      if (!process) continue
      this.#process = process
      const outcome = await this.#follow(process)
      if (outcome === 'released') return
      if (outcome === 'limit') await this.#overLimit(process)
      await this.#decide(process, outcome === 'limit')
    }
  }

  /** False when there is nothing to start: it was stopped, or it cannot be. */
  async #prepare(): Promise<boolean> {
    const { signal } = this.#abort
    const { kept } = this.facts
    while (kept.attempt === 0 && !signal.aborted) {
      const found = this.#host.dependencies(this.#desired)
      if (found === 'reached') break
      if (found !== 'waiting') {
        this.#fail(found.never)
        return false
      }
      this.#set('waiting', null)
      await this.#sleep(60_000)
    }
    if (signal.aborted) return false
    try {
      if (kept.attempt === 0) this.#set('fetching', null)
      await prepareWorkspace(this.#host, this.#desired, this.#folder, signal)
      if (this.#desired.port && kept.port === null) {
        kept.port = await this.#host.ports.pick()
        this.facts.save()
      }
    } catch (error) {
      if (signal.aborted) return false
      await this.#cannotStart(error instanceof BundleProblem ? error.message : startProblem(error))
      return kept.final === null && !signal.aborted && this.#prepare()
    }
    return !signal.aborted
  }

  async #start(): Promise<ManagedProcess | null> {
    const { kept } = this.facts
    if (kept.port !== null && !(await isFree(kept.port, '127.0.0.1')) && !(await this.#movePort())) return null
    this.#limit()
    this.#killedBecause = null
    kept.attempt += 1
    kept.firstStartedAt ??= new Date().toISOString()
    this.facts.save()
    crashPoint('agent.instance.before-start')
    try {
      return await ManagedProcess.start({
        ...startOf(this.#host, this.#desired, { folder: this.#folder, port: kept.port }),
        folder: this.#folder,
        attempt: kept.attempt,
        mark: `${this.#host.markPrefix}${this.id}/${kept.attempt}`,
        controlGroup: this.#group?.descriptor,
      })
    } catch (error) {
      this.#group?.dispose()
      this.#group = null
      await this.#cannotStart(startProblem(error))
      return null
    }
  }

  /** A new version fails; one that has been healthy is tried again, for what hinders it may pass. */
  async #cannotStart(reason: string): Promise<void> {
    if (!this.facts.wasHealthy) return this.#fail(reason)
    this.facts.kept.crashes += 1
    await this.#backOff(reason)
  }

  async #backOff(reason: string): Promise<void> {
    const { restart } = this.#desired
    const { kept } = this.facts
    const pauseMs = Math.min(restart.maxBackOffMs, restart.minBackOffMs * 2 ** Math.min(20, kept.crashes - 1))
    this.#set('backing_off', `${reason} It is started again after ${(pauseMs / 1000).toFixed(1)} s.`)
    await this.#sleep(pauseMs, true)
  }

  #limit(): void {
    const { group, watchedMemory, notHonoured } = limitsOf(this.#host, this.#desired)
    this.#group = group
    this.#watchedMemory = watchedMemory
    this.facts.notHonoured = notHonoured
  }

  /** Until it ends, its start limit is over, or this agent lets go of it. */
  async #follow(process: ManagedProcess): Promise<Exit | 'limit' | 'released'> {
    const { facts } = this
    const { health } = this.#desired
    facts.pid = process.record.identity.pid
    facts.startedAt = process.record.startedAt
    const ageMs = ageOf(process.record.startedAt)
    const isKnownHealthy = facts.kept.healthyAttempt === process.record.attempt
    this.#set(isKnownHealthy ? 'healthy' : 'starting', null)
    const over = new AbortController()
    const stop = () => over.abort()
    this.#abort.signal.addEventListener('abort', stop, { once: true })
    const probe = probeOf(this.#host, this.#desired, {
      port: facts.kept.port,
      folder: this.#folder,
      process,
      isKnown: () => facts.state === 'healthy' || facts.state === 'unhealthy',
    })
    const watching = watchHealth({
      health,
      ageMs: facts.wasHealthy ? ageMs : Math.max(ageMs, ageOf(facts.kept.firstStartedAt)),
      isKnownHealthy,
      probe,
      isWatched: () => this.#host.isWatched(this.id),
      signal: over.signal,
      onProbe: (result) => {
        facts.record(result, !facts.wasHealthy || facts.state === 'starting' || this.#host.isWatched(this.id))
        if (!result.good) this.#lastBad = result
        // A bad one on the way up is no news by itself; the good ones before the switch are waited for.
        this.#host.changed(this.id, result.good && facts.state === 'starting' ? 'now' : 'later')
      },
      onHealthy: () => {
        if (facts.kept.healthyAttempt !== process.record.attempt) {
          facts.kept.healthyAttempt = process.record.attempt
          facts.save()
        }
        if (!this.#stopping) this.#set('healthy', null)
      },
      onUnhealthy: (reason) => this.#stopping || this.#set('unhealthy', reason),
      onBadInARow: (count) =>
        this.#host.onBadInARow(this.id, count, this.#lastBad?.reason ?? 'The health check failed.'),
    })
    const outcome = await Promise.race([
      process.exited,
      watching.then((end) => (end === 'limit' ? ('limit' as const) : new Promise<never>(() => {}))),
      new Promise<'released'>((resolve) => {
        this.#abort.signal.addEventListener('abort', () => resolve('released'), { once: true })
        if (this.#abort.signal.aborted) resolve('released')
      }),
    ])
    this.#abort.signal.removeEventListener('abort', stop)
    over.abort()
    return outcome
  }

  async #overLimit(process: ManagedProcess): Promise<void> {
    this.#killedBecause = whyNotHealthy({
      ports: listeningPorts(treeOf(process.record.identity.pid, process.record.mark)) ?? [],
      port: this.facts.kept.port,
      limitMs: this.#desired.health.startLimitMs,
      last: this.#lastBad,
      exit: this.facts.wasHealthy ? null : this.facts.kept.exit,
    })
    const { signal, graceMs } = this.#desired.stop
    await process.stop(signal as NodeJS.Signals, Math.min(graceMs, 5_000))
  }

  /** The process is over: what follows from it. */
  async #decide(process: ManagedProcess, wasOverLimit: boolean): Promise<void> {
    const { facts } = this
    const { kept } = facts
    const { restart } = this.#desired
    // What it left behind must not meet its successor.
    await process.kill()
    const exit = await process.exited
    const ranMs = Date.now() - Date.parse(process.record.startedAt)
    const { wasHealthy } = facts
    const memoryKills = this.#group?.memoryKills() ?? 0
    this.#ended()
    kept.exit = exit
    const reason =
      this.#killedBecause ??
      (memoryKills > 0
        ? `It was ended because it used more than its memory limit of ${mebibytes(this.#desired.limits.memoryBytes ?? 0)}.`
        : sentenceOf(exit, { isEarly: !wasHealthy && this.#desired.port !== null }))
    if (this.#stopping || this.#abort.signal.aborted) return
    if (!wasOverLimit && !wasHealthy && (await this.#lostPort(process))) return
    this.#host.onExit(this.id, reason)
    const isDone = exit.code === 0 && !wasOverLimit && (restart.policy === 'no' || restart.policy === 'on-failure')
    if (isDone) return this.#finish('completed', null)
    if (wasOverLimit && !wasHealthy) return this.#fail(reason)
    if (restart.policy === 'no') return this.#fail(reason)
    if (restart.policy === 'on-failure' && restart.maxRetries !== null && kept.restarts >= restart.maxRetries) {
      return this.#fail(`${reason} It was started ${kept.restarts + 1} times, as often as its restart policy allows.`)
    }
    kept.crashes = ranMs >= steadyMs && wasHealthy ? 1 : kept.crashes + 1
    if (!wasHealthy && kept.crashes >= earlyEnds) {
      return this.#fail(`${reason} It was started ${kept.crashes} times and never became healthy.`)
    }
    kept.restarts += 1
    facts.save()
    await this.#backOff(reason)
  }

  /** Another program took the port between the choice and the start: that is no fault of the application. */
  async #lostPort(process: ManagedProcess): Promise<boolean> {
    const { port } = this.facts.kept
    if (port === null) return false
    const isTaken = !(await isFree(port, '127.0.0.1'))
    const said = lastOutput(outputFile(this.#folder, process.record.attempt))
    const isSaid = /EADDRINUSE|address already in use/i.test(said) && said.includes(String(port))
    return (isTaken || isSaid) && ((await this.#movePort()) || this.facts.kept.final !== null)
  }

  /** False when it has moved too often, which is final. */
  async #movePort(): Promise<boolean> {
    const { kept } = this.facts
    if (kept.moves >= portMoves) {
      this.#fail(`Its port was taken by other programs ${portMoves} times.`)
      return false
    }
    if (kept.port !== null) this.#host.ports.release(kept.port)
    kept.port = await this.#host.ports.pick()
    kept.moves += 1
    this.facts.save()
    return true
  }

  #ended(): void {
    this.#process = null
    this.facts.pid = null
    this.#group?.dispose()
    this.#group = null
    this.#watchedMemory = null
    this.log.ended(this.facts.kept.attempt)
  }

  #fail(reason: string): void {
    this.#finish('failed', reason)
  }

  #finish(state: 'completed' | 'failed', reason: string | null): void {
    this.facts.kept.final = { state, reason }
    this.facts.save()
    this.#set(state, reason)
    if (reason) this.#host.log(`Instance ${this.id} failed: ${reason}`)
  }

  #set(state: InstanceFacts['state'], reason: string | null): void {
    if (this.facts.state === state && this.facts.reason === reason) return
    this.facts.state = state
    this.facts.reason = reason
    this.#host.changed(this.id, 'now')
  }

  /** `isFirm`: only the end of the agent's care cuts it short, not news about others. */
  async #sleep(ms: number, isFirm = false): Promise<void> {
    const early = new AbortController()
    const end = () => early.abort()
    this.#wake = () => (isFirm && !this.#abort.signal.aborted && !this.#stopping ? undefined : end())
    this.#abort.signal.addEventListener('abort', end, { once: true })
    if (!this.#abort.signal.aborted) await pause(ms, undefined, { signal: early.signal }).catch(() => {})
    this.#abort.signal.removeEventListener('abort', end)
    this.#wake = () => {}
  }
}

const ageOf = (at: string | null): number => (at === null ? 0 : Math.max(0, Date.now() - Date.parse(at)))

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { DesiredTask, ObservedTask } from '@juanie/services/hosts/contract'
import type { ControlGroup } from '../host/control-groups.ts'
import type { Exit } from '../host/user-command.ts'
import { KeptFile, readJson, writeDurably } from './files.ts'
import { InstanceLog } from './instance-log.ts'
import { ManagedProcess, type ProcessRecord } from './managed-process.ts'
import { limitsOf, mebibytes, type ProcessHost, prepareWorkspace, startOf } from './workspace.ts'

export interface TaskHost extends ProcessHost {
  /** Folder of all tasks. */
  tasks: string
  wakeLog(log: InstanceLog): void
  changed(): void
}

/** Lies on disk for as long as anyone could ask for the task again. */
interface KeptTask {
  /** Written before the start: from then on it is never started again. */
  begunAt: string | null
  end: { state: 'succeeded' | 'failed'; exitCode: number | null; reason: string | null } | null
}

const graceMs = 10_000

/** A command that runs once on this host, whatever dies in between. */
export class Task {
  readonly id: string
  readonly log: InstanceLog
  readonly #host: TaskHost
  readonly #desired: DesiredTask
  readonly #folder: string
  readonly #last: KeptFile
  readonly #abort = new AbortController()
  #kept: KeptTask
  #process: ManagedProcess | null = null
  #watchedMemory: number | null = null
  #killedBecause: string | null = null
  readonly #done: Promise<void>

  constructor(host: TaskHost, desired: DesiredTask, orphan: ProcessRecord | null) {
    this.#host = host
    this.#desired = desired
    this.id = desired.id
    this.#folder = join(host.tasks, desired.id)
    mkdirSync(this.#folder, { recursive: true, mode: 0o711 })
    this.#last = new KeptFile(this.#file)
    this.#kept = readJson<KeptTask>(this.#file) ?? { begunAt: null, end: null }
    this.log = new InstanceLog({
      folder: this.#folder,
      instanceId: desired.id,
      secrets: desired.secretNames.flatMap((name) => desired.environment[name] ?? []),
      wake: (log) => host.wakeLog(log),
    })
    this.#done = this.#run(orphan).catch((error) => this.#end(null, `Juanie failed to run it: ${messageOf(error)}`))
  }

  observe(): ObservedTask {
    const { begunAt, end } = this.#kept
    if (end) return { id: this.id, ...end }
    return { id: this.id, state: begunAt === null ? 'waiting' : 'running', exitCode: null, reason: null }
  }

  get watchedMemory(): { pid: number; bytes: number } | null {
    return this.#process && this.#watchedMemory !== null && !this.#process.isOver
      ? { pid: this.#process.record.identity.pid, bytes: this.#watchedMemory }
      : null
  }

  async killFor(reason: string): Promise<void> {
    this.#killedBecause = reason
    await this.#process?.kill()
  }

  /** It is no longer wanted: what runs of it is ended. That it ran stays known. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#process?.stop('SIGTERM', graceMs)
    await this.#done
  }

  release(): void {
    this.#abort.abort()
    this.#process?.release()
    this.log.close()
  }

  removeFiles(): void {
    for (const name of ['app', 'app.new', 'home', 'tmp']) {
      rmSync(join(this.#folder, name), { recursive: true, force: true, maxRetries: 3 })
    }
  }

  get #file(): string {
    return join(this.#folder, 'state.json')
  }

  async #run(orphan: ProcessRecord | null): Promise<void> {
    const kept = this.#kept
    if (kept.end) return this.log.ended(1)
    if (kept.begunAt !== null) {
      const process = ManagedProcess.adopt(this.#folder, orphan)
      if (!process) return this.#end(null, interrupted)
      const { group, watchedMemory } = limitsOf(this.#host, this.#desired)
      this.#watchedMemory = watchedMemory
      return this.#follow(process, group)
    }
    try {
      await prepareWorkspace(this.#host, this.#desired, this.#folder, this.#abort.signal)
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#end(null, messageOf(error))
      return
    }
    if (this.#abort.signal.aborted) return
    const begunAt = new Date().toISOString()
    try {
      writeDurably(this.#file, JSON.stringify({ ...kept, begunAt }))
    } catch (error) {
      return this.#end(null, `It cannot be started: ${messageOf(error)}.`)
    }
    kept.begunAt = begunAt
    crashPoint('agent.task.begun')
    this.#host.changed()
    const { group, watchedMemory } = limitsOf(this.#host, this.#desired)
    this.#watchedMemory = watchedMemory
    let process: ManagedProcess
    try {
      process = await ManagedProcess.start({
        ...startOf(this.#host, this.#desired, { folder: this.#folder, port: null }),
        folder: this.#folder,
        attempt: 1,
        mark: `${this.#host.markPrefix}${this.id}/1`,
        controlGroup: group?.descriptor,
      })
    } catch (error) {
      group?.dispose()
      return this.#end(null, `It cannot be started: ${messageOf(error)}.`)
    }
    crashPoint('agent.task.started')
    await this.#follow(process, group)
  }

  async #follow(process: ManagedProcess, group: ControlGroup | null): Promise<void> {
    this.#process = process
    const left = Date.parse(process.record.startedAt) + this.#desired.timeoutMs - Date.now()
    const over = new AbortController()
    const released = new Promise<'released'>((resolve) => {
      this.#abort.signal.addEventListener('abort', () => resolve('released'), { once: true })
    })
    const outcome: Exit | 'timeout' | 'released' = await Promise.race([
      process.exited,
      pause(Math.max(0, left), 'timeout' as const, { signal: over.signal }).catch(() => released),
      released,
    ])
    over.abort()
    if (outcome === 'released') return
    if (outcome === 'timeout') {
      await process.stop('SIGTERM', graceMs)
      group?.dispose()
      return this.#end(null, `It took longer than its time limit of ${this.#desired.timeoutMs / 1000} s.`)
    }
    const memoryKills = group?.memoryKills() ?? 0
    await process.kill()
    group?.dispose()
    crashPoint('agent.task.ended')
    if (memoryKills > 0) {
      this.#killedBecause ??= `It was ended because it used more than its memory limit of ${mebibytes(this.#desired.limits.memoryBytes ?? 0)}.`
    }
    this.#end(outcome, this.#killedBecause)
  }

  #end(exit: Exit | null, reason: string | null): void {
    const isGood = exit !== null && exit.code === 0 && reason === null
    const said =
      reason ??
      (exit?.signal
        ? `It was ended by ${exit.signal}.`
        : exit?.code != null
          ? `It exited with code ${exit.code}.`
          : interrupted)
    this.#kept.end = {
      state: isGood ? 'succeeded' : 'failed',
      exitCode: exit?.code ?? null,
      reason: isGood ? null : said.slice(0, 4000),
    }
    this.#last.write(JSON.stringify(this.#kept), true)
    this.log.ended(1)
    this.#host.changed()
  }
}

const interrupted = 'It was interrupted, and how far it came is not known. It is not run a second time.'

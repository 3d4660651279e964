import { closeSync, existsSync, type FSWatcher, openSync, readFileSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { crashPoint } from '@juanie/core/points'
import { isRunning, type ProcessIdentity } from '@juanie/core/process-identity'
import type { Bind, HostIsolation } from '../host/isolation.ts'
import { killTree, mainProcess, sendSignal, treeOf } from '../host/process-tree.ts'
import { type Exit, readExit, startUserProcess, type UserCommand } from '../host/user-command.ts'
import { readJson, writeWhole } from './files.ts'

/** Which process it is, as it lies on disk. */
export interface ProcessRecord {
  identity: ProcessIdentity
  mark: string
  /** Counts the starts of one instance or task, from 1. */
  attempt: number
  startedAt: string
  /** A shell does not hand signals on, so all of its tree gets them. */
  isShell: boolean
}

export interface StartOptions {
  folder: string
  attempt: number
  mark: string
  command: UserCommand
  cwd: string
  env: Record<string, string>
  binds: Bind[]
  isolation: HostIsolation
  controlGroup?: number
}

export const outputFile = (folder: string, attempt: number): string => join(folder, `output.${attempt}.log`)
const exitFile = (folder: string, attempt: number): string => join(folder, `exit.${attempt}`)
const recordFile = (folder: string): string => join(folder, 'process.json')

const pollMs = 250

/**
 * A process that outlives the agent. Its folder tells the next agent which one it is and, once it is over, how it
 * ended.
 */
export class ManagedProcess {
  readonly record: ProcessRecord
  /** Null code and signal: it is gone and nobody knows how. */
  readonly exited: Promise<Exit>
  #isOver = false
  #release: () => void = () => {}

  private constructor(record: ProcessRecord, exited: (process: ManagedProcess) => Promise<Exit>) {
    this.record = record
    this.exited = exited(this).finally(() => {
      this.#isOver = true
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Throws when it cannot be started at all. */
  static async start(options: StartOptions): Promise<ManagedProcess> {
    const { folder, attempt, mark } = options
    const written = exitFile(folder, attempt)
    rmSync(written, { force: true })
    const output = openSync(outputFile(folder, attempt), 'a', 0o600)
    const exit = openSync(written, 'w', 0o600)
    try {
      const started = await startUserProcess({
        command: options.command,
        cwd: options.cwd,
        env: options.env,
        role: 'application',
        isolation: options.isolation,
        binds: options.binds,
        stdio: ['ignore', output, output],
        mark,
        exitFile: exit,
        controlGroup: options.controlGroup,
      })
      started.child.unref()
      crashPoint('agent.process.started')
      const record: ProcessRecord = {
        identity: started.identity ?? { bootId: '', pid: started.pid, startTime: '' },
        mark,
        attempt,
        startedAt: new Date().toISOString(),
        isShell: options.command.kind === 'shell',
      }
      try {
        writeWhole(recordFile(folder), JSON.stringify(record))
      } catch (error) {
        // What cannot be written down could not be found again.
        await killTree(started.pid, mark)
        throw error
      }
      crashPoint('agent.process.recorded')
      return new ManagedProcess(record, async () => {
        const own = await started.exited
        return readWritten(written) ?? (own.code === 0 ? { code: null, signal: null } : own)
      })
    } finally {
      closeSync(output)
      closeSync(exit)
    }
  }

  /**
   * The process that an earlier agent started in this folder; it may be over by now. `orphan` is one with the mark of
   * this folder that was found running, for an agent that died before it could write down what it had started.
   */
  static adopt(folder: string, orphan: ProcessRecord | null): ManagedProcess | null {
    const written = readJson<ProcessRecord>(recordFile(folder))
    const record = orphan && (!written || orphan.attempt > written.attempt) ? orphan : written
    if (!record) return null
    if (record === orphan) writeWhole(recordFile(folder), JSON.stringify(record))
    return new ManagedProcess(record, (process) => process.#follow(exitFile(folder, record.attempt)))
  }

  /** One that was found running, whatever the folder says. */
  static of(folder: string, record: ProcessRecord): ManagedProcess {
    const recorded = readJson<ProcessRecord>(recordFile(folder))
    const isShell = recorded?.mark === record.mark ? recorded.isShell : record.isShell
    return new ManagedProcess({ ...record, isShell }, (process) => process.#follow(exitFile(folder, record.attempt)))
  }

  /** Stops following it; it goes on. */
  release(): void {
    this.#release()
  }

  /** Asks it to end, waits at most so long, and ends whatever is left of its tree. Resolves when nothing is. */
  async stop(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    const { identity, mark } = this.record
    const until = performance.now() + graceMs
    if (!this.#isOver && isRunning(identity)) {
      const main = mainProcess(identity.pid)
      // Bubblewrap's own processes must not get it: they would take the sandbox down at once.
      const targets = main ? (this.record.isShell ? treeOf(main.pid, '') : [main.pid]) : [-identity.pid]
      for (const pid of targets) sendSignal(pid, signal)
      await this.#over(until)
    }
    // What the main process left behind gets the rest of the time.
    const left = treeOf(identity.pid, mark).filter((pid) => pid !== identity.pid)
    for (const pid of left) sendSignal(pid, signal)
    while (treeOf(identity.pid, mark).length > 0 && performance.now() < until) await pause(20)
    await this.kill()
  }

  /** Ends all of its tree now. */
  async kill(): Promise<void> {
    await killTree(this.record.identity.pid, this.record.mark)
    if (!this.#isOver) await this.#over(performance.now() + 2_000)
  }

  async #over(until: number): Promise<void> {
    const left = new AbortController()
    await Promise.race([
      this.exited,
      pause(Math.max(0, until - performance.now()), undefined, { signal: left.signal }).catch(() => {}),
    ])
    left.abort()
  }

  /** Waits for the end of a process that is not a child: it writes its exit code, or is gone without. */
  #follow(file: string): Promise<Exit> {
    return new Promise((resolve) => {
      let watcher: FSWatcher | null = null
      const finish = (exit: Exit | null) => {
        clearInterval(poll)
        watcher?.close()
        if (exit) resolve(exit)
      }
      const look = () => {
        const exit = readWritten(file)
        if (exit) return finish(exit)
        // Read once more: it may have written between the two looks.
        if (!isRunning(this.record.identity)) finish(readWritten(file) ?? { code: null, signal: null })
      }
      const poll = setInterval(look, pollMs)
      try {
        if (existsSync(file)) watcher = watch(file, { persistent: false }, look)
        watcher?.on('error', () => {})
      } catch {
        // Without notice from the kernel the poll alone finds it.
      }
      this.#release = () => finish(null)
      look()
    })
  }
}

function readWritten(file: string): Exit | null {
  try {
    return readExit(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

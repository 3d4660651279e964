import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { constants as os } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { ControlGroup } from '../host/control-groups.ts'
import type { Bind, HostIsolation } from '../host/isolation.ts'
import { marked, markedBelow, markerVariable, residentBytes, sendSignal, treeOf } from '../host/process-tree.ts'
import { startUserProcess, type UserProcess } from '../host/user-command.ts'
import { writeUserFile } from './user-file.ts'

/**
 * Takes numbers from its input, runs the start file of each in a shell of its own, and answers with the number and
 * the exit code. A number with a word behind it runs beside the others. It is the one process of a job that the host confines, so that all programs of a job see each
 * other, background ones live until the job ends, and a further step costs no more than a fork.
 */
const loop =
  'while read -r n m; do if [ "$m" ]; then { ( . "$1/$n.start" ) </dev/null; echo "$n $?"; } & else ( . "$1/$n.start" ) </dev/null & wait $!; echo "$n $?"; fi; done'

/** Marks of everything that jobs start begin so. */
export const jobMark = 'job/'

const signalNames = new Map(Object.entries(os.signals).map(([name, number]) => [number, name]))
const killLimitMs = 10_000

export interface ProgramExit {
  code: number | null
  signal: string | null
  reason: string | null
}

export interface JobShellParts {
  isolation: HostIsolation
  /** Where start files lie. It belongs to the agent, so that no program can put a link there for it to follow. */
  starts: string
  binds: Bind[]
  cwd: string
  /** `job/<job>/<fence>`. */
  mark: string
  env: Record<string, string>
  memory: { bytes: number; group: ControlGroup | null } | null
}

interface Program {
  mark: string
  start: string
  resolve(exit: ProgramExit): void
}

/** All programs of one job, started one after the other as the step's user. */
export class JobShell {
  readonly #parts: JobShellParts
  readonly #waiting = new Map<number, Program>()
  /** Start files that were read: the next program gets one of them, which costs less than a new one. */
  readonly #spare: string[] = []
  #shell: UserProcess | null = null
  #opening: Promise<UserProcess> | null = null
  #last = 0
  #watch: NodeJS.Timeout | null = null
  #overMemory = false

  constructor(parts: JobShellParts) {
    this.#parts = parts
  }

  /** Starts the shell itself. Whoever starts the first program learns what is wrong with it. */
  prepare(): void {
    this.#ready().catch(() => {})
  }

  /**
   * `argv` may be several commands, of which each runs after the one before succeeded. `output` is the path of the
   * job's pipe, or of a file that takes what the program prints.
   */
  async start(options: {
    argv: string[] | string[][]
    cwd: string
    env: Record<string, string>
    output: string
    mark: string
    /** Programs of a job with steps in the background run beside each other; one after the other costs less. */
    isBeside?: boolean
  }): Promise<{ exited: Promise<ProgramExit> }> {
    const shell = this.#shell ?? (await this.#ready())
    const number = ++this.#last
    const start = join(this.#parts.starts, `${number}.start`)
    const spare = this.#spare.pop()
    if (spare === undefined) writeUserFile(start, startFile(options), { user: this.user, mode: 0o600 })
    else {
      writeFileSync(spare, startFile(options))
      renameSync(spare, start)
    }
    const exited = new Promise<ProgramExit>((resolve) =>
      this.#waiting.set(number, { mark: options.mark, start, resolve }),
    )
    shell.child.stdin?.write(options.isBeside ? `${number} &\n` : `${number}\n`)
    return { exited }
  }

  get user() {
    return this.#parts.isolation.users.step
  }

  /** Sends a signal to every process of a program, background ones included; false when there is none. */
  signal(mark: string, signal: NodeJS.Signals): boolean {
    const pids = marked(mark)
    for (const pid of pids) sendSignal(pid, signal)
    return pids.length > 0
  }

  /** Asks a program's processes to end, and ends those that are left after `graceMs`. */
  async terminate(mark: string, graceMs: number): Promise<void> {
    const asked = performance.now()
    this.signal(mark, 'SIGTERM')
    for (let waitMs = 5; performance.now() - asked < graceMs; waitMs = Math.min(100, waitMs * 2)) {
      if (marked(mark).length === 0) return
      await pause(waitMs)
    }
    await this.#killMarked(mark)
  }

  /** Ends everything that the job started, and the shell itself. */
  async close(): Promise<void> {
    if (this.#watch) clearInterval(this.#watch)
    await this.#opening?.catch(() => {})
    const shell = this.#shell
    this.#shell = null
    if (shell) {
      shell.child.stdin?.end()
      const first = this.#parts.isolation.bubblewrap ? namespaceOf(shell.pid) : null
      if (first !== null) sendSignal(first, 'SIGKILL')
      else for (const pid of treeOf(shell.pid, this.#parts.mark)) sendSignal(pid, 'SIGKILL')
      await shell.exited
      shell.child.stdout?.destroy()
      // The kernel has ended the whole namespace before its first process was gone; nothing is to be looked for.
      if (first === null) await this.#killMarked(this.#parts.mark)
    }
    this.#parts.memory?.group?.dispose()
    this.#settleAll()
  }

  #ready(): Promise<UserProcess> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async #open(): Promise<UserProcess> {
    const { isolation, starts, binds, cwd, mark, env, memory } = this.#parts
    const shell = await startUserProcess({
      command: { kind: 'exec', argv: ['/bin/sh', '-c', loop, 'juanie', starts] },
      cwd,
      env,
      role: 'step',
      isolation,
      binds,
      stdio: ['pipe', 'pipe', 'ignore'],
      mark,
      ...(memory?.group && { controlGroup: memory.group.descriptor }),
    })
    this.#shell = shell
    shell.child.stdin?.on('error', () => {})
    const answers = createInterface({ input: shell.child.stdout! })
    answers.on('line', (line) => this.#answer(line))
    shell.exited.then(() => {
      if (this.#shell === shell) this.#shell = null
      this.#settleAll()
    })
    if (memory && !memory.group) this.#watchMemory(shell.pid, memory.bytes)
    return shell
  }

  #answer(line: string): void {
    const [number = 0, status = 0] = line.split(' ').map(Number)
    const program = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (program) this.#spare.push(program.start)
    const reason = this.#memoryReason()
    const signal = status > 128 ? (signalNames.get(status - 128) ?? null) : null
    program?.resolve({ code: signal ? null : status, signal, reason: status === 0 ? null : reason })
  }

  /** The shell itself is gone: whatever it ran is over. */
  #settleAll(): void {
    const reason = this.#memoryReason()
    for (const { resolve } of this.#waiting.values()) resolve({ code: null, signal: 'SIGKILL', reason })
    this.#waiting.clear()
  }

  #memoryReason(): string | null {
    const { memory } = this.#parts
    if (!memory || !(this.#overMemory || (memory.group && memory.group.memoryKills() > 0))) return null
    return `The job used more than its memory limit of ${Math.round(memory.bytes / 1024 / 1024)} MiB.`
  }

  #watchMemory(root: number, limit: number): void {
    this.#watch = setInterval(() => {
      if ((residentBytes([root]).get(root) ?? 0) <= limit) return
      this.#overMemory = true
      for (const { mark } of this.#waiting.values()) this.signal(mark, 'SIGKILL')
    }, 1_000)
    this.#watch.unref()
  }

  async #killMarked(mark: string): Promise<void> {
    const until = performance.now() + killLimitMs
    for (let waitMs = 1; this.#killOnce(mark) && performance.now() < until; waitMs = Math.min(50, waitMs * 2))
      await pause(waitMs)
  }

  #killOnce(mark: string): boolean {
    // Marks of a job's programs begin with the job's own.
    const found = markedFrom(mark)
    for (const pid of found) sendSignal(pid, 'SIGKILL')
    return found.length > 0
  }
}

/**
 * The first process of the namespace that bubblewrap made: the only child of its own process. Null when it cannot be
 * told.
 */
function namespaceOf(bubblewrap: number): number | null {
  try {
    const children = readFileSync(`/proc/${bubblewrap}/task/${bubblewrap}/children`, 'latin1').trim().split(' ')
    return children.length === 1 && children[0] ? Number(children[0]) : null
  } catch {
    return null
  }
}

const markedFrom = (mark: string): number[] => markedBelow(mark).map(({ pid }) => pid)

/** The values travel in a file that only the step's user can read, so none is ever among the arguments of a process. */
function startFile(options: {
  argv: string[] | string[][]
  cwd: string
  env: Record<string, string>
  output: string
  mark: string
}): string {
  const lines = [`exec >>${quoted(options.output)} 2>&1`, `cd ${quoted(options.cwd)} || exit 1`]
  for (const [name, value] of Object.entries({ ...options.env, [markerVariable]: options.mark })) {
    // What is no name for a shell could not reach one either.
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) lines.push(`export ${name}=${quoted(value.replaceAll('\0', ''))}`)
  }
  const commands = options.argv.map((word) => (typeof word === 'string' ? [word] : word))
  const all = typeof options.argv[0] === 'string' ? [commands.flat()] : commands
  const last = all.pop() ?? []
  for (const argv of all) lines.push(`${argv.map(quoted).join(' ')} || exit $?`)
  return `${lines.join('\n')}\nexec ${last.map(quoted).join(' ')}\n`
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** What a program wrote into a file that its user owns: never through a link, never more than `maxBytes`. */
export function readOutput(file: string, maxBytes: number): Buffer {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error('The output was replaced by something else.')
    if (stat.size > maxBytes) throw new Error(`The output is larger than ${maxBytes} bytes.`)
    const buffer = Buffer.alloc(stat.size)
    let length = 0
    while (length < stat.size) {
      const count = readSync(descriptor, buffer, length, stat.size - length, length)
      if (count === 0) break
      length += count
    }
    return buffer.subarray(0, length)
  } finally {
    closeSync(descriptor)
    rmSync(file, { force: true })
  }
}

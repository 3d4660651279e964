import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Writable } from 'node:stream'
import { identify, type ProcessIdentity } from '@juanie/core/process-identity'
import { type Bind, confined, type HostIsolation, isConfining, type Role } from './isolation.ts'
import { markerVariable } from './process-tree.ts'

/** A program with its arguments, or a line for `sh -c`. */
export type UserCommand = { kind: 'exec'; argv: readonly string[] } | { kind: 'shell'; line: string }

export interface Exit {
  /** Null when a signal ended it, or when nobody knows. */
  code: number | null
  signal: string | null
}

export interface UserProcessOptions {
  command: UserCommand
  cwd: string
  /** All of it; nothing of the agent's own environment is added but the mark. */
  env: Record<string, string>
  role: Role
  isolation: HostIsolation
  /** Folders that it sees where the host confines programs; `cwd` must be inside one of them. */
  binds: readonly Bind[]
  /** Descriptors, `pipe` or `ignore`. A program that is to outlive the agent must not get a pipe. */
  stdio: readonly [StdioChoice, StdioChoice, StdioChoice]
  /** By which all of its tree is found again, see `process-tree.ts`. */
  mark: string
  /** Open for writing: its exit code is written there though nobody waits, as `readExit` reads it. */
  exitFile?: number
  /** Open for writing on `cgroup.procs` of the control group that it shall belong to from its first moment. */
  controlGroup?: number
}

type StdioChoice = number | 'pipe' | 'ignore'

export interface UserProcess {
  /** Leads a session of its own; null when it has ended already. */
  identity: ProcessIdentity | null
  pid: number
  child: ChildProcess
  /** Of the process itself, as long as this agent lives. */
  exited: Promise<Exit>
}

/**
 * Joins the control group, runs the command with its own outputs and writes down how it ended. It catches the signals
 * that a process group gets, so that it is still there to see the end, and its own complaints are for nobody. Shells
 * give `128 + n` for a signal.
 */
const launcher = [
  'trap : HUP INT QUIT TERM USR1 USR2 ALRM',
  '[ "$1" = - ] || echo 0 >&4',
  'shift',
  'exec 9>&2 2>/dev/null',
  '"$@" 2>&9 3>&- 4>&- 9>&-',
  'echo $? >&3',
].join('\n')

/**
 * Starts a program of a user. This is the only place of Juanie where a shell gets a line to run. Throws when it cannot
 * be started at all, e.g. because its folder is missing; a program that is not found ends with 127 where a launcher is
 * used, and throws otherwise.
 */
export async function startUserProcess(options: UserProcessOptions): Promise<UserProcess> {
  const { command, cwd, isolation, exitFile, controlGroup } = options
  const own = command.kind === 'exec' ? command.argv : ['/bin/sh', '-c', command.line]
  const env = { ...options.env, [markerVariable]: options.mark }
  const usesLauncher = exitFile !== undefined || controlGroup !== undefined
  const stdio: StdioChoice[] = [...options.stdio]
  if (usesLauncher) stdio.push(exitFile ?? 'ignore', controlGroup ?? 'ignore')
  const inside = isConfining(isolation)
    ? confined(isolation, own, { env, binds: options.binds, cwd, descriptor: stdio.length })
    : null
  if (inside) stdio.push('pipe')
  let argv = inside?.argv ?? own
  if (usesLauncher) argv = ['/bin/sh', '-c', launcher, 'juanie', controlGroup === undefined ? '-' : '+', ...argv]
  const user = isolation.users[options.role]
  const [program = '', ...args] = argv
  const child = spawn(program, args, {
    // The folder of a confined program is entered inside, and its environment is set there.
    cwd: inside ? '/' : cwd,
    env: inside ? { [markerVariable]: options.mark } : env,
    stdio,
    detached: true,
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  if (inside) {
    const told = child.stdio.at(-1) as Writable | null | undefined
    // One that has ended already reads nothing; its exit says so.
    told?.on('error', () => {})
    told?.end(inside.options, () => told.destroy())
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve(fromShell({ code, signal }, usesLauncher)))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  const pid = child.pid!
  return { pid, child, identity: identify(pid), exited }
}

/** What the launcher wrote, `<code>\n`; null when it has not, or was killed before it could. */
export function readExit(text: string): Exit | null {
  const code = /^(\d{1,3})\n/.exec(text)?.[1]
  return code === undefined ? null : fromShell({ code: Number(code), signal: null }, true)
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))

function fromShell(exit: Exit, isFromShell: boolean): Exit {
  const signal = isFromShell && exit.code !== null && exit.code > 128 ? signalNames.get(exit.code - 128) : undefined
  return signal ? { code: null, signal } : exit
}

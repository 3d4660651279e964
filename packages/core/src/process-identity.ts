import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * Which process a number meant when it was written down. A pid alone is given again to others; together with the
 * boot and the moment of the start it is not.
 */
export type ProcessIdentity = {
  bootId: string
  pid: number
  /** Opaque: clock ticks since the boot on Linux, the time of the start elsewhere. */
  startTime: string
}

const isLinux = process.platform === 'linux'

let knownBootId: string | undefined

function bootId(): string {
  knownBootId ??= isLinux
    ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8', timeout: 5_000 }).trim()
  return knownBootId
}

/** The process that has this number now; null when there is none, or only a zombie that waits to be reaped. */
export function identify(pid: number): ProcessIdentity | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null
  const found = isLinux ? linuxStat(pid) : portableStat(pid)
  if (!found || found.state === 'Z' || found.state === 'X') return null
  return { bootId: bootId(), pid, startTime: found.startTime }
}

/** Whether exactly the process that was written down still runs. A zombie and a process with a reused number do not. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false
  return identify(identity.pid)?.startTime === identity.startTime
}

/** Sends a signal to exactly that process; false when it is gone. The pid is checked right before. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false
  try {
    process.kill(identity.pid, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** True when the process was gone within the time. */
export async function waitUntilGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs
  for (let pauseMs = 2; isRunning(identity); pauseMs = Math.min(50, pauseMs * 2)) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return true
}

export type ProcessFacts = {
  pid: number
  parent: number
  /** Somebody sits before it, or did: it was started from a terminal. */
  hasTerminal: boolean
  /** Null where this user may not look. */
  readonly cwd: string | null
  readonly command: string
  /** The environment it was started with, entries ended by NUL. */
  readonly environ: string
}

/** The living processes, zombies left out; what they are is read when it is asked for. Linux only; elsewhere empty. */
export function* processes(): Generator<ProcessFacts> {
  if (!isLinux) return
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const pid = Number(name)
    const stat = linuxStat(pid)
    if (!stat || stat.state === 'Z' || stat.state === 'X') continue
    yield {
      pid,
      parent: stat.parent,
      hasTerminal: stat.terminal !== 0,
      get cwd() {
        return attempt(() => readlinkSync(`/proc/${name}/cwd`))
      },
      get command() {
        return (attempt(() => readFileSync(`/proc/${name}/cmdline`, 'utf8')) ?? '').replaceAll('\0', ' ').trim()
      },
      get environ() {
        return attempt(() => readFileSync(`/proc/${name}/environ`, 'utf8')) ?? ''
      },
    }
  }
}

/**
 * Fields 3 (state), 4 (parent), 7 (terminal) and 22 (start time) of /proc/<pid>/stat, see proc_pid_stat(5). The second
 * field is the name in parentheses, which may itself hold spaces and parentheses, so the rest is counted from the last
 * one.
 */
function linuxStat(pid: number): { state: string; parent: number; terminal: number; startTime: string } | null {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (text === null) return null
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]]
  return state && startTime ? { state, parent: Number(fields[1]), terminal: Number(fields[4]), startTime } : null
}

function portableStat(pid: number): { state: string; startTime: string } | null {
  const line = attempt(() =>
    execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 }).trim(),
  )
  const found = line ? /^(\S)\S*\s+(.+)$/.exec(line) : null
  return found ? { state: found[1]!, startTime: found[2]! } : null
}

function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}

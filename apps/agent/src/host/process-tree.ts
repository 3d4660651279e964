import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { identify, type ProcessIdentity } from '@juanie/core/process-identity'

/** Every process that Juanie starts for users carries it; children inherit it, also those that leave their session. */
export const markerVariable = 'JUANIE_PROCESS'

interface Row {
  pid: number
  parent: number
  group: number
  session: number
  isAlive: boolean
  /** Memory in pages. */
  resident: number
  /** Processor time in clock ticks, that of children whose end it waited for too. */
  ticks: number
  name: string
}

/** One look at all processes. Empty where there is no /proc. */
function look(): Row[] {
  const rows: Row[] = []
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return rows
  }
  for (const name of names) {
    const first = name.charCodeAt(0)
    if (first < 48 || first > 57) continue
    const row = readRow(Number(name))
    if (row) rows.push(row)
  }
  return rows
}

/** Fields of /proc/<pid>/stat, see proc_pid_stat(5); the name in parentheses may itself hold spaces and parentheses. */
function readRow(pid: number): Row | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const close = text.lastIndexOf(')')
    const fields = text.slice(close + 2).split(' ')
    return {
      pid,
      name: text.slice(text.indexOf('(') + 1, close),
      isAlive: fields[0] !== 'Z' && fields[0] !== 'X',
      parent: Number(fields[1]),
      group: Number(fields[2]),
      session: Number(fields[3]),
      resident: Number(fields[21]),
      ticks: Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]),
    }
  } catch {
    return null
  }
}

/** Living descendants of the process, itself included, and all of the session that it leads. */
function members(rows: Row[], root: number): Row[] {
  const found = new Set<number>([root])
  for (let grew = true; grew; ) {
    grew = false
    for (const row of rows) {
      if (found.has(row.pid) || !(found.has(row.parent) || row.session === root || row.group === root)) continue
      found.add(row.pid)
      grew = true
    }
  }
  return rows.filter((row) => found.has(row.pid) && row.isAlive)
}

/** Living processes that carry exactly this mark. Those whose environment may not be read are not found. */
export function marked(mark: string): number[] {
  const wanted = `${markerVariable}=${mark}`
  return markedWith((value) => value === wanted).map(({ pid }) => pid)
}

/** Living processes that carry a mark that begins so, with their marks. */
export function markedBelow(prefix: string): { pid: number; mark: string }[] {
  const wanted = `${markerVariable}=${prefix}`
  return markedWith((value) => value.startsWith(wanted))
}

function markedWith(matches: (entry: string) => boolean): { pid: number; mark: string }[] {
  const found: { pid: number; mark: string }[] = []
  for (const { pid, isAlive } of look()) {
    if (!isAlive || pid === process.pid) continue
    const entry = environmentOf(pid).find(matches)
    if (entry !== undefined) found.push({ pid, mark: entry.slice(markerVariable.length + 1) })
  }
  return found
}

/** The pid of the session's leader; null when the process is gone. */
export const sessionOf = (pid: number): number | null => readRow(pid)?.session ?? null

function environmentOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'latin1')
    return text.includes(markerVariable) ? text.split('\0') : []
  } catch {
    return []
  }
}

/** The processes of a tree: by descent, by session, and by mark. */
export function treeOf(root: number, mark: string): number[] {
  const rows = look()
  const found = new Set(members(rows, root).map(({ pid }) => pid))
  for (const pid of marked(mark)) for (const row of members(rows, pid)) found.add(row.pid)
  found.delete(process.pid)
  return [...found]
}

/** Resident memory in bytes of several trees, each by the pid of its session's leader; one look for all of them. */
export function residentBytes(roots: readonly number[]): Map<number, number> {
  const rows = look()
  return new Map(
    roots.map((root) => [root, members(rows, root).reduce((sum, row) => sum + row.resident * pageBytes, 0)]),
  )
}

export interface TreeUsage {
  memoryBytes: number
  /** Processor time so far; of a tree that lost a process less than before. */
  cpuMs: number
}

/** Memory and processor time of several trees, each by the pid of its session's leader; one look for all of them. */
export function usageOf(roots: readonly number[]): Map<number, TreeUsage> {
  const rows = look()
  return new Map(
    roots.map((root) => {
      const usage = { memoryBytes: 0, cpuMs: 0 }
      for (const { resident, ticks } of members(rows, root)) {
        usage.memoryBytes += resident * pageBytes
        usage.cpuMs += ticks * tickMs
      }
      return [root, usage]
    }),
  )
}

/** `USER_HZ` is 100 on every Linux that Node runs on. */
const tickMs = 10

/** On every system that Node runs on with /proc and pages of another size, this only shifts a limit. */
const pageBytes = 4096

/**
 * The process that the launcher started for the user: below it, and below bubblewrap's own two. Null while it is not
 * there yet, or any more.
 */
export function mainProcess(launcher: number): ProcessIdentity | null {
  const rows = look()
  let parent = launcher
  for (let depth = 0; depth < 4; depth++) {
    const child = rows.find((row) => row.parent === parent && row.isAlive)
    if (!child) return null
    if (child.name !== 'bwrap') return identify(child.pid)
    parent = child.pid
  }
  return null
}

export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

/** Kills everything of a tree, again until nothing is left; false when something outlives `limitMs`. */
export async function killTree(root: number, mark: string, limitMs = 10_000): Promise<boolean> {
  const until = performance.now() + limitMs
  for (let pauseMs = 1; ; pauseMs = Math.min(50, pauseMs * 2)) {
    const pids = treeOf(root, mark)
    if (pids.length === 0) return true
    // The group too: a process that forks faster than one can look is hit by it.
    if (pids.some((pid) => pid === root)) sendSignal(-root, 'SIGKILL')
    for (const pid of pids) sendSignal(pid, 'SIGKILL')
    if (performance.now() > until) return false
    await pause(pauseMs)
  }
}

const listeningState = '0A'

/** TCP ports on which these processes listen; null where that cannot be seen. */
export function listeningPorts(pids: readonly number[]): number[] | null {
  const sockets = new Map<string, number>()
  let isReadable = false
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text: string
    try {
      text = readFileSync(file, 'latin1')
      isReadable = true
    } catch {
      continue
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (fields[3] !== listeningState || !fields[9]) continue
      sockets.set(`socket:[${fields[9]}]`, Number.parseInt(fields[1]!.split(':').at(-1)!, 16))
    }
  }
  if (!isReadable) return null
  const ports = new Set<number>()
  let isSeen = false
  for (const pid of pids) {
    let descriptors: string[]
    try {
      descriptors = readdirSync(`/proc/${pid}/fd`)
      isSeen = true
    } catch {
      continue
    }
    for (const descriptor of descriptors) {
      try {
        const port = sockets.get(readlinkSync(`/proc/${pid}/fd/${descriptor}`))
        if (port !== undefined) ports.add(port)
      } catch {
        // Closed in the meantime.
      }
    }
  }
  return isSeen ? [...ports].sort((a, b) => a - b) : null
}

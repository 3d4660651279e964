import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Clock ticks of /proc are hundredths of a second on every Linux that Node runs on. */
const tickMs = 10

interface Stat {
  pid: number
  parent: number
  isAlive: boolean
  /** Its own time on the CPU, and that of children it has waited for. */
  cpuMs: number
}

/** Fields of /proc/<pid>/stat, see proc_pid_stat(5). The name in parentheses may hold spaces and parentheses. */
function stat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
    return { pid, parent: Number(fields[1]), isAlive: !'ZX'.includes(fields[0]!), cpuMs: ticks * tickMs }
  } catch {
    return null
  }
}

const allPids = (): number[] => readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** Living processes that name the folder in their command, their environment, or by working in it. */
export function processesIn(folder: string): { pid: number; command: string }[] {
  return allPids().flatMap((pid) => {
    if (pid === process.pid || !stat(pid)?.isAlive) return []
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    let cwd = ''
    try {
      cwd = readlinkSync(`/proc/${pid}/cwd`)
    } catch {
      // Gone, or another user's.
    }
    const isThere = command.includes(folder) || `${cwd}/`.startsWith(`${folder}/`)
    return isThere || read(`/proc/${pid}/environ`).includes(folder) ? [{ pid, command }] : []
  })
}

/** Living processes that carry this text in their environment. */
export const processesWith = (entry: string): number[] =>
  allPids().filter((pid) => pid !== process.pid && stat(pid)?.isAlive && read(`/proc/${pid}/environ`).includes(entry))

/** Living children of a process. */
export const childrenOf = (parent: number): number[] => allPids().filter((pid) => stat(pid)?.parent === parent)

/** The CPU that these processes and the ended children they waited for have used so far. */
export const cpuMsOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + (stat(pid)?.cpuMs ?? 0), 0)

/** The CPU of this process's own ended children. */
export function childrenCpuMs(): number {
  const fields = read('/proc/self/stat')
  const after = fields.slice(fields.lastIndexOf(')') + 2).split(' ')
  return (Number(after[13]) + Number(after[14])) * tickMs
}

/** Proportional set size in MB: pages shared with others count in parts. */
export function pssMb(pid: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))
  if (!found) throw new Error(`the memory of process ${pid} cannot be read`)
  return Number(found[1]) / 1024
}

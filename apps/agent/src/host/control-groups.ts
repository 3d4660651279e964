import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** One control group (cgroup v2) with limits, for one tree of processes. */
export interface ControlGroup {
  /** For `startUserProcess`; open for writing on `cgroup.procs`, closed by `dispose`. */
  descriptor: number
  /** How often the kernel ended something in it for want of memory. */
  memoryKills(): number
  dispose(): void
}

export interface Limits {
  memoryBytes: number | null
  cpus: number | null
}

const periodUs = 100_000

/**
 * Control groups of the agent's own, below the root of the hierarchy. Only root may make them there, and only where
 * the unified hierarchy holds the controllers; everywhere else `open` gives null.
 */
export class ControlGroups {
  readonly #root: string

  private constructor(root: string) {
    this.#root = root
  }

  static open(name: string, mount = '/sys/fs/cgroup'): ControlGroups | null {
    try {
      const controllers = readFileSync(join(mount, 'cgroup.controllers'), 'utf8').split(/\s+/)
      if (!['cpu', 'memory'].every((one) => controllers.includes(one))) return null
      const root = join(mount, name)
      writeFileSync(join(mount, 'cgroup.subtree_control'), '+cpu +memory')
      mkdirSync(root, { recursive: true })
      writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu +memory')
      return new ControlGroups(root)
    } catch {
      return null
    }
  }

  /** Makes the group of this name, or takes it over as it is. Null when the kernel refuses. */
  make(name: string, limits: Limits): ControlGroup | null {
    const path = join(this.#root, name)
    try {
      mkdirSync(path, { recursive: true })
      writeFileSync(join(path, 'memory.max'), limits.memoryBytes === null ? 'max' : String(limits.memoryBytes))
      if (limits.memoryBytes !== null) writeFileSync(join(path, 'memory.oom.group'), '1')
      const quota = limits.cpus === null ? 'max' : String(Math.max(1_000, Math.round(limits.cpus * periodUs)))
      writeFileSync(join(path, 'cpu.max'), `${quota} ${periodUs}`)
      const descriptor = openSync(join(path, 'cgroup.procs'), 'w')
      return {
        descriptor,
        memoryKills: () => count(join(path, 'memory.events'), 'oom_kill'),
        dispose: () => {
          closeSync(descriptor)
          remove(path)
        },
      }
    } catch {
      remove(path)
      return null
    }
  }
}

function count(file: string, key: string): number {
  try {
    return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** A group with processes in it stays: its next start takes it over. */
function remove(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Busy, or never made.
  }
}

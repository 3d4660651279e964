import type { InstanceUsage } from '@juanie/services/hosts/contract'
import { type TreeUsage, usageOf } from '../host/process-tree.ts'

interface Running {
  id: string
  /** Null: it does not run. */
  runningPid: number | null
}

interface Known {
  pid: number
  cpuMs: number
  at: number
}

/** Looks at what instances use; processor time is a share of the time since the look before. */
export class UsageLook {
  readonly #look: (pids: number[]) => Map<number, TreeUsage>
  #known = new Map<string, Known>()

  constructor(look: (pids: number[]) => Map<number, TreeUsage> = usageOf) {
    this.#look = look
  }

  /** Of those that run. Empty where there is no /proc. */
  take(instances: Iterable<Running>, now = performance.now()): InstanceUsage[] {
    const running = [...instances].flatMap(({ id, runningPid: pid }) => (pid === null ? [] : [{ id, pid }]))
    const used = running.length === 0 ? new Map<number, TreeUsage>() : this.#look(running.map(({ pid }) => pid))
    const known = new Map<string, Known>()
    const found: InstanceUsage[] = []
    for (const { id, pid } of running) {
      const usage = used.get(pid)
      if (!usage || usage.memoryBytes === 0) continue
      found.push({ id, memoryBytes: usage.memoryBytes, cpu: share(this.#known.get(id), { pid, now, ...usage }) })
      known.set(id, { pid, cpuMs: usage.cpuMs, at: now })
    }
    this.#known = known
    return found
  }
}

function share(before: Known | undefined, { pid, now, cpuMs }: TreeUsage & { pid: number; now: number }) {
  if (before?.pid !== pid || now <= before.at) return null
  return Math.max(0, Math.round(((cpuMs - before.cpuMs) / (now - before.at)) * 1000) / 1000)
}

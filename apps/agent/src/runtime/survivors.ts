import { statSync } from 'node:fs'
import { join } from 'node:path'
import { identify } from '@juanie/core/process-identity'
import { killTree, markedBelow, sessionOf } from '../host/process-tree.ts'
import { readJson } from './files.ts'
import type { KeptState } from './instance-state.ts'
import { ManagedProcess, type ProcessRecord } from './managed-process.ts'

/** Instances and tasks of this home whose process lives, by id. An agent may have died before it wrote them down. */
export function findSurvivors(homeMark: string): Map<string, ProcessRecord> {
  const found = new Map<string, ProcessRecord>()
  for (const { pid, mark } of markedBelow(`${homeMark}/`)) {
    const [id = '', attempt] = mark.slice(homeMark.length + 1).split('/')
    const leader = sessionOf(pid)
    const identity = leader === null ? null : identify(leader)
    // A session without its leader is what a dead process left behind.
    if (!identity || leader !== pid || !Number(attempt)) continue
    const startedAt = startOf(pid)
    if (startedAt) found.set(id, { identity, mark, attempt: Number(attempt), startedAt, isShell: false })
  }
  return found
}

function startOf(pid: number): string | null {
  try {
    return new Date(statSync(`/proc/${pid}`).ctimeMs).toISOString()
  } catch {
    return null
  }
}

/** Ends at once whatever carries a mark of this home and is none of these instances and tasks. */
export async function endStrangers(homeMark: string, known: ReadonlySet<string>): Promise<void> {
  const strangers = markedBelow(`${homeMark}/`).filter(
    ({ mark }) => !known.has(mark.slice(homeMark.length + 1).split('/')[0] ?? ''),
  )
  const marks = new Map(strangers.map(({ pid, mark }) => [mark, pid]))
  await Promise.all([...marks].map(([mark, pid]) => killTree(pid, mark)))
}

/** Ends every instance and task of a home that no agent cares for, each with its own signal and grace. */
export async function takeDown(folder: string, homeMark: string): Promise<number> {
  const survivors = [...findSurvivors(homeMark)]
  await Promise.all(
    survivors.map(async ([id, record]) => {
      const place = join(folder, 'instances', id)
      const kept = readJson<KeptState>(join(place, 'state.json'))
      const process = ManagedProcess.of(place, record)
      await process.stop((kept?.stop.signal ?? 'SIGTERM') as NodeJS.Signals, kept?.stop.graceMs ?? 10_000)
      process.release()
    }),
  )
  await endStrangers(homeMark, new Set())
  return survivors.length
}

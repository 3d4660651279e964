import { readdirSync } from 'node:fs'
import { killTree, markedBelow } from '../host/process-tree.ts'
import { jobMark } from './job-shell.ts'

/** Ends programs of steps whose agent died. They are found by the folders of their jobs, so that no other home's are hit. */
export async function endLeftSteps(folder: string): Promise<void> {
  let names: string[] = []
  try {
    names = readdirSync(folder)
  } catch {
    return
  }
  const own = new Set(names.map((name) => name.slice(0, name.lastIndexOf('-'))))
  const left = markedBelow(jobMark).filter(({ mark }) => own.has(mark.slice(jobMark.length).split('/')[0] ?? ''))
  await Promise.all([...new Map(left.map(({ pid, mark }) => [mark, pid]))].map(([mark, pid]) => killTree(pid, mark)))
}

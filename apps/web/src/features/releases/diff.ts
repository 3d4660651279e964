import { structuredPatch } from 'diff'

interface DiffLine {
  kind: 'added' | 'removed' | 'same'
  /** In the new text; of a removed line in the old one. */
  number: number
  text: string
}

export interface Diff {
  hunks: { lines: DiffLine[] }[]
  added: number
  removed: number
  isCut: boolean
}

/** Unchanged lines around a change. */
const context = 3
const mostLines = 2_000
/** Two texts that have nothing in common would take long to compare. */
const timeoutMs = 1_000

/** What differs between two texts, line by line. A text that is too far from the other is shown as all new. */
export function linesThatDiffer(from: string, to: string): Diff {
  const patch = structuredPatch('', '', from, to, undefined, undefined, { context, timeout: timeoutMs })
  const diff: Diff = { hunks: [], added: 0, removed: 0, isCut: false }
  const hunks = patch?.hunks ?? [replaced(from, to)]
  let left = mostLines
  for (const { oldStart, newStart, lines } of hunks) {
    let [before, after] = [oldStart, newStart]
    const shown: DiffLine[] = []
    for (const line of lines) {
      // "\ No newline at end of file"
      if (line.startsWith('\\')) continue
      const kind = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same'
      if (kind === 'added') diff.added++
      if (kind === 'removed') diff.removed++
      const number = kind === 'removed' ? before : after
      if (kind !== 'added') before++
      if (kind !== 'removed') after++
      if (left-- > 0) shown.push({ kind, number, text: line.slice(1) })
      else diff.isCut = true
    }
    if (shown.length > 0) diff.hunks.push({ lines: shown })
  }
  return diff
}

const replaced = (from: string, to: string) => ({
  oldStart: 1,
  newStart: 1,
  lines: [...from.split('\n').map((line) => `-${line}`), ...to.split('\n').map((line) => `+${line}`)],
})

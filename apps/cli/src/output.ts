import { plain } from '@juanie/core/text'

/** A value as JSON, alone on stdout. */
export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

export const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** A table for people; `empty` says what to do when there are no rows. */
export function printTable(head: string[], rows: string[][], empty: string): void {
  if (rows.length === 0) {
    say(empty)
    return
  }
  const cells = [head, ...rows].map((row) => row.map((cell) => plain(cell)))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ''))))
  for (const row of cells) {
    const line = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  ')
    process.stdout.write(`${line.trimEnd()}\n`)
  }
}

/** Cells on a terminal: East Asian characters take two. */
const width = (text: string): number =>
  [...text].reduce(
    (sum, character) =>
      sum +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(character)
        ? 2
        : 1),
    0,
  )

/** "3 min ago"; a dash for what has not happened. */
export function ago(instant: string | Date | null | undefined): string {
  if (!instant) return '-'
  const seconds = Math.max(0, Math.round((Date.now() - new Date(instant).getTime()) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`
  return `${Math.round(seconds / 86_400)} days ago`
}

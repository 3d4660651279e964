/** What makes a line stand out: the words between `##[` and `]` as agents write them. */
const markKinds = ['group', 'endgroup', 'error', 'warning'] as const
export type MarkKind = (typeof markKinds)[number]
/** Number of a line, and what it is. */
export type Mark = [line: number, kind: MarkKind]

export function markOf(text: string): MarkKind | null {
  if (!text.startsWith('##[')) return null
  const word = text.slice(3, text.indexOf(']', 3))
  return markKinds.find((kind) => kind === word) ?? null
}

/** Control sequences, operating system commands (titles, links), and the other strings and escapes of ECMA-48. */
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-OQ-WYZ\\`-~])/g

/** Without what only colours it. */
export const withoutEscapes = (text: string): string => (text.includes('\x1b') ? text.replace(escapes, '') : text)

/**
 * Finds lines that hold a text, whatever the case of its letters and wherever colours change inside it, in lines as
 * they are stored. Answers their places, from 0.
 */
export function finder(wanted: string): (stored: string) => number[] {
  const needle = wanted.toLowerCase()
  // As it would stand inside a stored line.
  const asStored = JSON.stringify(needle).slice(1, -1)
  return (stored) => {
    // Most chunks hold nothing of it, which shows without reading them line by line.
    if (!stored.includes('\\u001b') && !stored.toLowerCase().includes(asStored)) return []
    const places: number[] = []
    for (const [place, row] of stored.split('\n').entries()) {
      const text = (JSON.parse(row) as [number, string])[1]
      if (withoutEscapes(text).toLowerCase().includes(needle)) places.push(place)
    }
    return places
  }
}

import { type Look, lookAfter, type Span, spansOf, withoutEscapes } from './ansi.ts'
import type { LogLine } from './source.ts'

type LineKind = 'text' | 'group' | 'error' | 'warning' | 'notice' | 'debug' | 'command'

interface Piece extends Span {
  /** Holds what is searched for. */
  isHit?: boolean
}

/** A line as it is shown. */
export interface Dressed {
  kind: LineKind
  pieces: Piece[]
  /** How many characters are not shown yet. */
  rest: number
  /** How many states of the line were overwritten by the one that is shown, as with bars of progress. */
  overwritten: number
}

/** More hits in one line are not lit up. */
const mostHits = 500
/** Of a line that is shown whole. */
const mostSpans = 20_000

const marker = /^##\[(group|endgroup|error|warning|notice|debug|command)\]/

/** Those that are no text, and those that turn the direction of what follows: shown as what they are. */
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

const pictureOf = (character: string): string => {
  const code = character.charCodeAt(0)
  // As `cat -v` writes them.
  return code < 0x20 || code === 0x7f
    ? `^${String.fromCharCode(code ^ 0x40)}`
    : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`
}

export function dress(line: LogLine, look: Look, options: { query: string; isWhole: boolean }): Dressed {
  const found = marker.exec(line.text)
  const kind = found && found[1] !== 'endgroup' ? (found[1] as LineKind) : 'text'
  const text = kind === 'text' ? line.text : line.text.slice(found![0].length)
  const { shown, before, overwritten } = options.isWhole ? { shown: text, before: '', overwritten: 0 } : lastState(text)
  const spans = spansOf(shown, before === '' ? look : lookAfter(before, look), options.isWhole ? mostSpans : undefined)
  const pieces = spans.map((span) => ({ ...span, text: span.text.replace(controls, pictureOf) }))
  return {
    kind,
    pieces: lit(pieces, options.query),
    rest: options.isWhole ? 0 : line.length - line.text.length,
    overwritten,
  }
}

/** A carriage return begins the line anew; what it overwrote is kept for those who ask. */
function lastState(text: string): { shown: string; before: string; overwritten: number } {
  const whole = text.endsWith('\r') ? text.slice(0, -1) : text
  const at = whole.lastIndexOf('\r')
  if (at < 0) return { shown: whole, before: '', overwritten: 0 }
  return { shown: whole.slice(at + 1), before: whole.slice(0, at), overwritten: whole.split('\r').length - 1 }
}

/** Splits pieces where hits begin and end. */
function lit(pieces: Piece[], query: string): Piece[] {
  if (query === '') return pieces
  const text = pieces.map((piece) => piece.text).join('')
  const lower = text.toLowerCase()
  const wanted = query.toLowerCase()
  // A few letters change their length with their case; then places would be wrong.
  if (lower.length !== text.length || !lower.includes(wanted)) return pieces
  const edges: number[] = []
  for (
    let at = lower.indexOf(wanted);
    at >= 0 && edges.length < mostHits * 2;
    at = lower.indexOf(wanted, at + wanted.length)
  ) {
    edges.push(at, at + wanted.length)
  }
  const split: Piece[] = []
  let place = 0
  let edge = 0
  for (const piece of pieces) {
    const end = place + piece.text.length
    for (let from = place; from < end; ) {
      while (edge < edges.length && edges[edge]! <= from) edge++
      const to = Math.min(end, edges[edge] ?? end)
      const isHit = edge % 2 === 1
      split.push({ text: piece.text.slice(from - place, to - place), look: piece.look, ...(isHit && { isHit }) })
      from = to
    }
    place = end
  }
  return split
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud83c-\ud83e][\udc00-\udfff]/g

/** How many columns of a terminal a line takes; near enough to guess its height. */
export function columnsOf(text: string): number {
  const plain = withoutEscapes(text)
  const tabs = plain.includes('\t') ? plain.split('\t').length - 1 : 0
  return plain.length + tabs * 7 + (/[^\x00-\x7f]/.test(plain) ? (plain.match(wide)?.length ?? 0) : 0)
}

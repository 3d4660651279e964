/** The sixteen colours of a terminal, of which the last eight are the bright ones. Their tokens are in `logs.css`. */
export const colours = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const

/**
 * How text looks, in one number, so that the look at the beginning of any line is cheap to keep: five bits for the
 * colour of the text and five for that behind it (0: none, 1–16), then one bit each for what else a terminal does.
 */
export type Look = number

export interface Span {
  text: string
  /** Classes; empty for plain text. */
  look: string
}

const bold = 1 << 10
const dim = 1 << 11
const italic = 1 << 12
const underline = 1 << 13
const reverse = 1 << 14
const strike = 1 << 15

const on: Record<number, number> = { 1: bold, 2: dim, 3: italic, 4: underline, 7: reverse, 9: strike }
/** Hidden and blinking text is shown as any other: a log hides nothing. */
const off: Record<number, number> = { 21: bold, 22: bold | dim, 23: italic, 24: underline, 27: reverse, 29: strike }

/** Control sequences, operating system commands (titles, links), and the other strings and escapes of ECMA-48. */
const escapes =
  /\x1b(?:\[([0-9;:]*)([ -/]*[@-~])|\[[<-?][0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-OQ-WYZ\\`-~])/g

/** Without its escapes: what is searched and copied. */
export const withoutEscapes = (text: string): string => (text.includes('\x1b') ? text.replace(escapes, '') : text)

/** The look after a text that began with one. */
export function lookAfter(text: string, before: Look): Look {
  if (!text.includes('\x1b')) return before
  let look = before
  for (const [, parameters, final] of text.matchAll(escapes)) {
    if (final === 'm') look = changed(look, parameters!)
  }
  return look
}

/** Text in pieces of one look each; at most `most` of them, so that a line of escapes only costs no more than another. */
export function spansOf(text: string, before: Look, most = 2_000): Span[] {
  if (!text.includes('\x1b')) return text === '' ? [] : [{ text, look: classesOf(before) }]
  const spans: Span[] = []
  let look = before
  let from = 0
  const push = (to: number) => {
    if (to <= from) return
    const piece = text.slice(from, to)
    const classes = classesOf(look)
    const last = spans.at(-1)
    if (last && (last.look === classes || spans.length >= most)) last.text += piece
    else spans.push({ text: piece, look: classes })
  }
  for (const match of text.matchAll(escapes)) {
    push(match.index)
    from = match.index + match[0].length
    if (match[2] === 'm') look = changed(look, match[1]!)
  }
  push(text.length)
  return spans
}

function changed(before: Look, parameters: string): Look {
  let look = before
  const codes = parameters.split(/[;:]/, 64)
  for (let at = 0; at < codes.length; at++) {
    const code = Number(codes[at] || 0)
    if (code === 0) look = 0
    else if (on[code] !== undefined) look |= on[code]
    else if (off[code] !== undefined) look &= ~off[code]
    else if (code >= 30 && code <= 37) look = withText(look, code - 29)
    else if (code >= 90 && code <= 97) look = withText(look, code - 81)
    else if (code === 39) look = withText(look, 0)
    else if (code >= 40 && code <= 47) look = withGround(look, code - 39)
    else if (code >= 100 && code <= 107) look = withGround(look, code - 91)
    else if (code === 49) look = withGround(look, 0)
    else if (code === 38 || code === 48) {
      const { colour, used } = extended(codes, at + 1)
      look = code === 38 ? withText(look, colour) : withGround(look, colour)
      at += used
    }
  }
  return look
}

const withText = (look: Look, colour: number): Look => (look & ~0x1f) | colour
const withGround = (look: Look, colour: number): Look => (look & ~0x3e0) | (colour << 5)

/** `5;n` (a palette of 256) or `2;r;g;b`: the nearest of the sixteen, whose contrast is known in both themes. */
function extended(codes: string[], at: number): { colour: number; used: number } {
  const number = (place: number) => Math.min(255, Number(codes[place] || 0))
  if (codes[at] === '5') return { colour: ofPalette(number(at + 1)), used: 2 }
  if (codes[at] === '2') return { colour: nearest(number(at + 1), number(at + 2), number(at + 3)), used: 4 }
  return { colour: 0, used: 0 }
}

function ofPalette(index: number): number {
  if (index < 16) return index + 1
  if (index >= 232) return nearest((index - 232) * 10 + 8, (index - 232) * 10 + 8, (index - 232) * 10 + 8)
  const level = (part: number) => (part === 0 ? 0 : part * 40 + 55)
  const cube = index - 16
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6))
}

/** By hue where there is one, else by lightness: 1–16 as in a look. */
function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue)
  const least = Math.min(red, green, blue)
  if (most - least < 40) return [1, 9, 8, 16][Math.min(3, most >> 6)]!
  const hue = hueOf(red, green, blue, most, most - least)
  // Red, yellow, green, cyan, blue, magenta lie 60° apart.
  const place = [2, 4, 3, 7, 5, 6][Math.round(hue / 60) % 6]!
  return most > 200 && least > 80 ? place + 8 : place
}

function hueOf(red: number, green: number, blue: number, most: number, range: number): number {
  if (most === red) return (((green - blue) / range) * 60 + 360) % 360
  return most === green ? ((blue - red) / range) * 60 + 120 : ((red - green) / range) * 60 + 240
}

const known = new Map<Look, string>([[0, '']])

function classesOf(look: Look): string {
  const kept = known.get(look)
  if (kept !== undefined) return kept
  const text = look & 0x1f
  const ground = (look >> 5) & 0x1f
  const [front, back] = look & reverse ? [ground, text || 17] : [text, ground]
  const classes = [
    front > 0 && `ansi-${nameOf(front)}`,
    back > 0 && `ansi-on-${nameOf(back)}`,
    look & bold && 'font-semibold',
    // Fainter only where the paler grey has contrast enough.
    look & dim && front === 0 && back === 0 && 'text-muted',
    look & italic && 'italic',
    look & underline && look & strike && 'ansi-both-lines',
    look & underline && 'underline',
    look & strike && 'line-through',
  ]
    .filter(Boolean)
    .join(' ')
  known.set(look, classes)
  return classes
}

/** `plain` is the ground of reversed text that has no colour. */
const nameOf = (colour: number): string =>
  colour === 17 ? 'plain' : colour > 8 ? `bright-${colours[colour - 9]}` : colours[colour - 1]!

/**
 * Patterns with `*`, `?`, `[…]` and the like, matched by following all possibilities at once (Thompson's construction).
 * The time is the length of the text times the length of the pattern, whatever the pattern: a file that anyone may
 * push must not be able to stall the server, which a regular expression made from it could.
 */
export type Test = (char: string) => boolean

type Instruction =
  | { kind: 'char'; test: Test }
  /** Goes on at both places. */
  | { kind: 'split'; first: number; second: number }
  | { kind: 'jump'; to: number }

export type Program = Instruction[]

export const anyChar: Test = () => true
export const notSlash: Test = (char) => char !== '/'
export const exactly =
  (wanted: string): Test =>
  (char) =>
    char === wanted

/** Appends a test that may repeat: from `min` (0 or 1) times to once, or without end. */
export function append(program: Program, test: Test, min: 0 | 1, many: boolean): void {
  const start = program.length
  if (min === 1) {
    program.push({ kind: 'char', test })
    if (many) program.push({ kind: 'split', first: start, second: start + 2 })
  } else if (many) {
    program.push(
      { kind: 'split', first: start + 1, second: start + 3 },
      { kind: 'char', test },
      { kind: 'jump', to: start },
    )
  } else {
    program.push({ kind: 'split', first: start + 1, second: start + 2 }, { kind: 'char', test })
  }
}

/** Whether the program consumes the whole text. */
export function runProgram(program: Program, text: string): boolean {
  let states = closure(program, [0])
  for (let index = 0; index < text.length; index++) {
    const char = text[index]!
    const next: number[] = []
    for (const state of states) {
      const instruction = program[state]
      if (instruction?.kind === 'char' && instruction.test(char)) next.push(state + 1)
    }
    if (next.length === 0) return false
    states = closure(program, next)
  }
  return states.has(program.length)
}

function closure(program: Program, from: number[]): Set<number> {
  const states = new Set<number>()
  const pending = [...from]
  while (pending.length > 0) {
    const state = pending.pop()!
    if (states.has(state)) continue
    states.add(state)
    const instruction = program[state]
    if (instruction?.kind === 'split') pending.push(instruction.first, instruction.second)
    if (instruction?.kind === 'jump') pending.push(instruction.to)
  }
  return states
}

/** Reads `[…]` at `from`. With `negation`, a leading `!` or `^` inverts it. Null when it is not closed or empty. */
export function readClass(pattern: string, from: number, negation: boolean): { test: Test; end: number } | null {
  let index = from + 1
  const inverted = negation && (pattern[index] === '!' || pattern[index] === '^')
  if (inverted) index++
  const ranges: [string, string][] = []
  for (const first = index; index < pattern.length; index++) {
    const char = pattern[index]!
    if (char === ']' && index > first) {
      const test: Test = (each) => ranges.some(([low, high]) => each >= low && each <= high) !== inverted
      return { test, end: index + 1 }
    }
    if (pattern[index + 1] === '-' && pattern[index + 2] !== undefined && pattern[index + 2] !== ']') {
      ranges.push([char, pattern[index + 2]!])
      index += 2
    } else {
      ranges.push([char, char])
    }
  }
  return null
}

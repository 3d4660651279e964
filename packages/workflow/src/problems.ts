import { wholeCharacters } from './characters.ts'
import type { Position, Problem } from './model.ts'
import type { Said, SaidValues } from './say.ts'
import { sentenceOf } from './sentences.ts'
import type { Node } from './yaml.ts'

const maxProblems = 100

/** Collects what is wrong with one file. Of two errors at one place only the first is kept: it is the clearer one. */
export class Problems {
  readonly file: string
  readonly #found: Problem[] = []
  readonly #places = new Set<string>()

  constructor(file: string) {
    this.file = file
  }

  error(at: Node | Position | null, fault: Said): void {
    this.#add('error', at, fault)
  }

  warning(at: Node | Position | null, fault: Said): void {
    this.#add('warning', at, fault)
  }

  /** Whether something was said of this place. */
  hasAt({ line, column }: Position): boolean {
    return this.#places.has(`error ${line}:${column}`) || this.#places.has(`warning ${line}:${column}`)
  }

  get hasErrors(): boolean {
    return this.#found.some((each) => each.severity === 'error')
  }

  sorted(): Problem[] {
    const order = ({ position }: Problem) => (position ? position.line * 100_000 + position.column : 0)
    return [...this.#found].sort((a, b) => order(a) - order(b)).slice(0, maxProblems)
  }

  #add(severity: Problem['severity'], at: Node | Position | null, fault: Said): void {
    // What concerns the file as a whole is shown at its beginning.
    const { line, column } = at && 'range' in at ? at.range.start : (at ?? { line: 1, column: 1 })
    const place = `${severity} ${line}:${column}`
    if (at && this.#places.has(place)) return
    this.#places.add(place)
    this.#found.push({ severity, file: this.file, position: { line, column }, ...told(fault) })
  }
}

/** What is told of a file, as it is kept: a text that was cut may end in half a character. */
function told({ key, values }: Said): Pick<Problem, 'message' | 'key' | 'values'> {
  const whole = (part: SaidValues): SaidValues =>
    Object.fromEntries(
      Object.entries(part).map(([name, value]) => {
        if (typeof value === 'object') return [name, { key: value.key, values: whole(value.values) }]
        return [name, typeof value === 'string' ? wholeCharacters(value) : value]
      }),
    )
  const fault = { key, values: whole(values) }
  return { message: sentenceOf(fault), ...fault }
}

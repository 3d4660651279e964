import { wholeCharacters } from './characters.ts'
import type { Position, Problem } from './model.ts'
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

  error(at: Node | Position | null, message: string): void {
    this.#add('error', at, message)
  }

  warning(at: Node | Position | null, message: string): void {
    this.#add('warning', at, message)
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

  #add(severity: Problem['severity'], at: Node | Position | null, message: string): void {
    // What concerns the file as a whole is shown at its beginning.
    const { line, column } = at && 'range' in at ? at.range.start : (at ?? { line: 1, column: 1 })
    const place = `${severity} ${line}:${column}`
    if (at && this.#places.has(place)) return
    this.#places.add(place)
    this.#found.push({ severity, file: this.file, position: { line, column }, message: wholeCharacters(message) })
  }
}

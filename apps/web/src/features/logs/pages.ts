import { type Look, lookAfter } from './ansi.ts'
import type { LogLine, Part } from './source.ts'

export const pageLines = 500
/** Pages that are kept; those that were not looked at for longest go first. */
const mostPages = 160

interface Page {
  lines: (LogLine | undefined)[]
  known: number
  /** How each line begins to look, for the look that the page begins with. */
  looks: { first: Look; known: number; of: Look[] } | null
}

const pageOf = (line: number): number => Math.floor((line - 1) / pageLines)
const firstOf = (page: number): number => page * pageLines + 1

/** The lines of a log that were read, in pages, of which old ones are forgotten. */
export class Pages {
  readonly #pages = new Map<number, Page>()
  /** How the text looks after a page: kept when the page is not. */
  readonly #ends = new Map<number, Look>()

  line(number: number): LogLine | undefined {
    return this.#pages.get(pageOf(number))?.lines[(number - 1) % pageLines]
  }

  put({ first, lines }: Part): void {
    for (const [index, line] of lines.entries()) {
      const number = first + index
      const page = this.#at(pageOf(number))
      const place = (number - 1) % pageLines
      if (page.lines[place] === undefined) page.known++
      page.lines[place] = line
    }
  }

  /** The first stretch between two lines, both included, that is not known and lies in one page. */
  missing(from: number, to: number): { from: number; count: number } | null {
    for (let page = pageOf(from); page <= pageOf(to); page++) {
      const start = Math.max(from, firstOf(page))
      const end = Math.min(to, firstOf(page) + pageLines - 1)
      const kept = this.#pages.get(page)
      if (kept) this.#touch(page, kept)
      if (kept?.known === pageLines) continue
      const isMissing = (line: number) => kept?.lines[line - firstOf(page)] === undefined
      let begin = start
      while (begin <= end && !isMissing(begin)) begin++
      if (begin > end) continue
      let stop = begin
      while (stop < end && isMissing(stop + 1)) stop++
      return { from: begin, count: stop - begin + 1 }
    }
    return null
  }

  /** The look that a line begins with: that of the lines before it, as far as they are known. */
  lookAt(number: number): Look {
    const place = pageOf(number)
    const page = this.#pages.get(place)
    if (!page) return 0
    const first = this.#ends.get(place - 1) ?? this.#endOf(place - 1)
    if (page.looks?.first !== first || page.looks.known !== page.known) this.#look(place, page, first)
    return page.looks!.of[number - firstOf(place)] ?? 0
  }

  #endOf(place: number): Look {
    const page = this.#pages.get(place)
    if (!page) return 0
    this.#look(place, page, this.#ends.get(place - 1) ?? 0)
    return this.#ends.get(place) ?? 0
  }

  #look(place: number, page: Page, first: Look): void {
    const of: Look[] = []
    let look = first
    for (let index = 0; index < pageLines; index++) {
      of.push(look)
      const line = page.lines[index]
      // What the part that was left out does to colours is not known.
      if (line) look = line.length > line.text.length ? 0 : lookAfter(line.text, look)
    }
    page.looks = { first, known: page.known, of }
    if (page.known === pageLines) this.#ends.set(place, look)
  }

  #at(place: number): Page {
    const kept = this.#pages.get(place)
    if (kept) return kept
    const page: Page = { lines: new Array(pageLines), known: 0, looks: null }
    this.#pages.set(place, page)
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= mostPages) break
      this.#pages.delete(oldest)
    }
    return page
  }

  #touch(place: number, page: Page): void {
    this.#pages.delete(place)
    this.#pages.set(place, page)
  }
}

/**
 * Browsers cut elements that are higher than some 17 to 33 million pixels, so a long log scrolls through a lower one: its
 * bar then says where one is by share, while what is scrolled by wheel or finger moves pixel by pixel.
 */
export const maxHeight = 8_000_000

/** Scrolling further than so many screens at once is a jump: somebody drew the bar. */
const jumpScreens = 3
/** So near to an end the bar moves as the rows do, or one would never quite come to it. */
const edgeScreens = 4
/** A list of fewer rows is as high as they are, even where each must be asked for its height. */
const fewRows = 500

export interface Rows {
  count(): number
  /** Pixels; an estimate for a row that was not measured yet. */
  heightOf(row: number): number
  /** Pixels of a usual row. */
  usual(): number
  /** Pixels that are seen at once. */
  screen(): number
  /** Whether every row has the usual height. */
  isEven(): boolean
}

/**
 * Where a reader is in a long list: the first row that is seen and how many pixels of it lie above the edge. It does not
 * depend on the heights of rows that are not seen, so it stays right while they are estimates.
 */
export class Geometry {
  readonly #rows: Rows
  row = 0
  /** Pixels of the first row that are above the edge. */
  above = 0

  constructor(rows: Rows) {
    this.#rows = rows
  }

  /** Height of what the browser scrolls. */
  get height(): number {
    const count = this.#rows.count()
    const all = this.#isSummed ? this.#between(0, count) : count * this.#rows.usual()
    return Math.max(this.#rows.screen(), Math.min(maxHeight, all))
  }

  /** A pixel of the bar is a pixel of the list. */
  get isExact(): boolean {
    return this.#rows.isEven() && this.#rows.count() * this.#rows.usual() <= maxHeight
  }

  get #isSummed(): boolean {
    return !this.#rows.isEven() && this.#rows.count() <= fewRows
  }

  get isAtEnd(): boolean {
    const end = this.#end()
    return this.row > end.row || (this.row === end.row && this.above >= end.above - 1)
  }

  /** What the browser's scroll position should be. */
  get scrollTop(): number {
    const span = this.height - this.#rows.screen()
    const end = this.#end()
    const last = this.#share(end)
    if (last <= 0 || span <= 0) return 0
    const share = Math.min(1, this.#share(this) / last)
    if (this.isExact) return share * span
    if (this.#isSummed) return Math.min(span, this.#between(0, this.row) + this.above)
    const edge = this.#edge(span)
    const fromTop = this.#upTo(edge)
    if (fromTop < edge) return fromTop
    const toEnd = this.#downTo(end, edge)
    return toEnd < edge ? span - toEnd : edge + share * (span - 2 * edge)
  }

  /** The browser's position changed from one to another. */
  scrolled(from: number, to: number): void {
    const by = to - from
    if (this.isExact || Math.abs(by) > jumpScreens * this.#rows.screen()) this.jump(to)
    else this.moveBy(by)
  }

  /** To what the browser's scroll position says. */
  jump(scrollTop: number): void {
    const span = this.height - this.#rows.screen()
    const end = this.#end()
    const edge = this.isExact ? 0 : this.#isSummed ? Number.POSITIVE_INFINITY : this.#edge(span)
    if (scrollTop >= span - 0.5) this.#set(end.row, span <= 0 ? 0 : end.above)
    else if (scrollTop <= edge) {
      this.#set(0, 0)
      if (scrollTop > 0) this.moveBy(scrollTop)
    } else if (scrollTop >= span - edge) {
      this.#set(end.row, end.above)
      this.moveBy(scrollTop - span)
    } else {
      const share = ((scrollTop - edge) / (span - 2 * edge)) * this.#share(end)
      const row = Math.floor(share)
      this.#set(row, (share - row) * this.#rows.heightOf(row))
    }
  }

  moveBy(pixels: number): void {
    let { row } = this
    let above = this.above + pixels
    const last = this.#rows.count() - 1
    while (above < 0 && row > 0) above += this.#rows.heightOf(--row)
    while (row < last && above >= this.#rows.heightOf(row)) above -= this.#rows.heightOf(row++)
    this.#set(row, Math.max(0, above))
    this.clamp()
  }

  /** Shows a row, with so much of the screen above it. */
  show(row: number, share = 0.3): void {
    this.#set(Math.max(0, Math.min(row, this.#rows.count() - 1)), 0)
    this.moveBy(-Math.floor(this.#rows.screen() * share))
  }

  toEnd(): void {
    const end = this.#end()
    this.#set(end.row, end.above)
  }

  /** Nothing but rows is ever seen below the last one. */
  clamp(): void {
    const end = this.#end()
    if (this.row > end.row || (this.row === end.row && this.above > end.above)) this.#set(end.row, end.above)
  }

  /** The rows that are seen, the last one excluded. */
  seen(): { from: number; to: number } {
    const count = this.#rows.count()
    let to = this.row
    for (let left = this.#rows.screen() + this.above; to < count && left > 0; to++) left -= this.#rows.heightOf(to)
    return { from: this.row, to }
  }

  /** The furthest that one can scroll. */
  #end(): { row: number; above: number } {
    let row = this.#rows.count()
    let left = this.#rows.screen()
    while (row > 0 && left > 0) left -= this.#rows.heightOf(--row)
    return { row, above: Math.max(0, -left) }
  }

  #edge(span: number): number {
    return Math.min(edgeScreens * this.#rows.screen(), span / 4)
  }

  /** Pixels above what is seen, as far as it matters. */
  #upTo(most: number): number {
    let pixels = this.above
    for (let row = this.row - 1; row >= 0 && pixels < most; row--) pixels += this.#rows.heightOf(row)
    return pixels
  }

  /** Pixels below what is seen, as far as it matters. */
  #downTo(end: { row: number; above: number }, most: number): number {
    let pixels = end.above - this.above
    for (let row = this.row; row < end.row && pixels < most; row++) pixels += this.#rows.heightOf(row)
    return Math.max(0, pixels)
  }

  #between(from: number, to: number): number {
    let pixels = 0
    for (let row = from; row < to; row++) pixels += this.#rows.heightOf(row)
    return pixels
  }

  #share({ row, above }: { row: number; above: number }): number {
    return this.#rows.count() === 0 ? 0 : row + above / this.#rows.heightOf(row)
  }

  #set(row: number, above: number): void {
    this.row = row
    this.above = above
  }
}

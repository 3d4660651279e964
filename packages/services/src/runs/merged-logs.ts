import { withoutEscapes } from './log-lines.ts'
import type { LogReads, ReadLine } from './log-reads.ts'

/** A stream, and how many lines of it are stored. */
export interface StreamEnd {
  id: string
  lines: number
}

/**
 * A place between the lines of several streams: how many lines of each lie before it. One that is not named begins
 * after it.
 */
export type Position = ReadonlyMap<string, number>

/** Place of the stream among those given; number in it; milliseconds; text; and the length of one that was cut. */
type MergedLine = [stream: number, ...ReadLine]

export interface MergedPage {
  /** By their time, and those of one stream by their numbers. */
  lines: MergedLine[]
  /** The other end of what was read. */
  position: Position
  /** There is nothing beyond it. */
  isEnd: boolean
}

export interface MergedFound {
  /** How many lines lie before each match, ascending. */
  matches: number[]
  /**
   * Places that were passed, with how many lines lie before each: from one of them a match can be read. None where
   * there is one stream only.
   */
  places: { before: number; position: Position }[]
  reached: Position
  isDone: boolean
}

type Wish = ({ after: Position } | { before: Position }) & { limit: number; cut?: number }

/** Of all streams together in one page. */
const maxPageBytes = 4 * 1024 * 1024
const leastStreamBytes = 32 * 1024
/** Streams that are read at the same time. */
const together = 8
const searchPage = 5_000
const maxSearchPages = 4
const enoughMatches = 1_000

/** Several log streams as one, by time. Nothing of them is stored together, so one goes on from a place that was told. */
export class MergedLogs {
  readonly #reads: LogReads

  constructor(parts: { reads: LogReads }) {
    this.#reads = parts.reads
  }

  /** A page of lines after or before a place; at least one line where there is one. */
  async page(streams: StreamEnd[], wish: Wish): Promise<MergedPage> {
    const isBack = 'before' in wish
    const start = isBack ? wish.before : wish.after
    const at = streams.map(({ id, lines }) => Math.min(start.get(id) ?? 0, lines))
    const bytes = Math.max(leastStreamBytes, Math.floor(maxPageBytes / Math.max(1, streams.length)))
    const read: ReadLine[][] = []
    for (let from = 0; from < streams.length; from += together) {
      const some = streams.slice(from, from + together).map(async ({ id }, index) => {
        const more = { limit: wish.limit, bytes, ...(wish.cut !== undefined && { cut: wish.cut }) }
        const place = at[from + index]!
        const lines = await this.#reads.lines(id, isBack ? { before: place + 1, ...more } : { after: place, ...more })
        return isBack ? lines.reverse() : lines
      })
      read.push(...(await Promise.all(some)))
    }
    const lines = merge(read, {
      limit: wish.limit,
      isBack,
      // Whether a stream goes on beyond what was read of it: then what follows is not known.
      goesOn: (stream) => {
        const last = read[stream]!.at(-1)?.[0] ?? (isBack ? 1 : at[stream]!)
        return isBack ? last > 1 : last < streams[stream]!.lines
      },
    })
    const position = new Map(streams.map(({ id }, index) => [id, at[index]!]))
    for (const [stream, line] of lines) position.set(streams[stream]!.id, isBack ? line - 1 : line)
    const isEnd =
      lines.length === 0 || streams.every(({ id, lines: stored }) => position.get(id) === (isBack ? 0 : stored))
    return { lines: isBack ? lines.reverse() : lines, position, isEnd }
  }

  /** Lines that hold a text, whatever the case of its letters. Looks at some pages, then says how far it came. */
  async search(
    streams: StreamEnd[],
    wish: { text: string } & ({ after: Position } | { before: Position }),
  ): Promise<MergedFound> {
    if (streams.length === 1) return this.#searchOne(streams[0]!, wish)
    const needle = wish.text.toLowerCase()
    const isBack = 'before' in wish
    let reached: Position = isBack ? wish.before : wish.after
    let matches: number[] = []
    const places: MergedFound['places'] = []
    for (let count = 0; count < maxSearchPages && matches.length < enoughMatches; count++) {
      const page = await this.page(streams, {
        ...(isBack ? { before: reached } : { after: reached }),
        limit: searchPage,
      })
      const low = isBack ? page.position : reached
      const before = streams.reduce((sum, { id, lines }) => sum + Math.min(low.get(id) ?? 0, lines), 0)
      places.push({ before, position: low })
      const found = page.lines.flatMap(([, , , text], index) =>
        withoutEscapes(text).toLowerCase().includes(needle) ? [before + index] : [],
      )
      matches = isBack ? [...found, ...matches] : [...matches, ...found]
      reached = page.position
      if (page.isEnd) return { matches, places, reached, isDone: true }
    }
    return { matches, places, reached, isDone: false }
  }

  /** Of one stream every place is known by its number, and it need not be read line by line. */
  async #searchOne(
    { id, lines: total }: StreamEnd,
    wish: { text: string } & ({ after: Position } | { before: Position }),
  ): Promise<MergedFound> {
    const { text } = wish
    const isBack = 'before' in wish
    const found = await this.#reads.search(
      id,
      isBack
        ? { text, total, before: (wish.before.get(id) ?? 0) + 1 }
        : { text, total, after: wish.after.get(id) ?? 0 },
    )
    return {
      matches: found.matches.map((line) => line - 1),
      places: [],
      reached: new Map([[id, isBack ? found.reached - 1 : found.reached]]),
      isDone: found.isDone,
    }
  }
}

/** Takes the earliest line (the latest when going back) of all, until one stream is used up that goes on. */
function merge(
  streams: ReadLine[][],
  how: { limit: number; isBack: boolean; goesOn: (stream: number) => boolean },
): MergedLine[] {
  const next = streams.map(() => 0)
  const lines: MergedLine[] = []
  while (lines.length < how.limit) {
    let best = -1
    for (let stream = 0; stream < streams.length; stream++) {
      const line = streams[stream]![next[stream]!]
      if (!line) {
        if (how.goesOn(stream)) return lines
        continue
      }
      if (best < 0) {
        best = stream
        continue
      }
      const [, at] = streams[best]![next[best]!]!
      // Of lines of one moment those of the first stream come first.
      if (how.isBack ? line[1] >= at : line[1] < at) best = stream
    }
    if (best < 0) return lines
    lines.push([best, ...streams[best]![next[best]!++]!])
  }
  return lines
}

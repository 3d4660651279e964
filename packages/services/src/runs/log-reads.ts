import type { Database } from '@juanie/core/database'
import { type SQL, sql } from 'drizzle-orm'
import { finder, type Mark } from './log-lines.ts'
import { maxChunkLines, type StoredLines } from './logs.ts'
import { logChunks } from './tables.ts'

/** `[number, milliseconds, text]`, and the length of the whole line where the text is only its beginning. */
export type ReadLine = [line: number, at: number, text: string, length?: number]

type LinesWish = ({ after: number } | { before: number }) & { limit: number; cut?: number; bytes?: number }

export interface FoundLines {
  /** Numbers of the lines, ascending. */
  matches: number[]
  /** All lines up to here, in the direction asked for, were looked at. */
  reached: number
  /** There is nothing left to look at. */
  isDone: boolean
}

/** Of stored text in one query; a chunk that is larger alone is read whole. */
const maxReadBytes = 2 * 1024 * 1024
const maxMarkBytes = 256 * 1024
/** What one search looks at before it answers, so that none keeps a connection or this process for long. */
const maxSearchReads = 4
const enoughMatches = 1_000
/** Chunks of one query, however small they are. */
const maxChunks = 2_000

/** Reads of stored lines by their numbers. Each call does a bounded amount of work, however long the log is. */
export class LogReads {
  readonly #db: Database

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  /**
   * Lines after or before a number, ascending: as many as asked for unless they are very long, then fewer, but one at
   * least where there is one. Texts are cut to `cut` characters.
   */
  async lines(streamId: string, wish: LinesWish): Promise<ReadLine[]> {
    const { limit, cut, bytes = maxReadBytes } = wish
    const [low, high] = 'after' in wish ? [wish.after, wish.after + limit] : [wish.before - 1 - limit, wish.before - 1]
    const chunks = await this.#chunks(
      sql`c.stream_id = ${streamId} and c.first_seq <= ${high} and ${startsAt(streamId, low + 1)}`,
      { order: 'after' in wish ? 'asc' : 'desc', most: limit + 1, bytes },
    )
    if ('before' in wish) chunks.reverse()
    const lines: ReadLine[] = []
    for (const chunk of chunks) {
      const rows = chunk.lines.split('\n')
      for (let line = Math.max(low + 1, chunk.firstSeq); line <= Math.min(high, chunk.lastSeq); line++) {
        const [at, text] = JSON.parse(rows[line - chunk.firstSeq]!) as [number, string]
        const isCut = cut !== undefined && text.length > cut
        lines.push(isCut ? [line, at, text.slice(0, cut), text.length] : [line, at, text])
      }
    }
    return lines
  }

  /** What stands out after a line; `next` is where to go on. */
  async marks(streamId: string, after: number): Promise<{ marks: Mark[]; next: number | null }> {
    const rows = await this.#db.execute<{ marks: string; lastSeq: number; isLast: boolean }>(
      sql`
        select marks, last_seq as "lastSeq", "isLast" from (
          select c.*, lead(c.first_seq) over w is null as "isLast",
                 sum(octet_length(c.marks)) over w - octet_length(c.marks) as before
            from (select c.marks, c.first_seq, c.last_seq from ${logChunks} c
                   where c.stream_id = ${streamId} and c.marks is not null and c.first_seq > ${after - maxChunkLines}
                   order by c.first_seq
                   limit ${maxChunks}) c
          window w as (order by c.first_seq)) m
         where before < ${maxMarkBytes}
         order by first_seq`,
      'objects',
    )
    const marks = rows.flatMap((row) => (JSON.parse(row.marks) as Mark[]).filter(([line]) => line > after))
    const last = rows.at(-1)
    return { marks, next: last && (!last.isLast || rows.length === maxChunks) ? last.lastSeq : null }
  }

  /** Lines that hold a text, after or before a number. Looks at a few megabytes, then says how far it came. */
  async search(
    streamId: string,
    wish: { text: string; total: number } & ({ after: number } | { before: number }),
  ): Promise<FoundLines> {
    return 'after' in wish ? this.#searchOn(streamId, wish) : this.#searchBack(streamId, wish)
  }

  async #searchOn(streamId: string, wish: { text: string; total: number; after: number }): Promise<FoundLines> {
    const find = finder(wish.text)
    const matches: number[] = []
    let reached = Math.min(wish.after, wish.total)
    for (let read = 0; read < maxSearchReads && reached < wish.total && matches.length < enoughMatches; read++) {
      const chunks = await this.#chunks(sql`c.stream_id = ${streamId} and ${startsAt(streamId, reached + 1)}`, {
        order: 'asc',
      })
      if (chunks.length === 0) return { matches, reached: wish.total, isDone: true }
      for (const { firstSeq, lastSeq, lines } of chunks) {
        for (const place of find(lines)) if (firstSeq + place > reached) matches.push(firstSeq + place)
        reached = Math.max(reached, lastSeq)
      }
      await breathe()
    }
    return { matches, reached, isDone: reached >= wish.total }
  }

  async #searchBack(streamId: string, wish: { text: string; total: number; before: number }): Promise<FoundLines> {
    const find = finder(wish.text)
    let matches: number[] = []
    let reached = Math.min(wish.before, wish.total + 1)
    for (let read = 0; read < maxSearchReads && reached > 1 && matches.length < enoughMatches; read++) {
      const chunks = await this.#chunks(sql`c.stream_id = ${streamId} and c.first_seq < ${reached}`, { order: 'desc' })
      if (chunks.length === 0) return { matches, reached: 1, isDone: true }
      for (const { firstSeq, lines } of chunks) {
        const found = find(lines).flatMap((place) => (firstSeq + place < reached ? [firstSeq + place] : []))
        matches = [...found, ...matches]
        reached = firstSeq
      }
      await breathe()
    }
    return { matches, reached, isDone: reached <= 1 }
  }

  /** Chunks in their order or against it, until their sizes reach a limit; sizes are known without reading the text. */
  #chunks(where: SQL, how: { order: 'asc' | 'desc'; most?: number; bytes?: number }): Promise<StoredLines[]> {
    const by = sql.raw(how.order)
    return this.#db.execute<{ firstSeq: number; lastSeq: number; lines: string }>(
      sql`
        select first_seq as "firstSeq", last_seq as "lastSeq", lines from (
          select c.*, sum(octet_length(c.lines)) over (order by c.first_seq ${by} rows unbounded preceding)
                      - octet_length(c.lines) as before
            from (select c.first_seq, c.last_seq, c.lines from ${logChunks} c
                   where ${where}
                   order by c.first_seq ${by}
                   limit ${how.most ?? maxChunks}) c) w
         where before < ${how.bytes ?? maxReadBytes}
         order by first_seq ${by}`,
      'objects',
    )
  }
}

/** Lets others have the process before the next megabytes are looked through. */
const breathe = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** Chunks from the one that holds a line, which may begin before it. */
const startsAt = (streamId: string, line: number): SQL => sql`c.first_seq >= coalesce((
  select max(s.first_seq) from ${logChunks} s where s.stream_id = ${streamId} and s.first_seq <= ${line}), 0)`

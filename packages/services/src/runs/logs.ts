import type { Database, Queryable } from '@juanie/core/database'
import type { Listener } from '@juanie/core/listener'
import { and, asc, eq, sql } from 'drizzle-orm'
import { type Mark, markOf } from './log-lines.ts'
import { channels, type RunSignals } from './signals.ts'
import { logChunks } from './tables.ts'

/** Lines of a stream as they are stored: NDJSON of `[milliseconds, text]`, one row per line number. */
export interface StoredLines {
  firstSeq: number
  lastSeq: number
  /** As many JSON texts as there are numbers, joined by newlines. */
  lines: string
}

export interface NewLines {
  streamId: string
  projectId: string
  /** Last number that is stored; the row that says so is locked by the caller. */
  stored: number
  firstSeq: number
  lines: [number, string][]
}

export const maxChunkLines = 1_000
const maxChunkBytes = 256 * 1024
/** A notification may be lost; so long a viewer may then wait for its lines. */
const pollMs = 1_000

type Waiter = () => void

/** Log lines in numbered streams: a stream is a step, or an instance of a deployment. */
export class LogStreams {
  readonly #db: Database
  readonly #waiters = new Map<string, Set<Waiter>>()
  readonly #stop: (() => void)[] = []

  constructor(parts: { db: Database; signals: RunSignals; listener: Pick<Listener, 'on'> }) {
    this.#db = parts.db
    this.#stop.push(
      parts.signals.on({
        logsStored: (ids) => {
          for (const id of ids) this.#wake(id)
        },
      }),
      parts.listener.on(channels.logs, (id) => this.#wake(id)),
    )
  }

  close(): void {
    for (const stop of this.#stop) stop()
    this.#wake(null)
  }

  /**
   * Stores what follows the stored lines without a gap, and skips what is stored already. Answers the last stored
   * number of each stream in the order given; its owner's row must be set to it in the same transaction.
   */
  async append(tx: Queryable, batches: NewLines[]): Promise<number[]> {
    const last = new Map<string, number>()
    const rows: (typeof logChunks.$inferInsert)[] = []
    const answers = batches.map(({ streamId, projectId, stored, firstSeq, lines }) => {
      const known = last.get(streamId) ?? stored
      const end = firstSeq + lines.length - 1
      // A gap is not filled by guessing: the sender is told where to go on.
      if (firstSeq > known + 1 || end <= known) return known
      for (const chunk of chunksOf(lines.slice(known + 1 - firstSeq), known + 1)) {
        rows.push({ streamId, projectId, ...chunk })
      }
      last.set(streamId, end)
      return end
    })
    if (rows.length > 0) {
      await tx.insert(logChunks).values(rows)
      await this.tell(tx, [...last.keys()])
    }
    return answers
  }

  /** Wakes those who follow these streams when the transaction commits. */
  async tell(tx: Queryable, streamIds: string[]): Promise<void> {
    if (streamIds.length === 0) return
    await tx.execute(
      sql`select pg_notify(${channels.logs}, id) from unnest(${sql.param(streamIds)}::text[]) as told(id)`,
    )
  }

  /** Lines after a number, a few chunks at a time; empty when there are none yet. */
  async read(streamId: string, after: number, maxChunks = 4): Promise<StoredLines[]> {
    const rows = await this.#db
      .select({ firstSeq: logChunks.firstSeq, lastSeq: logChunks.lastSeq, lines: logChunks.lines })
      .from(logChunks)
      .where(
        and(
          eq(logChunks.streamId, streamId),
          // The chunk that holds the next line may begin before it.
          sql`${logChunks.firstSeq} >= coalesce((
            select max(c.first_seq) from log_chunks c where c.stream_id = ${streamId} and c.first_seq <= ${after + 1}
          ), 0)`,
        ),
      )
      .orderBy(asc(logChunks.firstSeq))
      .limit(maxChunks)
    return rows.filter(({ lastSeq }) => lastSeq > after).map((chunk) => trimmed(chunk, after))
  }

  /**
   * Everything after a number, as it comes. Ends when `end` says that no more lines will come and all are delivered,
   * or with the signal. Holds a few chunks in memory however slow the reader is.
   */
  async *follow(
    streamId: string,
    options: { after: number; signal: AbortSignal; end: () => Promise<{ lines: number } | null> },
  ): AsyncGenerator<StoredLines> {
    let { after } = options
    const waiting = this.#wait(streamId, options.signal)
    try {
      while (!options.signal.aborted) {
        waiting.rearm()
        const chunks = await this.read(streamId, after)
        for (const chunk of chunks) {
          yield chunk
          after = chunk.lastSeq
        }
        if (chunks.length > 0) continue
        const end = await options.end()
        if (end && after >= end.lines) return
        if (!end) await waiting.next()
        else if ((await this.read(streamId, after, 1)).length === 0) return
      }
    } finally {
      waiting.stop()
    }
  }

  /** News that comes between `rearm` and `next` is not missed. */
  #wait(streamId: string, signal: AbortSignal): { rearm(): void; next(): Promise<void>; stop(): void } {
    let isNews = false
    let resolve: (() => void) | null = null
    const wake = () => {
      isNews = true
      resolve?.()
    }
    const waiters = this.#waiters.get(streamId) ?? new Set()
    waiters.add(wake)
    this.#waiters.set(streamId, waiters)
    signal.addEventListener('abort', wake)
    return {
      rearm: () => {
        isNews = signal.aborted
      },
      next: async () => {
        if (isNews) return
        let timer: NodeJS.Timeout | undefined
        await new Promise<void>((done) => {
          resolve = done
          timer = setTimeout(done, pollMs)
        })
        clearTimeout(timer)
        resolve = null
      },
      stop: () => {
        signal.removeEventListener('abort', wake)
        waiters.delete(wake)
        if (waiters.size === 0 && this.#waiters.get(streamId) === waiters) this.#waiters.delete(streamId)
      },
    }
  }

  #wake(streamId: string | null): void {
    const woken = streamId === null ? [...this.#waiters.values()] : [this.#waiters.get(streamId) ?? []]
    for (const waiters of woken) for (const wake of waiters) wake()
  }
}

/** Readers hold whole chunks, so none may be large. */
function* chunksOf(lines: [number, string][], firstSeq: number): Generator<StoredLines & { marks: string | null }> {
  let texts: string[] = []
  let marks: Mark[] = []
  let bytes = 0
  let first = firstSeq
  const chunk = () => ({
    firstSeq: first,
    lastSeq: first + texts.length - 1,
    lines: texts.join('\n'),
    marks: marks.length > 0 ? JSON.stringify(marks) : null,
  })
  for (const line of lines) {
    const text = JSON.stringify(line)
    if (texts.length > 0 && (texts.length >= maxChunkLines || bytes + text.length > maxChunkBytes)) {
      yield chunk()
      first += texts.length
      texts = []
      marks = []
      bytes = 0
    }
    const mark = markOf(line[1])
    if (mark) marks.push([first + texts.length, mark])
    texts.push(text)
    bytes += text.length
  }
  if (texts.length > 0) yield chunk()
}

function trimmed(chunk: StoredLines, after: number): StoredLines {
  if (chunk.firstSeq > after) return chunk
  const kept = chunk.lines.split('\n').slice(after + 1 - chunk.firstSeq)
  return { firstSeq: after + 1, lastSeq: chunk.lastSeq, lines: kept.join('\n') }
}

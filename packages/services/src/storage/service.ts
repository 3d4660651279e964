import { Readable } from 'node:stream'
import { type Database, maybeOne, type Queryable, type Transaction } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { uuidv7 } from '@juanie/core/ids'
import { crashPoint } from '@juanie/core/points'
import { and, asc, eq, inArray, isNotNull, isNull, lt, sql } from 'drizzle-orm'
import { jobs } from '../runs/tables.ts'
import type { PieceStore } from './port.ts'
import { filePieces, storedFiles } from './tables.ts'

/** Places at which a test may kill the server while it takes a file. */
export const storagePoints = [
  'piece.before.store',
  'piece.stored',
  'file.before.complete',
  'file.after.complete',
] as const

/** As many as Azure's block blobs may have. */
const maxPieces = 50_000
const batch = 200
const mostBatches = 100
const hourMs = 3_600_000

/** Who uploads. */
interface Uploader {
  projectId: string
  jobId: string
  fence: number
}

type FileRow = typeof storedFiles.$inferSelect
type PieceRow = typeof filePieces.$inferSelect

/**
 * Files that jobs upload: pieces come in any order, several at a time, and go to the disk as they come. A file exists
 * for readers from the moment at which it is complete; whatever is left of one that never was is swept away.
 */
export class StoredFiles {
  readonly #db: Database
  readonly #pieces: PieceStore

  constructor(parts: { db: Database; pieces: PieceStore }) {
    this.#db = parts.db
    this.#pieces = parts.pieces
  }

  /** Makes an empty file that only this job can write; `runId` makes it go when its run goes. */
  async open(
    tx: Queryable,
    { projectId, jobId, fence }: Uploader,
    { maxBytes, runId }: { maxBytes: number; runId: string | null },
  ): Promise<string> {
    const id = uuidv7()
    await tx.insert(storedFiles).values({ id, projectId, jobId, fence, maxBytes, runId })
    return id
  }

  /** The file, when its job is still held by the number under which it was opened and it is not complete yet. */
  async writable(fileId: string): Promise<{ id: string; maxBytes: number }> {
    const file = await maybeOne(
      this.#db
        .select({ id: storedFiles.id, maxBytes: storedFiles.maxBytes })
        .from(storedFiles)
        .innerJoin(jobs, eq(jobs.id, storedFiles.jobId))
        .where(
          and(
            eq(storedFiles.id, fileId),
            isNull(storedFiles.completedAt),
            inArray(jobs.status, ['leased', 'running']),
            sql`exists (select from leases l where l.subject_id = ${storedFiles.jobId} and l.fence = ${storedFiles.fence})`,
          ),
        ),
    )
    if (file) return file
    throw notFound('upload')
  }

  /** Takes one piece as it comes in; one with the same key is replaced. */
  async put(fileId: string, key: string, content: Readable): Promise<{ bytes: number }> {
    const { maxBytes } = await this.writable(fileId)
    await using staged = await this.#pieces.stage(content, maxBytes)
    const { digest, bytes } = staged
    crashPoint('piece.before.store')
    await this.#db.transaction(async (tx) => {
      // Whoever removes what no file has takes the same lock.
      await lockPiece(tx, digest)
      await tx
        .insert(filePieces)
        .values({ fileId, key, digest, bytes })
        .onConflictDoUpdate({ target: [filePieces.fileId, filePieces.key], set: { digest, bytes, place: null } })
      const [sum] = await tx
        .select({ count: sql<number>`count(*)::int`, bytes: sql<string>`sum(${filePieces.bytes})` })
        .from(filePieces)
        .where(eq(filePieces.fileId, fileId))
      if (Number(sum?.bytes) > maxBytes) throw tooLarge(maxBytes)
      if ((sum?.count ?? 0) > maxPieces) throw invalid('pieces', `The file has more than ${maxPieces} pieces.`)
      await staged.commit()
    })
    crashPoint('piece.stored')
    return { bytes }
  }

  /** Takes the whole file in one piece. */
  async putWhole(fileId: string, content: Readable): Promise<{ bytes: number }> {
    await this.put(fileId, '', content)
    return this.arrange(fileId, [''])
  }

  /** Says which pieces make the file and in which order; the others are dropped. May be said again. */
  async arrange(fileId: string, keys: string[]): Promise<{ bytes: number }> {
    if (keys.length > maxPieces) throw invalid('pieces', `A file has at most ${maxPieces} pieces.`)
    if (new Set(keys).size < keys.length) throw invalid('pieces', 'A piece is named twice.')
    const { maxBytes } = await this.writable(fileId)
    return this.#db.transaction(async (tx) => {
      await lockFile(tx, fileId)
      await tx.execute(sql`
        update file_pieces p set place = w.place
          from (select f.key, w.place::int - 1 as place
                  from file_pieces f
                  left join unnest(${sql.param(keys)}::text[]) with ordinality as w(key, place) on w.key = f.key
                 where f.file_id = ${fileId}) w
         where p.file_id = ${fileId} and p.key = w.key`)
      await tx.delete(filePieces).where(and(eq(filePieces.fileId, fileId), isNull(filePieces.place)))
      const pieces = await piecesOf(tx, fileId)
      if (pieces.length < keys.length) throw invalid('pieces', 'A piece is named that was not uploaded.')
      const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0)
      if (bytes > maxBytes) throw tooLarge(maxBytes)
      await tx.update(storedFiles).set({ bytes }).where(eq(storedFiles.id, fileId))
      return { bytes }
    })
  }

  /** As `arrange`, for pieces whose keys are the places of their first bytes: they must lie side by side. */
  async arrangeByOffset(fileId: string): Promise<{ bytes: number }> {
    const rows = await this.#db.select().from(filePieces).where(eq(filePieces.fileId, fileId)).limit(maxPieces)
    const pieces = rows.sort((a, b) => Number(a.key) - Number(b.key))
    let next = 0
    for (const piece of pieces) {
      if (Number(piece.key) !== next) throw invalid('pieces', `The bytes from ${next} on are missing.`)
      next += piece.bytes
    }
    return this.arrange(
      fileId,
      pieces.map(({ key }) => key),
    )
  }

  /**
   * Makes the file durable and, where it is asked for, digests the whole. It is complete only with `complete`, in the
   * transaction that makes something of it.
   */
  async settle(fileId: string, options: { digest: boolean }): Promise<{ bytes: number; digest: string | null }> {
    await this.writable(fileId)
    const pieces = await piecesOf(this.#db, fileId)
    const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0)
    const digests = pieces.map(({ digest }) => digest)
    // The disk writes while the processor digests.
    const [digest] = await Promise.all([options.digest ? this.#digestOf(digests) : null, this.#pieces.settle(digests)])
    return { bytes, digest }
  }

  async #digestOf(digests: string[]): Promise<string> {
    const [only] = digests
    return only && digests.length === 1 ? only : this.#pieces.digest(digests)
  }

  /** Of what `settle` said. Refuses with `conflict` when the file was changed or completed since. */
  async complete(tx: Transaction, fileId: string, settled: { bytes: number; digest: string | null }): Promise<void> {
    crashPoint('file.before.complete')
    const done = await tx
      .update(storedFiles)
      .set({ completedAt: sql`now()`, digest: settled.digest })
      .where(and(eq(storedFiles.id, fileId), isNull(storedFiles.completedAt), eq(storedFiles.bytes, settled.bytes)))
      .returning({ id: storedFiles.id })
    if (done.length === 1) return
    throw new AppError('conflict', 'upload.incomplete', {
      message: 'The upload has no content yet, or it is complete already.',
    })
  }

  /** A complete file, or a range of it; null when there is none. Whoever calls has made sure that it may be read. */
  async read(
    fileId: string,
    range?: (bytes: number) => { start: number; end: number },
  ): Promise<{ bytes: number; start: number; end: number; content: () => Readable } | null> {
    const file = await this.#complete(fileId)
    if (!file) return null
    const bytes = file.bytes ?? 0
    const { start, end } = range?.(bytes) ?? { start: 0, end: bytes }
    const pieces = await piecesOf(this.#db, fileId)
    return {
      bytes,
      start,
      end,
      content: () => Readable.from(this.#bytes(pieces, start, end), { objectMode: false, highWaterMark: 1024 * 1024 }),
    }
  }

  async *#bytes(pieces: PieceRow[], start: number, end: number): AsyncGenerator<Buffer> {
    let offset = 0
    for (const piece of pieces) {
      const from = Math.max(0, start - offset)
      const to = Math.min(piece.bytes, end - offset)
      if (from < to) yield* this.#pieces.read(piece, from, to)
      offset += piece.bytes
      if (offset >= end) return
    }
  }

  #complete(fileId: string): Promise<FileRow | null> {
    return maybeOne(
      this.#db
        .select()
        .from(storedFiles)
        .where(and(eq(storedFiles.id, fileId), isNotNull(storedFiles.completedAt))),
    )
  }

  /** Forgets files and all that was made of them; their pieces go with the next `clean`. */
  async remove(tx: Queryable, fileIds: string[]): Promise<void> {
    if (fileIds.length > 0) await tx.delete(storedFiles).where(inArray(storedFiles.id, fileIds))
  }

  /**
   * Forgets uploads that nobody will finish and removes the pieces that no file has. It looks through the store itself,
   * so that a crash between a row and its piece leaves nothing for ever. Answers how many pieces it removed.
   */
  async clean(options: { olderThanMs?: number } = {}): Promise<number> {
    const olderThanMs = options.olderThanMs ?? hourMs
    for (let turn = 0; turn < mostBatches; turn++) {
      const dead = await this.#db
        .select({ id: storedFiles.id })
        .from(storedFiles)
        .leftJoin(jobs, and(eq(jobs.id, storedFiles.jobId), inArray(jobs.status, ['leased', 'running'])))
        .where(
          and(
            isNull(storedFiles.completedAt),
            isNull(jobs.id),
            lt(storedFiles.createdAt, sql`now() - ${`${olderThanMs} milliseconds`}::interval`),
          ),
        )
        .limit(batch)
      await this.remove(
        this.#db,
        dead.map(({ id }) => id),
      )
      if (dead.length < batch) break
    }
    let removed = 0
    for await (const { digest, storedAt } of this.#pieces.list()) {
      if (Date.now() - storedAt.getTime() < olderThanMs) continue
      if (await this.#removeUnnamed(digest)) removed++
    }
    await this.#pieces.clean()
    return removed
  }

  async #removeUnnamed(digest: string): Promise<boolean> {
    if (await isNamed(this.#db, digest)) return false
    return this.#db.transaction(async (tx) => {
      await lockPiece(tx, digest)
      if (await isNamed(tx, digest)) return false
      await this.#pieces.remove(digest)
      return true
    })
  }
}

const piecesOf = (db: Queryable, fileId: string): Promise<PieceRow[]> =>
  db
    .select()
    .from(filePieces)
    .where(and(eq(filePieces.fileId, fileId), isNotNull(filePieces.place)))
    .orderBy(asc(filePieces.place))

const isNamed = async (db: Queryable, digest: string): Promise<boolean> =>
  (await db.select({ key: filePieces.key }).from(filePieces).where(eq(filePieces.digest, digest)).limit(1)).length > 0

/** Held until the transaction ends. */
const lockPiece = (tx: Transaction, digest: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(7402184, hashtext(${digest}))`)

const lockFile = (tx: Transaction, fileId: string) =>
  tx.select({ id: storedFiles.id }).from(storedFiles).where(eq(storedFiles.id, fileId)).for('update')

const tooLarge = (maxBytes: number) =>
  new AppError('invalid', 'upload.too_large', {
    message: `The upload is larger than the limit of ${maxBytes} bytes.`,
    details: { maxBytes },
  })

const invalid = (field: string, message: string) =>
  new AppError('invalid', 'input.invalid', { message: `${field}: ${message}`, details: { field } })

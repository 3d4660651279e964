import { type Database, isUniqueViolation, maybeOne, type Transaction } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import type { JobCaller } from '../runs/index.ts'
import type { StoredFiles } from '../storage/index.ts'
import { cacheScopes } from './plan.ts'
import { caches } from './tables.ts'

const maxKeyLength = 512
const maxKeys = 10
/** Uploads that one job may have begun and not finished. */
const maxOpen = 100

interface Limits {
  /** What one project may keep. */
  maxBytes: number
}

export interface FoundCache {
  id: string
  key: string
  version: string
  ref: string
  fileId: string
  createdAt: Date
}

interface Upload {
  id: string
  number: number
  fileId: string
  finishedAt: Date | null
}

/** The caches of a project, as a job of it may read and write them. */
export class JobCaches {
  readonly #db: Database
  readonly #files: StoredFiles
  readonly #limits: Limits

  constructor(parts: { db: Database; files: StoredFiles; limits: Limits }) {
    this.#db = parts.db
    this.#files = parts.files
    this.#limits = parts.limits
  }

  /**
   * Begins an upload. Two jobs may upload the same entry at the same time: the first that finishes makes it, and what
   * a dead job began is in nobody's way.
   */
  async begin(caller: JobCaller, input: { key: string; version: string }): Promise<{ number: number; fileId: string }> {
    checkKey(input.key)
    checkVersion(input.version)
    const scope = writable(caller)
    const found = await this.#db
      .select({ id: caches.id })
      .from(caches)
      .where(and(this.#is(caller, scope, input), isNotNull(caches.finishedAt)))
      .limit(1)
    if (found.length > 0) throw taken()
    const [mine] = await this.#db
      .select({ count: sql<number>`count(*)::int` })
      .from(caches)
      .where(and(eq(caches.projectId, caller.projectId), eq(caches.jobId, caller.jobId), isNull(caches.finishedAt)))
    if ((mine?.count ?? 0) >= maxOpen) {
      throw new AppError('limited', 'cache.too_many', {
        message: `This job has ${maxOpen} unfinished uploads of caches; finish those first.`,
      })
    }
    return this.#db.transaction(async (tx) => {
      const fileId = await this.#files.open(tx, caller, { maxBytes: this.#limits.maxBytes, runId: null })
      const [row] = await tx
        .insert(caches)
        .values({ projectId: caller.projectId, jobId: caller.jobId, scope, fileId, ...input })
        .returning({ number: caches.number })
      return { number: row!.number, fileId }
    })
  }

  /** An upload that this job began. */
  async pending(caller: JobCaller, number: number): Promise<Upload> {
    const row = await maybeOne(this.#uploads().where(and(this.#isMine(caller), eq(caches.number, number))))
    if (row) return row
    throw notFound('cache')
  }

  /** As `pending`, by what it was begun with; of several, the latest. */
  async pendingOf(caller: JobCaller, input: { key: string; version: string }): Promise<Upload> {
    const row = await maybeOne(
      this.#uploads()
        .where(and(this.#isMine(caller), this.#is(caller, writable(caller), input)))
        .orderBy(desc(caches.number))
        .limit(1),
    )
    if (row) return row
    throw notFound('cache')
  }

  /**
   * Makes an upload an entry, and room for it: what was not used for the longest time goes. Said again, because the
   * answer was lost, it changes nothing.
   */
  async finish(caller: JobCaller, pending: Upload, size: number): Promise<void> {
    if (pending.finishedAt) return
    const settled = await this.#files.settle(pending.fileId, { digest: false })
    if (settled.bytes !== size) {
      throw new AppError('invalid', 'cache.size_mismatch', {
        message: `size: ${settled.bytes} bytes arrived, not ${size}. Upload it again.`,
      })
    }
    try {
      await this.#db.transaction(async (tx) => {
        // Those who make room in one project do it one after the other.
        await tx.execute(sql`select pg_advisory_xact_lock(7402185, hashtext(${caller.projectId}))`)
        await this.#files.complete(tx, pending.fileId, settled)
        await tx
          .update(caches)
          .set({ finishedAt: sql`now()`, usedAt: sql`now()`, bytes: settled.bytes })
          .where(eq(caches.id, pending.id))
        await this.#makeRoom(tx, caller.projectId)
      })
      crashPoint('file.after.complete')
    } catch (error) {
      if (isUniqueViolation(error)) throw taken()
      throw error
    }
  }

  async #makeRoom(tx: Transaction, projectId: string): Promise<void> {
    const over = await tx.execute<{ fileId: string }>(
      sql`
        select file_id as "fileId" from (
          select file_id, sum(bytes) over (order by used_at desc, id desc) as used
            from caches where project_id = ${projectId} and finished_at is not null
        ) kept where used > ${this.#limits.maxBytes}`,
      'objects',
    )
    await this.#files.remove(
      tx,
      over.map(({ fileId }) => fileId),
    )
  }

  /**
   * The entry for the first of the keys that has one: in the job's own scope before others, there by the whole key
   * first, then by its beginning, the newest first. Marks it as used.
   */
  async find(caller: JobCaller, input: { keys: string[]; version: string }): Promise<FoundCache | null> {
    const keys = input.keys.filter((key) => key !== '')
    if (keys.length === 0 || keys.length > maxKeys) throw invalid('keys', `give 1 to ${maxKeys} keys.`)
    for (const key of keys) checkKey(key)
    checkVersion(input.version)
    const { read } = cacheScopes(originOf(caller))
    const rows = await this.#db.execute<Omit<FoundCache, 'createdAt'> & { createdAt: string }>(
      sql`
        update caches set used_at = now() where id = (
          select c.id
            from caches c
            join unnest(${sql.param(read)}::text[]) with ordinality as s(scope, place) on s.scope = c.scope
            join unnest(${sql.param(keys)}::text[]) with ordinality as k(key, place) on starts_with(c.key, k.key)
           where c.project_id = ${caller.projectId} and c.version = ${input.version} and c.finished_at is not null
           order by s.place, (c.key = ${keys[0]}) desc, k.place, c.finished_at desc, c.id desc
           limit 1)
        returning id, key, version, scope as ref, file_id as "fileId", created_at as "createdAt"`,
      'objects',
    )
    const [row] = rows
    return row ? { ...row, createdAt: new Date(row.createdAt) } : null
  }

  /** Entries whose key begins so and that the job may read, for clients that explain a miss. */
  async listed(caller: JobCaller, key: string): Promise<FoundCache[]> {
    const { read } = cacheScopes(originOf(caller))
    return this.#db
      .select({
        id: caches.id,
        key: caches.key,
        version: caches.version,
        ref: caches.scope,
        fileId: caches.fileId,
        createdAt: caches.createdAt,
      })
      .from(caches)
      .where(
        and(
          eq(caches.projectId, caller.projectId),
          isNotNull(caches.finishedAt),
          sql`${caches.scope} = any(${sql.param(read)}::text[])`,
          sql`starts_with(${caches.key}, ${key})`,
        ),
      )
      .orderBy(desc(caches.id))
      .limit(100)
  }

  #uploads() {
    const { id, number, fileId, finishedAt } = caches
    return this.#db.select({ id, number, fileId, finishedAt }).from(caches).$dynamic()
  }

  #isMine(caller: JobCaller) {
    return and(eq(caches.projectId, caller.projectId), eq(caches.jobId, caller.jobId))
  }

  #is(caller: JobCaller, scope: string, { key, version }: { key: string; version: string }) {
    return and(
      eq(caches.projectId, caller.projectId),
      eq(caches.scope, scope),
      eq(caches.key, key),
      eq(caches.version, version),
    )
  }
}

const originOf = ({ event, ref, defaultBranch }: JobCaller) => ({ event, ref, baseRef: null, defaultBranch })

function writable(caller: JobCaller): string {
  const { write } = cacheScopes(originOf(caller))
  if (write !== null) return write
  // Clients know the beginning of this sentence.
  throw new AppError('forbidden', 'cache.write_denied', {
    message: `cache write denied: a run of ${caller.event} may only read caches.`,
  })
}

function checkKey(key: string): void {
  if (key === '' || key.length > maxKeyLength) throw invalid('key', `give 1 to ${maxKeyLength} characters.`)
  if (key.includes(',') || key.includes('\0')) throw invalid('key', 'leave out commas.')
}

function checkVersion(version: string): void {
  if (version === '' || version.length > 200 || version.includes('\0')) throw invalid('version', 'give a digest.')
}

const invalid = (field: string, why: string) =>
  new AppError('invalid', 'input.invalid', { message: `${field}: ${why}`, details: { field } })

const taken = () =>
  new AppError('conflict', 'cache.exists', {
    message: 'cache entry with the same key, version, and scope already exists',
  })

import { type Database, one } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { paged } from '@juanie/core/pages'
import type { ProjectScope } from '@juanie/core/scope'
import { and, desc, eq, isNotNull, lt, sql } from 'drizzle-orm'
import type { StoredFiles } from '../storage/index.ts'
import type { CacheUse, CacheView, ListCaches, RemoveCaches } from './contract.ts'
import { caches } from './tables.ts'

const batch = 100
const mostBatches = 100

/** The caches of a project, as people see them. */
export class Caches {
  readonly #db: Database
  readonly #files: StoredFiles
  readonly #limits: { maxBytes: number; keepDays: number }

  constructor(parts: { db: Database; files: StoredFiles; limits: { maxBytes: number; keepDays: number } }) {
    this.#db = parts.db
    this.#files = parts.files
    this.#limits = parts.limits
  }

  /** Newest first. */
  async list(scope: ProjectScope, input: ListCaches): Promise<{ rows: CacheView[]; next: string | null }> {
    const rows = await this.#db
      .select()
      .from(caches)
      .where(and(this.#chosen(scope, input), input.after ? lt(caches.id, input.after) : undefined))
      .orderBy(desc(caches.id))
      .limit(input.limit + 1)
    return paged(rows.map(viewOf), input.limit)
  }

  async use(scope: ProjectScope): Promise<CacheUse> {
    const { bytes, count } = await one(
      this.#db
        .select({ bytes: sql<string>`coalesce(sum(${caches.bytes}), 0)`, count: sql<number>`count(*)::int` })
        .from(caches)
        .where(this.#chosen(scope, {})),
    )
    return { bytes: Number(bytes), count, ...this.#limits }
  }

  /** Answers how many were removed. */
  async remove(scope: ProjectScope, input: RemoveCaches): Promise<{ removed: number }> {
    if (input.cache === undefined && input.key === undefined && input.ref === undefined) {
      throw new AppError('invalid', 'input.invalid', {
        message: 'key: name the caches to delete: one by its id, or all whose key begins so, or those of a ref.',
        details: { field: 'key' },
      })
    }
    let removed = 0
    for (let turn = 0; turn < mostBatches; turn++) {
      const count = await this.#db.transaction(async (tx) => {
        const rows = await tx
          .select({ id: caches.id, key: caches.key, fileId: caches.fileId })
          .from(caches)
          .where(and(this.#chosen(scope, input), input.cache ? eq(caches.id, input.cache) : undefined))
          .orderBy(caches.id)
          .limit(batch)
        await this.#files.remove(
          tx,
          rows.map(({ fileId }) => fileId),
        )
        for (const { id, key } of rows) await record(tx, scope, 'cache.deleted', { subjectId: id, data: { name: key } })
        return rows.length
      })
      removed += count
      if (count < batch) break
    }
    return { removed }
  }

  /** Forgets those that nobody used for too long. */
  async clean(): Promise<number> {
    let removed = 0
    for (let turn = 0; turn < mostBatches; turn++) {
      const old = await this.#db
        .select({ fileId: caches.fileId })
        .from(caches)
        .where(
          and(
            isNotNull(caches.finishedAt),
            lt(caches.usedAt, sql`now() - ${`${this.#limits.keepDays} days`}::interval`),
          ),
        )
        .limit(batch)
      await this.#files.remove(
        this.#db,
        old.map(({ fileId }) => fileId),
      )
      removed += old.length
      if (old.length < batch) break
    }
    return removed
  }

  #chosen(scope: ProjectScope, { key, ref }: { key?: string | undefined; ref?: string | undefined }) {
    return and(
      eq(caches.projectId, scope.projectId),
      isNotNull(caches.finishedAt),
      key ? sql`starts_with(${caches.key}, ${key})` : undefined,
      ref ? eq(caches.scope, ref) : undefined,
    )
  }
}

const viewOf = (row: typeof caches.$inferSelect): CacheView => ({
  id: row.id,
  key: row.key,
  ref: row.scope,
  version: row.version,
  bytes: row.bytes,
  createdAt: row.createdAt.toISOString(),
  usedAt: row.usedAt.toISOString(),
})

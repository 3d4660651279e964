import type { Readable } from 'node:stream'
import type { Database, Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { and, eq, inArray, lt, sql } from 'drizzle-orm'
import { jobs } from '../runs/tables.ts'
import type { BlobStore } from './port.ts'
import { artifacts, releases } from './tables.ts'

const batch = 100
const mostBatches = 50
const hourMs = 3_600_000
const anHourAgo = sql`now() - interval '1 hour'`

/** Who may be told of a bundle that lies in the store: every project has only what was stored for it. */
export class Bundles {
  readonly #db: Database
  readonly #blobs: BlobStore
  readonly #maxBytes: number

  constructor(parts: { db: Database; blobs: BlobStore; maxBytes: number }) {
    this.#db = parts.db
    this.#blobs = parts.blobs
    this.#maxBytes = parts.maxBytes
  }

  /**
   * Whether there is nothing to upload; one that was damaged on the disk is to be uploaded again, which repairs it.
   * What is found is kept for at least an hour, so that a release can be made.
   */
  async has(projectId: string, digest: string): Promise<{ bytes: number } | null> {
    const [row] = await this.#db
      .update(artifacts)
      .set({ usedAt: sql`now()` })
      .where(and(eq(artifacts.projectId, projectId), eq(artifacts.digest, digest)))
      .returning({ bytes: artifacts.bytes })
    if (!row) return null
    return (await this.#blobs.verify(digest)) === 'intact' ? row : null
  }

  /** Stores a bundle for a project: checked while it comes in, and there for good when this returns. */
  async store(projectId: string, digest: string, content: Readable): Promise<{ bytes: number }> {
    await using staged = await this.#blobs.stage(digest, content, this.#maxBytes)
    const { bytes } = staged
    crashPoint('bundle.before.store')
    await this.#db.transaction(async (tx) => {
      // Whoever removes what no row names takes the same lock.
      await lockBlob(tx, digest)
      await staged.commit()
      crashPoint('bundle.stored')
      await tx
        .insert(artifacts)
        .values({ projectId, digest, bytes })
        .onConflictDoUpdate({ target: [artifacts.projectId, artifacts.digest], set: { usedAt: sql`now()` } })
    })
    crashPoint('bundle.after.store')
    return { bytes }
  }

  /** Whether a job that this agent holds now belongs to a project that has the bundle. */
  async isForJobOf(agent: { id: string }, digest: string): Promise<boolean> {
    const [job] = await this.#db
      .select({ id: jobs.id })
      .from(jobs)
      .innerJoin(artifacts, and(eq(artifacts.projectId, jobs.projectId), eq(artifacts.digest, digest)))
      .where(and(eq(jobs.agentId, agent.id), inArray(jobs.status, ['leased', 'running'])))
      .limit(1)
    return job !== undefined
  }

  /** Whoever calls has made sure that the reader may have it. */
  read(digest: string): Promise<{ bytes: number; content: Readable } | null> {
    return this.#blobs.read(digest)
  }

  /**
   * Forgets what no release of its project needs and nobody used for an hour, and removes what no project has any more.
   * It looks through the store itself, so that a crash between a row and its file leaves nothing for ever.
   */
  async clean(): Promise<number> {
    for (let round = 0; round < mostBatches; round++) {
      const forgotten = await this.#db
        .delete(artifacts)
        .where(
          and(
            // Looked at again when somebody has just used it.
            lt(artifacts.usedAt, anHourAgo),
            sql`(project_id, digest) in (
              select a.project_id, a.digest from ${artifacts} a
               where a.used_at < ${anHourAgo}
                 and not exists (select 1 from ${releases} r where r.project_id = a.project_id and r.digest = a.digest)
               limit ${batch})`,
          ),
        )
        .returning({ digest: artifacts.digest })
      if (forgotten.length < batch) break
    }
    let removed = 0
    for await (const { digest, storedAt } of this.#blobs.list()) {
      if (Date.now() - storedAt.getTime() < hourMs) continue
      if (await this.#removeUnnamed(digest)) removed++
    }
    await this.#blobs.clean()
    return removed
  }

  async #removeUnnamed(digest: string): Promise<boolean> {
    const isNamed = async (db: Database | Transaction) => {
      const rows = await db
        .select({ digest: artifacts.digest })
        .from(artifacts)
        .where(eq(artifacts.digest, digest))
        .limit(1)
      return rows.length > 0
    }
    if (await isNamed(this.#db)) return false
    return this.#db.transaction(async (tx) => {
      await lockBlob(tx, digest)
      if (await isNamed(tx)) return false
      await this.#blobs.remove(digest)
      return true
    })
  }

  /** The project of a job that this agent holds; what it stores belongs there. */
  async projectOfJob(agent: { id: string }, jobId: string): Promise<string> {
    const [job] = await this.#db
      .select({ projectId: jobs.projectId })
      .from(jobs)
      .where(and(eq(jobs.id, jobId), eq(jobs.agentId, agent.id), inArray(jobs.status, ['leased', 'running'])))
    if (job) return job.projectId
    throw new AppError('conflict', 'job.not_held', { message: 'job: this agent does not hold such a job now.' })
  }
}

/** Held until the transaction ends. */
const lockBlob = (tx: Transaction, digest: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(7402183, hashtext(${digest}))`)

/**
 * Marks a bundle as used and says that it is there, inside the transaction that makes a release of it. The row is
 * written, not only locked: whoever cleans it away at the same moment looks at it again and leaves it.
 */
export async function requireBundle(tx: Transaction, projectId: string, digest: string): Promise<{ bytes: number }> {
  const [row] = await tx
    .update(artifacts)
    .set({ usedAt: sql`now()` })
    .where(and(eq(artifacts.projectId, projectId), eq(artifacts.digest, digest)))
    .returning({ bytes: artifacts.bytes })
  if (row) return row
  throw new AppError('conflict', 'bundle.missing', {
    message: `bundle: ${digest} was not uploaded to this project; upload it first.`,
    details: { digest },
  })
}

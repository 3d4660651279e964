import { type Database, maybeOne } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { paged } from '@juanie/core/pages'
import type { ProjectScope } from '@juanie/core/scope'
import { and, desc, eq, gt, isNotNull, lt, type SQL, sql } from 'drizzle-orm'
import { jobs, pipelineRuns } from '../runs/tables.ts'
import type { StoredFiles } from '../storage/index.ts'
import type { ArtifactView, ListArtifacts } from './contract.ts'
import { runArtifacts } from './tables.ts'

const batch = 100
const mostBatches = 100

/** What runs left for people. */
export class RunArtifacts {
  readonly #db: Database
  readonly #files: StoredFiles

  constructor(parts: { db: Database; files: StoredFiles }) {
    this.#db = parts.db
    this.#files = parts.files
  }

  /** Of one run, newest first. */
  async list(scope: ProjectScope, input: ListArtifacts): Promise<{ rows: ArtifactView[]; next: string | null }> {
    const run = typeof input.run === 'number' ? eq(pipelineRuns.number, input.run) : eq(pipelineRuns.id, input.run)
    const rows = await this.#select(
      and(eq(runArtifacts.projectId, scope.projectId), run, input.after ? lt(runArtifacts.id, input.after) : undefined),
    )
      .orderBy(desc(runArtifacts.id))
      .limit(input.limit + 1)
    return paged(rows.map(viewOf), input.limit)
  }

  /** One that may be downloaded. */
  async find(scope: ProjectScope, id: string): Promise<ArtifactView & { fileId: string }> {
    const row = await maybeOne(
      this.#select(and(eq(runArtifacts.projectId, scope.projectId), eq(runArtifacts.id, id))).limit(1),
    )
    if (!row) throw notFound('artifact')
    return { ...viewOf(row), fileId: row.artifact.fileId }
  }

  async remove(scope: ProjectScope, id: string): Promise<void> {
    const { fileId, name } = await this.find(scope, id)
    await this.#db.transaction(async (tx) => {
      await this.#files.remove(tx, [fileId])
      await record(tx, scope, 'artifact.deleted', { subjectId: id, data: { name } })
    })
  }

  /** Forgets those whose time is over. */
  async clean(): Promise<number> {
    let removed = 0
    for (let turn = 0; turn < mostBatches; turn++) {
      const old = await this.#db
        .select({ fileId: runArtifacts.fileId })
        .from(runArtifacts)
        .where(lt(runArtifacts.expiresAt, sql`now()`))
        .orderBy(runArtifacts.expiresAt)
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

  #select(where: SQL | undefined) {
    return this.#db
      .select({ artifact: runArtifacts, job: jobs.name })
      .from(runArtifacts)
      .innerJoin(pipelineRuns, eq(pipelineRuns.id, runArtifacts.runId))
      .leftJoin(jobs, eq(jobs.id, runArtifacts.jobId))
      .where(and(where, isNotNull(runArtifacts.finishedAt), gt(runArtifacts.expiresAt, sql`now()`)))
  }
}

const viewOf = ({
  artifact,
  job,
}: {
  artifact: typeof runArtifacts.$inferSelect
  job: string | null
}): ArtifactView => ({
  id: artifact.id,
  name: artifact.name,
  bytes: artifact.bytes,
  digest: artifact.digest,
  mimeType: artifact.mimeType,
  attempt: artifact.attempt,
  job,
  createdAt: artifact.createdAt.toISOString(),
  expiresAt: artifact.expiresAt.toISOString(),
})

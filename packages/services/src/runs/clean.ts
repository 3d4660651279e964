import type { Database } from '@juanie/core/database'
import { crashPoint } from '@juanie/core/points'
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { GitStore } from '../repositories/index.ts'
import { repositories } from '../repositories/tables.ts'
import { jobs, logChunks, pipelineRuns, steps } from './tables.ts'

const batch = 50
const chunkBatch = 500
const maxBatches = 200

/** Removes runs and their logs when their time is over, in small batches, and pins what a crash left unpinned. */
export class RunCleaning {
  readonly #db: Database
  readonly #git: GitStore
  readonly #keepDays: number

  constructor(parts: { db: Database; git: GitStore; keepDays: number }) {
    this.#db = parts.db
    this.#git = parts.git
    this.#keepDays = parts.keepDays
  }

  /** Answers how many runs were removed. A run whose release is kept goes too: the release remembers its number. */
  async clean(): Promise<number> {
    let removed = 0
    for (let turn = 0; turn < maxBatches; turn++) {
      const old = await this.#db
        .select({ id: pipelineRuns.id, repositoryId: repositories.id })
        .from(pipelineRuns)
        .leftJoin(repositories, and(eq(repositories.projectId, pipelineRuns.projectId), isNull(repositories.deletedAt)))
        .where(sql`${pipelineRuns.finishedAt} < now() - ${`${this.#keepDays} days`}::interval`)
        .orderBy(pipelineRuns.finishedAt)
        .limit(batch)
      if (old.length === 0) break
      crashPoint('run.before.clean')
      for (const { id } of old) await this.#cleanLogs(id)
      const byRepository = new Map<string, string[]>()
      for (const { id, repositoryId } of old) {
        if (repositoryId) byRepository.set(repositoryId, [...(byRepository.get(repositoryId) ?? []), id])
      }
      for (const [repositoryId, ids] of byRepository) await this.#git.unpin(repositoryId, ids)
      await this.#db.delete(pipelineRuns).where(
        inArray(
          pipelineRuns.id,
          old.map(({ id }) => id),
        ),
      )
      crashPoint('run.after.clean')
      removed += old.length
    }
    return removed
  }

  async #cleanLogs(runId: string): Promise<void> {
    const streams = this.#db
      .select({ id: steps.id })
      .from(steps)
      .innerJoin(jobs, eq(jobs.id, steps.jobId))
      .where(eq(jobs.runId, runId))
    for (let turn = 0; turn < 10_000; turn++) {
      const gone = await this.#db
        .delete(logChunks)
        .where(
          sql`(${logChunks.streamId}, ${logChunks.firstSeq}) in (
            select c.stream_id, c.first_seq from log_chunks c where c.stream_id in (${streams}) limit ${chunkBatch})`,
        )
        .returning({ firstSeq: logChunks.firstSeq })
      if (gone.length < chunkBatch) return
    }
  }

  /** Makes the pins of each repository what its runs need: a crash may come between a run and its pin. */
  async repin(): Promise<void> {
    const all = await this.#db
      .select({ id: repositories.id, projectId: repositories.projectId })
      .from(repositories)
      .where(isNull(repositories.deletedAt))
      .orderBy(repositories.id)
    for (const { id, projectId } of all) {
      const known = new Set(await this.#git.pinned(id))
      const runs = await this.#db
        .select({ runId: pipelineRuns.id, commit: pipelineRuns.commit })
        .from(pipelineRuns)
        .where(eq(pipelineRuns.projectId, projectId))
      const missing: { runId: string; commit: string }[] = []
      for (const run of runs) {
        // A commit that is gone already cannot be pinned, and must not keep the others from it.
        if (!known.has(run.runId) && (await this.#git.commit(id, run.commit))) missing.push(run)
      }
      await this.#git.pin(id, missing)
      const living = new Set(runs.map(({ runId }) => runId))
      await this.#git.unpin(
        id,
        [...known].filter((runId) => !living.has(runId)),
      )
    }
  }
}

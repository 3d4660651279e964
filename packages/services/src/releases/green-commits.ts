import { type Database, maybeOne } from '@juanie/core/database'
import { crashPoint } from '@juanie/core/points'
import { and, desc, eq, inArray, isNull } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { projects } from '../projects/tables.ts'
import { pushes, repositories, repositoryRefs } from '../repositories/tables.ts'
import type { RunFollower, RunStarts } from '../runs/index.ts'
import { pipelineRuns } from '../runs/tables.ts'
import { releases } from './tables.ts'

type Run = Parameters<RunFollower>[0]
type RunState = Pick<Run, 'status'>

/** Whether all runs of a commit went well; those that had nothing to do say nothing. */
export function isGreen(runs: RunState[]): boolean {
  return (
    runs.some(({ status }) => status === 'succeeded') &&
    runs.every(({ status }) => status === 'succeeded' || status === 'skipped')
  )
}

const branchPrefix = 'refs/heads/'
const maxRuns = 1_000

/**
 * From a green commit to a release: when all runs of a commit on a branch that an environment follows have succeeded, and
 * none of them made a release, the default workflow makes it, as a run of its own. A push makes one such run at most,
 * which the database holds; so it may be asked again after a crash.
 */
export class GreenCommits {
  readonly #db: Database
  readonly #starts: Pick<RunStarts, 'release'>

  constructor(parts: { db: Database; starts: Pick<RunStarts, 'release'> }) {
    this.#db = parts.db
    this.#starts = parts.starts
  }

  readonly follow: RunFollower = async (run) => {
    if (run.status !== 'succeeded' || !run.ref.startsWith(branchPrefix)) return
    if (!(await this.#isFollowed(run)) || !(await this.#isHead(run))) return
    const runs = await this.#db
      .select({ id: pipelineRuns.id, status: pipelineRuns.status })
      .from(pipelineRuns)
      .where(
        and(
          eq(pipelineRuns.projectId, run.projectId),
          eq(pipelineRuns.commit, run.commit),
          eq(pipelineRuns.ref, run.ref),
        ),
      )
      .limit(maxRuns + 1)
    if (runs.length > maxRuns || !isGreen(runs) || (await this.#isReleased(runs))) return
    const push = await this.#pushOf(run)
    if (!push) return
    crashPoint('green.before.release')
    await this.#starts.release(push)
    crashPoint('green.after.release')
  }

  /** Whether the project wants it, and an environment follows the branch. */
  async #isFollowed(run: Run): Promise<boolean> {
    const rows = await this.#db
      .select({ config: environments.config, defaultBranch: repositories.defaultBranch })
      .from(environments)
      .innerJoin(projects, eq(projects.id, environments.projectId))
      .innerJoin(repositories, and(eq(repositories.projectId, projects.id), isNull(repositories.deletedAt)))
      .where(
        and(
          eq(environments.projectId, run.projectId),
          isNull(environments.deletedAt),
          isNull(projects.deletedAt),
          eq(projects.releasesGreenCommits, true),
        ),
      )
    const branch = run.ref.slice(branchPrefix.length)
    return rows.some(({ config: { follows }, defaultBranch }) =>
      follows === null ? false : 'branch' in follows ? follows.branch === branch : defaultBranch === branch,
    )
  }

  /** A commit that is not the newest of its branch any more is left to the newer one. */
  async #isHead(run: Run): Promise<boolean> {
    const row = await maybeOne(
      this.#db
        .select({ commit: repositoryRefs.commit })
        .from(repositoryRefs)
        .innerJoin(repositories, eq(repositories.id, repositoryRefs.repositoryId))
        .where(
          and(
            eq(repositories.projectId, run.projectId),
            isNull(repositories.deletedAt),
            eq(repositoryRefs.ref, run.ref),
          ),
        ),
    )
    return row?.commit === run.commit
  }

  async #isReleased(runs: { id: string }[]): Promise<boolean> {
    const ids = runs.map(({ id }) => id)
    const rows = await this.#db.select({ id: releases.id }).from(releases).where(inArray(releases.runId, ids)).limit(1)
    return rows.length > 0
  }

  /** The push that brought the commit to its branch. One that a job made by its own token starts nothing. */
  async #pushOf(run: Run) {
    return maybeOne(
      this.#db
        .select()
        .from(pushes)
        .where(
          and(
            eq(pushes.projectId, run.projectId),
            eq(pushes.ref, run.ref),
            eq(pushes.after, run.commit),
            eq(pushes.status, 'handled'),
            isNull(pushes.jobId),
          ),
        )
        .orderBy(desc(pushes.id))
        .limit(1),
    )
  }
}

import type { Queryable } from '@juanie/core/database'
import { eq, inArray } from 'drizzle-orm'
import { pipelines } from '../pipelines/tables.ts'
import { users } from '../users/tables.ts'
import type { ListedRun } from './contract.ts'
import { withReasons } from './listed.ts'
import { pipelineRuns } from './tables.ts'
import { summaryColumns, summaryOf } from './view.ts'

/** Runs of any projects, as lists show them: for those who look at many projects from above. */
export async function readListedRuns(db: Queryable, ids: string[]): Promise<ListedRun[]> {
  if (ids.length === 0) return []
  const rows = await db
    .select({ run: summaryColumns, pipeline: pipelines, actor: users.name })
    .from(pipelineRuns)
    .innerJoin(pipelines, eq(pipelines.id, pipelineRuns.pipelineId))
    .leftJoin(users, eq(users.id, pipelineRuns.actorId))
    .where(inArray(pipelineRuns.id, ids))
  return withReasons(
    db,
    rows.map(({ run, pipeline, actor }) => ({ summary: summaryOf(run, pipeline, actor), problems: run.problems })),
  )
}

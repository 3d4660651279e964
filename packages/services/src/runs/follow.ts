import type { Database } from '@juanie/core/database'
import { crashPoint } from '@juanie/core/points'
import { and, asc, eq, gt, lt, sql } from 'drizzle-orm'
import { type RunFacts, runFacts } from './facts.ts'
import type { RunFollower } from './port.ts'
import { isRunOver, runGroups } from './status.ts'
import { pipelineRuns } from './tables.ts'
import { stagesOf, type TriggeredRuns } from './triggers.ts'

interface Parts {
  db: Database
  triggered: TriggeredRuns
  /** Told of a run that is over, until they have answered once. */
  followers: RunFollower[]
}

const batch = 100

/**
 * Tells what follows runs of what has become of them: `announced` of a run says how far that went. Each follower makes
 * what it makes only once, so that a crash in between is made good by telling again.
 */
export class RunFollowing {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async tell(runId: string): Promise<void> {
    const facts = await runFacts(this.#parts.db, runId)
    if (!facts) return
    const { run } = facts
    const stage = stageOf(facts)
    if (run.announced >= stage) return
    await this.#parts.triggered.follow(facts, stagesOf(run.announced, stage))
    if (stage === 3) for (const follower of this.#parts.followers) await follower(facts.run)
    crashPoint('run.before.announce')
    await this.#parts.db
      .update(pipelineRuns)
      .set({ announced: stage })
      .where(and(eq(pipelineRuns.id, runId), eq(pipelineRuns.attempt, run.attempt), lt(pipelineRuns.announced, stage)))
    crashPoint('run.after.announce')
  }

  /** Runs of which something was not told: a server died in between. Answers how many. */
  async turn(after = '00000000-0000-0000-0000-000000000000'): Promise<number> {
    const rows = await this.#parts.db
      .select({ id: pipelineRuns.id })
      .from(pipelineRuns)
      .where(and(gt(pipelineRuns.id, after), lt(pipelineRuns.announced, reached)))
      .orderBy(asc(pipelineRuns.id))
      .limit(batch)
    for (const { id } of rows) await this.tell(id)
    return rows.length < batch ? rows.length : rows.length + (await this.turn(rows.at(-1)!.id))
  }
}

const stageOf = ({ run }: RunFacts): number => (isRunOver(run.status) ? 3 : run.status === 'running' ? 2 : 1)

/** The same, as PostgreSQL says it. */
const reached = sql`case when ${pipelineRuns.status} = 'running' then 2
  when ${pipelineRuns.status} = any(${sql.param([...runGroups.open])}::text[]) then 1 else 3 end`

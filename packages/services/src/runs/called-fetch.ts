import type { Database } from '@juanie/core/database'
import { eq, sql } from 'drizzle-orm'
import { type AdvanceParts, advanceLocked, storedWorkflow } from './advance.ts'
import { calledUnknown } from './call-reasons.ts'
import { calledText } from './called-texts.ts'
import { projectVariables, runFacts, scopeOf } from './facts.ts'
import type { CalledText } from './plan-input.ts'
import { planOf } from './plan-of.ts'
import type { WorkflowSources } from './port.ts'
import { lockJobs } from './rows.ts'
import { pipelineRuns } from './tables.ts'
import { inWork } from './work.ts'

interface Parts extends AdvanceParts {
  db: Database
  sources: WorkflowSources
}

const batch = 50

/**
 * Fetches the workflows of other repositories that jobs call, once for a run: they are kept with it, so that a rerun
 * calls the same text. What cannot be reached is tried again; what does not exist fails the job that calls it.
 */
export class CalledFetch {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async fetch(runId: string): Promise<void> {
    const { db } = this.#parts
    const facts = await runFacts(db, runId)
    const workflow = facts && storedWorkflow(facts.run)
    if (!workflow) return
    const vars = await projectVariables(db, facts.project.projectId)
    const wanted = await db.transaction(async (tx) => {
      const jobs = await lockJobs(tx, runId, facts.run.attempt)
      return planOf(this.#parts, { facts, workflow, vars, jobs }).wanted
    })
    if (wanted.length === 0) return
    const found: Record<string, CalledText> = {}
    const scope = scopeOf(facts.project)
    const sources = {
      resolve: (what: Parameters<WorkflowSources['resolve']>[1]) => this.#parts.sources.resolve(scope, what),
      read: (what: Parameters<WorkflowSources['read']>[1]) => this.#parts.sources.read(scope, what),
    }
    for (const each of wanted) found[each.key] = await calledText(sources, each)
    await inWork(db, async (work) => {
      const locked = await runFacts(work.tx, runId, true)
      if (!locked) return
      locked.run.called = { ...found, ...locked.run.called }
      await work.tx.update(pipelineRuns).set({ called: locked.run.called }).where(eq(pipelineRuns.id, runId))
      await advanceLocked(work, this.#parts, locked)
    })
  }

  /** Runs that wait for a text; answers how many. */
  async turn(failed: (error: unknown) => void): Promise<number> {
    const rows = await this.#parts.db.execute<{ id: string }>(
      sql`
        select distinct r.id from pipeline_runs r join jobs j on j.run_id = r.id and j.attempt = r.attempt
         where r.status in ('queued', 'running') and j.status = 'pending' and j.reason = ${calledUnknown}
         limit ${batch}`,
      'objects',
    )
    for (const { id } of rows) await this.fetch(id).catch(failed)
    return rows.length
  }
}

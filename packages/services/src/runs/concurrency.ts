import type { Database, Transaction } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import { type AdvanceParts, advanceLocked, cancelLocked, moveRun, settle, storedWorkflow } from './advance.ts'
import { type Claim, type ConcurrencyGroup, decideGroup } from './concurrency-group.ts'
import type { ClaimState } from './contract.ts'
import { projectVariables, type RunFacts, type RunRow, runFacts } from './facts.ts'
import { freshJobs } from './plan.ts'
import { lockJobs } from './rows.ts'
import { isRunOver, runGroups } from './status.ts'
import { concurrencyClaims, jobs, pipelineRuns } from './tables.ts'
import { inWork, type Work } from './work.ts'

/** Held until the transaction ends: whoever looks at a group and changes it does so alone. */
const lockGroup = (tx: Transaction, projectId: string, name: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`concurrency ${projectId} ${name}`}, 0))`)

const openRuns = sql`${sql.param([...runGroups.open])}::text[]`
const openJobs = sql`array['pending', 'queued', 'leased', 'running']`
const isOver = sql<boolean>`(${pipelineRuns.status} <> all(${openRuns}) or ${jobs.status} <> all(${openJobs}))`

async function claimsOf(tx: Transaction, projectId: string, name: string) {
  const rows = await tx
    .select({
      claim: concurrencyClaims,
      isOver: sql<boolean>`coalesce(${isOver}, false)`,
      isHeldUp: sql<boolean>`case when ${concurrencyClaims.jobId} is null then ${pipelineRuns.status} = 'blocked'
        else ${jobs.status} = 'pending' and ${jobs.reason} = 'job.concurrency' end`,
    })
    .from(concurrencyClaims)
    .innerJoin(pipelineRuns, eq(pipelineRuns.id, concurrencyClaims.runId))
    .leftJoin(jobs, eq(jobs.id, concurrencyClaims.jobId))
    .where(and(eq(concurrencyClaims.projectId, projectId), eq(concurrencyClaims.name, name)))
    .orderBy(asc(concurrencyClaims.createdAt), asc(concurrencyClaims.id))
  return rows.map(({ claim, ...each }) => ({ ...claim, ...each }))
}

/** A run asks for its group; true when it holds it now. Its row must be there. */
export async function claimGroup(
  tx: Transaction,
  run: Pick<RunRow, 'id' | 'projectId'> & { concurrency: ConcurrencyGroup | null },
): Promise<boolean> {
  const { concurrency } = run
  if (!concurrency) return true
  await lockGroup(tx, run.projectId, concurrency.name)
  const claims = await claimsOf(tx, run.projectId, concurrency.name)
  const isHolding = claims.every((claim) => claim.isOver)
  // Those that are over have left, whether somebody wrote it or not.
  const gone = claims.filter((claim) => claim.isOver).map(({ id }) => id)
  if (gone.length > 0) await tx.delete(concurrencyClaims).where(inArray(concurrencyClaims.id, gone))
  await tx.delete(concurrencyClaims).where(and(eq(concurrencyClaims.runId, run.id), sql`job_id is null`))
  await tx.insert(concurrencyClaims).values({
    projectId: run.projectId,
    runId: run.id,
    ...concurrency,
    state: isHolding ? 'holding' : 'waiting',
  })
  return isHolding
}

interface Parts extends AdvanceParts {
  db: Database
}

const batch = 200

/**
 * Concurrency groups: at most one of a group runs in a project, and one waits, unless the group keeps a queue. Who holds
 * what stands in `concurrency_claims`; the runs are moved afterwards, each in a transaction of its own, so that
 * whatever a crash interrupts is found by looking.
 */
export class ConcurrencyGroups {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Decides one group now. Safe to repeat. */
  async settle(projectId: string, name: string): Promise<void> {
    const runIds = await this.#parts.db.transaction(async (tx) => {
      await lockGroup(tx, projectId, name)
      const all = await claimsOf(tx, projectId, name)
      const over = all.filter((claim) => claim.isOver).map(({ id }) => id)
      if (over.length > 0) await tx.delete(concurrencyClaims).where(inArray(concurrencyClaims.id, over))
      const live = all.filter((claim) => !claim.isOver)
      const { hold, supersede, oust } = decideGroup(live)
      await mark(tx, hold ? [hold] : [], 'holding')
      await mark(tx, supersede, 'superseded')
      await mark(tx, oust ? [oust] : [], 'ousted')
      const stateOf = ({ id, state }: Claim): ClaimState =>
        id === hold ? 'holding' : supersede.includes(id) ? 'superseded' : id === oust ? 'ousted' : state
      const moved = live.filter((claim) => {
        const state = stateOf(claim)
        return state === 'superseded' || state === 'ousted' || (state === 'holding' && claim.isHeldUp)
      })
      return [...new Set(moved.map(({ runId }) => runId))]
    })
    for (const runId of runIds) await inWork(this.#parts.db, (work) => this.#follow(work, runId))
  }

  /** Groups in which something is to be done; answers how many were looked at. */
  async turn(): Promise<number> {
    const groups = await this.#parts.db.execute<{ projectId: string; name: string }>(
      sql`
        select distinct c.project_id as "projectId", c.name
          from concurrency_claims c
          join pipeline_runs r on r.id = c.run_id
          left join jobs j on j.id = c.job_id
         where c.state <> 'holding' or r.status = 'blocked' or j.reason = 'job.concurrency'
            or r.status <> all(${openRuns}) or j.status <> all(${openJobs})
         limit ${batch}`,
      'objects',
    )
    for (const { projectId, name } of groups) await this.settle(projectId, name)
    return groups.length
  }

  /** Brings a run to where its claims say that it stands. */
  async #follow(work: Work, runId: string): Promise<void> {
    const facts = await runFacts(work.tx, runId, true)
    if (!facts || isRunOver(facts.run.status)) return
    const [own] = await work.tx
      .select({ state: concurrencyClaims.state })
      .from(concurrencyClaims)
      .where(and(eq(concurrencyClaims.runId, runId), sql`job_id is null`))
    const { run } = facts
    if (run.status === 'blocked') {
      if (own?.state === 'superseded') await this.#supersede(work, facts)
      else if (own?.state === 'holding') await this.#allow(work, facts)
    } else if (own?.state === 'ousted' && run.cancelRequestedAt === null) {
      await cancelLocked(work, this.#parts, facts)
    } else await advanceLocked(work, this.#parts, facts)
  }

  async #allow(work: Work, facts: RunFacts): Promise<void> {
    const workflow = storedWorkflow(facts.run)
    if (!workflow) return
    await moveRun(work, this.#parts, facts, { move: 'allow' })
    const vars = await projectVariables(work.tx, facts.project.projectId)
    const kept = await lockJobs(work.tx, facts.run.id, facts.run.attempt)
    const planned = kept.length > 0 ? kept : freshJobs(workflow, uuidv7)
    await settle(work, this.#parts, { facts, workflow, vars, jobs: planned })
  }

  /** A newer one of its group waits in its place. */
  async #supersede(work: Work, facts: RunFacts): Promise<void> {
    await moveRun(work, this.#parts, facts, { move: 'supersede', reason: 'run.superseded' })
    await work.tx
      .update(jobs)
      .set({ status: 'canceled', reason: 'run.superseded', finishedAt: sql`now()` })
      .where(and(eq(jobs.runId, facts.run.id), eq(jobs.status, 'pending')))
  }
}

async function mark(tx: Transaction, ids: string[], state: ClaimState): Promise<void> {
  if (ids.length > 0) await tx.update(concurrencyClaims).set({ state }).where(inArray(concurrencyClaims.id, ids))
}

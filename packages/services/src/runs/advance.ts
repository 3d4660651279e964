import { record } from '@juanie/core/events'
import { parseWorkflow, type Workflow } from '@juanie/workflow'
import { and, eq, inArray, sql } from 'drizzle-orm'
import { askToEnd } from './ask-to-end.ts'
import { projectVariables, type RunFacts, type RunRow, runFacts, scopeOf } from './facts.ts'
import type { PlannedJob, PlanResult } from './plan.ts'
import { type Planning, planOf } from './plan-of.ts'
import type { Wakeups } from './port.ts'
import { lockJobs, storeJobs } from './rows.ts'
import { channels } from './signals.ts'
import { isJobOver, nextRunStatus, type RunMove } from './status.ts'
import { pipelineRuns, steps } from './tables.ts'
import { movePoint, type Work } from './work.ts'

export interface AdvanceParts {
  /** Address under which people reach Juanie. */
  url: () => string
  signals: Wakeups
}

/** Does all that can be done now for this run: level-triggered and safe to repeat. Locks the run's row. */
export async function advanceRun(work: Work, parts: AdvanceParts, runId: string): Promise<void> {
  const facts = await runFacts(work.tx, runId, true)
  if (facts) await advanceLocked(work, parts, facts)
}

export async function advanceLocked(
  work: Work,
  parts: AdvanceParts,
  facts: RunFacts,
  locked?: PlannedJob[],
): Promise<void> {
  if (facts.run.status !== 'queued' && facts.run.status !== 'running') return
  const workflow = storedWorkflow(facts.run)
  if (!workflow) return
  const vars = await projectVariables(work.tx, facts.project.projectId)
  const found = locked ?? (await lockJobs(work.tx, facts.run.id, facts.run.attempt))
  await settle(work, parts, { facts, workflow, vars, jobs: found })
}

/**
 * A run is told to end: what waits is canceled now, what runs is told to. Jobs that ask for it (`if: always()`) still run
 * afterwards; a second time ends those too. The run's row must be locked, and the run not over.
 */
export async function cancelLocked(work: Work, parts: AdvanceParts, facts: RunFacts): Promise<void> {
  const { run } = facts
  const isSecond = run.cancelRequestedAt !== null
  const planned = await lockJobs(work.tx, run.id, run.attempt)
  run.cancelRequestedAt ??= new Date()
  await work.tx
    .update(pipelineRuns)
    .set({ cancelRequestedAt: run.cancelRequestedAt })
    .where(eq(pipelineRuns.id, run.id))
  askToEnd(planned, { all: isSecond || run.status === 'blocked' })
  await record(work.tx, scopeOf(facts.project), 'run.cancel_requested', {
    subjectId: run.id,
    data: { number: run.number },
  })
  if (run.status !== 'blocked') return advanceLocked(work, parts, facts, planned)
  // Nothing of it has begun.
  await storeJobs(work, run, planned)
  await moveRun(work, parts, facts, { move: 'cancel', reason: 'run.canceled' })
  if (run.concurrency) tellGroups(work, parts, run.projectId, [run.concurrency.name])
}

export const tellGroups = (work: Work, { signals }: AdvanceParts, projectId: string, names: string[]): void => {
  if (names.length > 0) work.after(() => signals.groupsChanged(projectId, [...new Set(names)]))
}

/** The text was accepted when the run was made; parsing it again gives the same. */
export function storedWorkflow(run: { workflowFile: string; workflowText: string }): Workflow | null {
  const key = `${run.workflowFile}\n${run.workflowText}`
  const known = parsedWorkflows.get(key)
  if (known) return known
  const { workflow } = parseWorkflow(run.workflowFile, run.workflowText)
  if (parsedWorkflows.size >= 100) parsedWorkflows.clear()
  if (workflow) parsedWorkflows.set(key, workflow)
  return workflow
}

const parsedWorkflows = new Map<string, Workflow>()

/** Plans, writes the outcome, and tells those who wait for it once it is committed. */
export async function settle(work: Work, parts: AdvanceParts, planning: Planning): Promise<PlannedJob[]> {
  const { facts } = planning
  const { run } = facts
  const result = planOf(parts, planning)
  await storeJobs(work, run, result.jobs)
  await tellAgents(work, parts, result.jobs)
  tellOthers(work, parts, run, result)
  if (result.end) {
    await endRun(work, parts, facts, result.end)
    if (run.concurrency) tellGroups(work, parts, run.projectId, [run.concurrency.name])
  }
  return result.jobs
}

/** Groups whose members have come or gone, and workflows that must be fetched. */
function tellOthers(work: Work, parts: AdvanceParts, run: RunRow, { jobs, wanted }: PlanResult): void {
  const names = jobs.flatMap(({ concurrency, claim, status, instance }) =>
    concurrency && (claim === null ? instance !== null && status === 'pending' : isJobOver(status))
      ? [concurrency.name]
      : [],
  )
  tellGroups(work, parts, run.projectId, names)
  if (wanted.length > 0) work.after(() => parts.signals.workflowsWanted(run.id))
}

async function tellAgents(work: Work, parts: AdvanceParts, planned: PlannedJob[]): Promise<void> {
  if (planned.some((job) => job.moves.includes('queue') && job.status === 'queued')) {
    await work.tx.execute(sql`select pg_notify(${channels.jobs}, '')`)
    work.after(() => parts.signals.jobsQueued())
  }
  const stopped = planned.flatMap((job) => (job.stop === null ? [] : [job.id]))
  if (stopped.length === 0) return
  await work.tx.execute(
    sql`select pg_notify(${channels.cancel}, id) from unnest(${sql.param(stopped)}::text[]) as stopped(id)`,
  )
  work.after(() => parts.signals.jobsStopped(stopped))
}

/** The only writer of a run's status; its row must be locked. */
export async function moveRun(
  work: Work,
  parts: AdvanceParts,
  facts: RunFacts,
  by: { move: RunMove; reason?: string | null },
): Promise<void> {
  const { move, reason = null } = by
  const { run } = facts
  const status = nextRunStatus(run.status, move)
  if (status === null) throw new Error(`a run that is ${run.status} cannot ${move}`)
  movePoint(work, 'run', move)
  const isStart = move === 'start'
  const isEnd = !isStart && move !== 'queue' && move !== 'rerun' && move !== 'allow' && move !== 'block'
  await work.tx
    .update(pipelineRuns)
    .set({
      status,
      reason,
      ...(isStart && { startedAt: sql`now()` }),
      ...(isEnd && { finishedAt: sql`now()` }),
      ...(move === 'rerun' && {
        attempt: run.attempt,
        startedAt: null,
        finishedAt: null,
        cancelRequestedAt: null,
        announced: 0,
      }),
    })
    .where(eq(pipelineRuns.id, run.id))
  run.status = status
  run.reason = reason
  if (isStart || isEnd) work.after(() => parts.signals.runsChanged([run.id]))
  await recordRun(work, facts, isStart ? 'pipeline.running' : isEnd ? 'run.finished' : 'run.queued')
}

export const recordRun = (work: Work, { run, project }: RunFacts, type: string): Promise<void> =>
  record(work.tx, scopeOf(project), type, {
    subjectId: run.id,
    data: {
      number: run.number,
      attempt: run.attempt,
      status: run.status,
      reason: run.reason,
      ref: run.ref,
      commit: run.commit,
      pipelineId: run.pipelineId,
    },
  })

async function endRun(
  work: Work,
  parts: AdvanceParts,
  facts: RunFacts,
  end: { move: RunMove; reason: string | null },
): Promise<void> {
  // Only a run that never began can be skipped as a whole; and what ends otherwise has begun, if only to fail.
  const move = end.move === 'skip' && facts.run.status === 'running' ? 'succeed' : end.move
  if (facts.run.status === 'queued' && nextRunStatus('queued', move) === null)
    await moveRun(work, parts, facts, { move: 'start' })
  await moveRun(work, parts, facts, { move, reason: move === 'succeed' ? null : end.reason })
}

/** Ends the steps that nobody will report any more, and answers their ids: viewers of their logs must hear of it. */
export async function closeSteps(work: Work, jobId: string, reason: string): Promise<string[]> {
  const ended = await work.tx
    .update(steps)
    .set({
      status: sql`case when ${steps.status} = 'running' then 'failed' else 'canceled' end`,
      reason: sql`case when ${steps.status} = 'running' then ${reason} end`,
      outcome: sql`case when ${steps.status} = 'running' then 'failure' else 'cancelled' end`,
      conclusion: sql`case when ${steps.status} = 'running' then 'failure' else 'cancelled' end`,
      finishedAt: sql`now()`,
    })
    .where(and(eq(steps.jobId, jobId), inArray(steps.status, ['pending', 'running'])))
    .returning({ id: steps.id })
  return ended.map(({ id }) => id)
}

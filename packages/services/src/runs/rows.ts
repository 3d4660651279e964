import type { Transaction } from '@juanie/core/database'
import type { JobInstance } from '@juanie/workflow'
import { and, eq, inArray, isNotNull, sql } from 'drizzle-orm'
import type { ClaimState } from './contract.ts'
import type { PlannedJob } from './plan.ts'
import { concurrencyClaims, jobs, steps } from './tables.ts'
import { movePoint, type Work } from './work.ts'

export type JobRow = typeof jobs.$inferSelect

export const plannedOf = (row: JobRow, claim: ClaimState | null = null): PlannedJob => ({
  id: row.id,
  key: row.key,
  place: row.place,
  repeat: row.repeat,
  name: row.name,
  instance: row.instance,
  needs: row.needs,
  labels: row.labels,
  status: row.status,
  reason: row.reason,
  outputs: row.outputs,
  continueOnError: row.continueOnError,
  environment: row.environment,
  timeoutMs: row.timeoutMs,
  isUnrepeatable: row.isUnrepeatable,
  cancelReason: row.cancelReason,
  carriedFrom: row.carriedFrom,
  concurrency: row.concurrency,
  claim,
  isStored: true,
  isChanged: false,
  moves: [],
  stop: null,
})

/** Jobs of one attempt, locked so that nobody else moves them; the run's row must be locked before. */
export async function lockJobs(tx: Transaction, runId: string, attempt: number): Promise<PlannedJob[]> {
  const rows = await tx
    .select()
    .from(jobs)
    .where(and(eq(jobs.runId, runId), eq(jobs.attempt, attempt)))
    .orderBy(jobs.id)
    .for('update')
  const claims = rows.some(({ concurrency }) => concurrency !== null) ? await jobClaims(tx, runId) : null
  return rows.map((row) => plannedOf(row, claims?.get(row.id) ?? null))
}

async function jobClaims(tx: Transaction, runId: string): Promise<Map<string, ClaimState>> {
  const rows = await tx
    .select({ jobId: concurrencyClaims.jobId, state: concurrencyClaims.state })
    .from(concurrencyClaims)
    .where(and(eq(concurrencyClaims.runId, runId), isNotNull(concurrencyClaims.jobId)))
  return new Map(rows.map(({ jobId, state }) => [jobId!, state]))
}

/** Writes what planning decided: new rows, moved rows, and the steps of what was expanded. */
export async function storeJobs(
  work: Work,
  run: { id: string; projectId: string; attempt: number },
  planned: PlannedJob[],
): Promise<void> {
  for (const job of planned) for (const move of job.moves) movePoint(work, 'job', move)
  const created = planned.filter((job) => !job.isStored)
  if (created.length > 0) await work.tx.insert(jobs).values(created.map((job) => rowOf(job, run)))
  for (const job of planned) {
    if (!job.isStored || (job.moves.length === 0 && job.stop === null && !job.isChanged)) continue
    const { id, projectId: _project, runId: _run, attempt: _attempt, ...changes } = rowOf(job, run)
    await work.tx.update(jobs).set(changes).where(eq(jobs.id, id))
  }
  const expanded = planned.filter(
    (job) => job.instance !== null && job.carriedFrom === null && (!job.isStored || job.moves.includes('queue')),
  )
  await insertSteps(work.tx, run.projectId, expanded)
  const asking = planned.filter(
    ({ concurrency, claim, status, instance }) =>
      concurrency !== null && claim === null && status === 'pending' && instance !== null,
  )
  if (asking.length > 0) {
    await work.tx
      .insert(concurrencyClaims)
      .values(
        asking.map(({ id, concurrency }) => ({
          projectId: run.projectId,
          runId: run.id,
          jobId: id,
          ...concurrency!,
          state: 'waiting' as const,
        })),
      )
      .onConflictDoNothing()
  }
  const dropped = planned.filter((job) => job.isStored && job.status === 'canceled' && job.moves.length > 0)
  if (dropped.length > 0) {
    await work.tx
      .update(steps)
      .set({ status: 'canceled', finishedAt: sql`now()` })
      .where(
        and(
          inArray(
            steps.jobId,
            dropped.map(({ id }) => id),
          ),
          eq(steps.status, 'pending'),
        ),
      )
  }
}

async function insertSteps(
  tx: Transaction,
  projectId: string,
  expanded: { id: string; instance: JobInstance | null }[],
): Promise<void> {
  const rows = expanded.flatMap((job) =>
    (job.instance?.job.steps ?? []).map((step, place) => ({
      projectId,
      jobId: job.id,
      place,
      name: stepName(step),
    })),
  )
  // Rows that are there already: a job of a matrix that waited for its turn.
  for (let from = 0; from < rows.length; from += 2000) {
    await tx
      .insert(steps)
      .values(rows.slice(from, from + 2000))
      .onConflictDoNothing({ target: [steps.jobId, steps.place] })
  }
}

type Step = JobInstance['job']['steps'][number]

/** Until the agent tells the evaluated name. */
function stepName(step: Step): string {
  const name =
    step.name ?? (step.kind === 'run' ? `Run ${step.run.trim().split('\n')[0]}` : 'uses' in step ? step.uses : '')
  return name.slice(0, 1000)
}

const rowOf = (job: PlannedJob, run: { id: string; projectId: string; attempt: number }) => ({
  id: job.id,
  projectId: run.projectId,
  runId: run.id,
  attempt: run.attempt,
  key: job.key,
  place: job.place,
  repeat: job.repeat,
  name: job.name.slice(0, 1000),
  instance: job.instance,
  needs: job.needs,
  labels: job.labels,
  status: job.status,
  reason: job.reason,
  outputs: job.outputs,
  continueOnError: job.continueOnError,
  environment: job.environment,
  timeoutMs: job.timeoutMs,
  isUnrepeatable: job.isUnrepeatable,
  cancelReason: job.cancelReason,
  carriedFrom: job.carriedFrom,
  concurrency: job.concurrency,
  ...(job.moves.includes('queue') && { queuedAt: sql`now()` }),
  ...(['succeeded', 'failed', 'canceled', 'timed_out', 'lost', 'skipped'].includes(job.status) &&
    job.moves.length > 0 && { finishedAt: sql`now()` }),
})

import type { Database } from '@juanie/core/database'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import { eq, sql } from 'drizzle-orm'
import { type AdvanceParts, advanceLocked, closeSteps } from './advance.ts'
import { type RunFacts, runFacts, scopeOf } from './facts.ts'
import { move, type PlannedJob } from './plan.ts'
import { lockJobs } from './rows.ts'
import { channels } from './signals.ts'
import { isJobHeld, type JobMove, jobMoves } from './status.ts'
import { jobs, jobTokens, steps } from './tables.ts'
import { unclaimedHours } from './waiting.ts'
import { inWork, movePoint, type Work } from './work.ts'

/** Ends the right to a job: its number never comes again, so whatever its holder still says is refused. */
export async function revokeLease(work: Work, jobId: string): Promise<void> {
  await work.tx.execute(
    sql`update leases set fence = fence + 1, expires_at = now() - interval '1 second' where subject_id = ${jobId}`,
  )
  await work.tx.delete(jobTokens).where(eq(jobTokens.jobId, jobId))
}

/** The writer of one held job's move that is not planned: taken back, lost, or failed before it began. */
async function moveHeld(work: Work, job: PlannedJob, by: JobMove, reason: string | null): Promise<void> {
  move(job, by, reason)
  movePoint(work, 'job', by)
  const isOver = Object.keys(jobMoves[job.status]).length === 0
  await work.tx
    .update(jobs)
    .set({ status: job.status, reason, ...(isOver ? { finishedAt: sql`now()` } : { agentId: null }) })
    .where(eq(jobs.id, job.id))
  await revokeLease(work, job.id)
  // It is written: what planning does now must not write it again.
  job.moves = []
}

async function lockHeld(
  work: Work,
  runId: string,
  jobId: string,
): Promise<{ facts: RunFacts; all: PlannedJob[]; job: PlannedJob } | null> {
  const facts = await runFacts(work.tx, runId, true)
  if (!facts) return null
  const all = await lockJobs(work.tx, runId, facts.run.attempt)
  const job = all.find(({ id }) => id === jobId)
  return job && isJobHeld(job.status) ? { facts, all, job } : null
}

/**
 * Its agent is gone. It is repeated once from the beginning, unless what it did may not happen twice or nobody wants
 * it any more. False when it is not held any more.
 */
export async function loseJob(work: Work, parts: AdvanceParts, runId: string, jobId: string): Promise<boolean> {
  const held = await lockHeld(work, runId, jobId)
  if (!held) return false
  const { facts, all, job } = held
  await moveHeld(work, job, 'lose', 'job.lost')
  const streams = await closeSteps(work, job.id, 'job.lost')
  await tellStreams(work, parts, streams)
  const isRepeated =
    job.repeat === 1 && !job.isUnrepeatable && job.cancelReason === null && facts.run.cancelRequestedAt === null
  await record(work.tx, scopeOf(facts.project), 'job.lost', {
    subjectId: job.id,
    data: { runId, key: job.key, name: job.name, isRepeated },
  })
  if (isRepeated) {
    const again: PlannedJob = { ...job, id: uuidv7(), repeat: 2, isStored: false, moves: [], outputs: {} }
    again.status = 'pending'
    move(again, 'queue', 'job.repeated')
    all.push(again)
  }
  await advanceLocked(work, parts, facts, all)
  return true
}

/** Its agent lives and never heard of it: back into the queue, as if it had not been given away. */
export async function requeueJob(work: Work, parts: AdvanceParts, runId: string, jobId: string): Promise<boolean> {
  const held = await lockHeld(work, runId, jobId)
  if (held?.job.status !== 'leased') return false
  await moveHeld(work, held.job, 'requeue', null)
  await work.tx.execute(sql`select pg_notify(${channels.jobs}, '')`)
  work.after(() => parts.signals.jobsQueued())
  return true
}

/** It cannot begin, e.g. because a secret cannot be opened. `reason` is a sentence for people. */
export async function failLeased(
  work: Work,
  parts: AdvanceParts,
  job: { runId: string; jobId: string },
  reason: string,
): Promise<boolean> {
  const held = await lockHeld(work, job.runId, job.jobId)
  if (held?.job.status !== 'leased') return false
  await moveHeld(work, held.job, 'fail', reason)
  await work.tx.update(steps).set({ status: 'canceled', finishedAt: sql`now()` }).where(eq(steps.jobId, job.jobId))
  await advanceLocked(work, parts, held.facts, held.all)
  return true
}

/** No agent took it, and none will: a job for another system does not wait for ever. False when it waits no more. */
async function failUnclaimed(work: Work, parts: AdvanceParts, { runId, id }: { runId: string; id: string }) {
  const facts = await runFacts(work.tx, runId, true)
  const all = facts && (await lockJobs(work.tx, runId, facts.run.attempt))
  const job = all?.find((each) => each.id === id)
  if (!facts || job?.status !== 'queued') return false
  await moveHeld(work, job, 'fail', 'job.unclaimed')
  await closeSteps(work, id, 'job.unclaimed')
  await advanceLocked(work, parts, facts, all!)
  return true
}

/** Ends jobs that no agent took for a day; answers how many. */
export async function failAllUnclaimed(db: Database, parts: AdvanceParts): Promise<number> {
  const rows = await db.execute<{ id: string; runId: string }>(
    sql`
      select id, run_id as "runId" from jobs
       where status = 'queued' and queued_at < now() - ${`${unclaimedHours} hours`}::interval
       order by queued_at limit 100`,
    'objects',
  )
  let ended = 0
  for (const row of rows) if (await inWork(db, (work) => failUnclaimed(work, parts, row))) ended++
  return ended
}

/** Viewers of these streams must look again: a step has ended. */
export async function tellStreams(work: Work, parts: AdvanceParts, streamIds: string[]): Promise<void> {
  if (streamIds.length === 0) return
  await work.tx.execute(
    sql`select pg_notify(${channels.logs}, id) from unnest(${sql.param(streamIds)}::text[]) as told(id)`,
  )
  work.after(() => parts.signals.logsStored(streamIds))
}

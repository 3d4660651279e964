import type { Queryable } from '@juanie/core/database'
import type { Problem } from '@juanie/workflow'
import { sql } from 'drizzle-orm'
import type { JobStatus, ListedRun, RunFault, RunSummary, Waiting } from './contract.ts'
import { knownAgents } from './known-agents.ts'
import { isRunOver, runGroups } from './status.ts'
import { waitingOf } from './waiting.ts'

/** Beyond so many open jobs of one page, the runs of the rest show no reason. */
const maxOpenJobs = 5_000

/** Adds to the runs of a page why they failed or what they wait for: two questions for all of them, or none. */
export async function withReasons(
  db: Queryable,
  page: { summary: RunSummary; problems: Problem[] }[],
): Promise<ListedRun[]> {
  const [faults, waits] = await Promise.all([
    faultsOf(
      db,
      page.filter(({ summary }) => isFailed(summary)).map(({ summary }) => summary.id),
    ),
    waitsOf(
      db,
      page.filter(({ summary }) => !isRunOver(summary.status)).map(({ summary }) => summary.id),
    ),
  ])
  return page.map(({ summary, problems }) => ({
    ...summary,
    fault: faults.get(summary.id) ?? faultOfText(problems) ?? faultOfReason(summary),
    waiting: waits.get(summary.id) ?? null,
  }))
}

const isFailed = ({ status }: RunSummary): boolean => (runGroups.failed as readonly string[]).includes(status)

function faultOfText(problems: Problem[]): RunFault | null {
  const first = problems.find(({ severity }) => severity === 'error')
  if (!first) return null
  const place = first.position ? `${first.file}:${first.position.line}: ` : ''
  return { job: null, step: null, exitCode: null, message: `${place}${first.message}`, problem: first }
}

const faultOfReason = (run: RunSummary): RunFault | null =>
  isFailed(run) ? { job: null, step: null, exitCode: null, message: run.reason } : null

export interface FirstFailure extends Record<string, unknown> {
  runId: string
  jobId: string
  job: string
  status: JobStatus
  jobReason: string | null
  stepId: string | null
  place: number | null
  step: string | null
  stepReason: string | null
  exitCode: number | null
  lines: number | null
  /** The message of the last error that the step told of. */
  told: string | null
}

/**
 * The job that failed first in the latest attempt of each run, or in `attempt`, its step, and the last error that the
 * step told of. A job that was lost and repeated, or may fail, is not what the run failed of.
 */
export async function firstFailuresOf(db: Queryable, runIds: string[], attempt?: number): Promise<FirstFailure[]> {
  if (runIds.length === 0) return []
  return db.execute<FirstFailure>(
    sql`
      select f.*, (
               select a.message from annotations a where a.step_id = f."stepId" and a.level = 'error'
                order by a.id desc limit 1
             ) as told
        from (
          select distinct on (r.id) r.id as "runId", j.id as "jobId", j.name as job, j.status, j.reason as "jobReason",
                 s.id as "stepId", s.place, s.name as step, s.reason as "stepReason", s.exit_code as "exitCode", s.lines
            from pipeline_runs r
            join jobs j on j.run_id = r.id and j.attempt = ${attempt ?? sql`r.attempt`}
            and j.status in ('failed', 'timed_out', 'lost') and not j.continue_on_error
            and not exists (
              select from jobs again
               where again.run_id = j.run_id and again.attempt = j.attempt and again.key = j.key
                 and again.place is not distinct from j.place and again.repeat > j.repeat
            )
            left join lateral (
              select s.* from steps s
               where s.job_id = coalesce(j.carried_from, j.id) and s.conclusion = 'failure'
               order by s.place limit 1
            ) s on true
           where r.id = any(${sql.param(runIds)}::uuid[])
           order by r.id, j.finished_at, j.id
        ) f`,
    'objects',
  )
}

async function faultsOf(db: Queryable, runIds: string[]): Promise<Map<string, RunFault>> {
  const rows = await firstFailuresOf(db, runIds)
  return new Map(rows.map((row) => [row.runId, faultOf(row)]))
}

const maxMessage = 1_000

export const faultOf = ({ job, step, exitCode, told, stepReason, jobReason }: FirstFailure): RunFault => ({
  job,
  step,
  exitCode,
  message: (told ?? stepReason ?? jobReason)?.slice(0, maxMessage) ?? null,
})

interface OpenJob extends Record<string, unknown> {
  runId: string
  key: string
  name: string
  status: JobStatus
  labels: string[]
  needs: string[]
  reason: string | null
}

async function waitsOf(db: Queryable, runIds: string[]): Promise<Map<string, Waiting & { job: string }>> {
  if (runIds.length === 0) return new Map()
  const open = await db.execute<OpenJob>(
    sql`
      select j.run_id as "runId", j.key, j.name, j.status, j.labels, j.needs, j.reason
        from pipeline_runs r join jobs j on j.run_id = r.id and j.attempt = r.attempt
       where r.id = any(${sql.param(runIds)}::uuid[]) and j.status in ('pending', 'queued', 'leased', 'running')
       order by j.id limit ${maxOpenJobs}`,
    'objects',
  )
  const { agents } = await knownAgents(db)
  const found = new Map<string, Waiting & { job: string }>()
  for (const runId of runIds) {
    const jobs = open.filter((job) => job.runId === runId)
    if (jobs.some(({ status }) => status === 'running')) continue
    const first = jobs.find(({ status }) => status === 'queued' || status === 'leased') ?? jobs[0]
    const waiting = first && waitingOf(first, jobs, agents)
    if (waiting) found.set(runId, { ...waiting, job: first.name })
  }
  return found
}

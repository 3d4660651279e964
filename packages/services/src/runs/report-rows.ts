import type { Transaction } from '@juanie/core/database'
import type { Outcome } from '@juanie/workflow'
import { sql } from 'drizzle-orm'
import type { JobStatus, StepStatus } from './contract.ts'
import { channels } from './signals.ts'

export interface HeldJob {
  id: string
  runId: string
  projectId: string
  name: string
  status: JobStatus
  /** Places of its deploy steps: once one has begun, the job is not repeated by itself. */
  deployPlaces: number[]
}

export interface StepRow {
  id: string
  jobId: string
  place: number
  name: string
  status: StepStatus
  outcome: Outcome | null
  conclusion: Outcome | null
  exitCode: number | null
  reason: string | null
  summary: string | null
  lines: number
  startedAt: string | null
  finishedAt: string | null
}

/** Those of the jobs that this agent was given and that are not over, locked. */
export async function lockHeldJobs(tx: Transaction, agentId: string, ids: string[]): Promise<Map<string, HeldJob>> {
  const rows = await tx.execute<HeldJob & { deployPlaces: number[] | null }>(
    sql`
      select j.id, j.run_id as "runId", j.project_id as "projectId", j.name, j.status, (
               select array_agg((e.ord - 1)::int)
                 from jsonb_array_elements(j.instance -> 'job' -> 'steps') with ordinality as e(step, ord)
                where e.step ->> 'action' = 'deploy'
             ) as "deployPlaces"
        from jobs j
       where j.id = any(${sql.param(ids)}::uuid[]) and j.agent_id = ${agentId} and j.status in ('leased', 'running')
       order by j.id
         for update of j`,
    'objects',
  )
  return new Map(rows.map((row) => [row.id, { ...row, deployPlaces: row.deployPlaces ?? [] }]))
}

/** By `<job> <place>`, locked. */
export async function lockSteps(
  tx: Transaction,
  places: { jobId: string; place: number }[],
): Promise<Map<string, StepRow>> {
  if (places.length === 0) return new Map()
  const rows = await tx.execute<StepRow & Record<string, unknown>>(
    sql`
      select s.id, s.job_id as "jobId", s.place, s.name, s.status, s.outcome, s.conclusion, s.exit_code as "exitCode",
             s.reason, s.summary, s.lines, s.started_at as "startedAt", s.finished_at as "finishedAt"
        from steps s
       where s.job_id = any(${sql.param([...new Set(places.map(({ jobId }) => jobId))])}::uuid[])
         and s.place = any(${sql.param([...new Set(places.map(({ place }) => place))])}::int[])
       order by s.id
         for update of s`,
    'objects',
  )
  return new Map(rows.map((row) => [`${row.jobId} ${row.place}`, row]))
}

/**
 * All changes of a request at once: a job of 200 steps must not cost 400 statements. Those who watch the runs hear of
 * it when the transaction commits.
 */
export async function saveSteps(tx: Transaction, changed: StepRow[]): Promise<void> {
  await tx.execute(
    sql`
      with saved as (
        update steps s
           set name = c.name, status = c.status, outcome = c.outcome, conclusion = c.conclusion,
               exit_code = c."exitCode", reason = c.reason, summary = c.summary, started_at = c."startedAt",
               finished_at = c."finishedAt"
          from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb) as c(
                 id uuid, name text, status text, outcome text, conclusion text, "exitCode" int, reason text,
                 summary text, "startedAt" timestamptz, "finishedAt" timestamptz)
         where s.id = c.id
        returning s.job_id
      )
      select pg_notify(${channels.steps}, told.payload) from (
        select distinct concat_ws(' ', p.organization_id, p.id, j.run_id) as payload
          from saved join jobs j on j.id = saved.job_id join projects p on p.id = j.project_id
      ) told`,
    'objects',
  )
}

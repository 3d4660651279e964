import type { Queryable } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import type { AttemptView, RunStatus } from './contract.ts'
import type { RunRow } from './facts.ts'

const most = 100

interface AttemptRow extends Record<string, unknown> {
  number: number
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  isStopped: boolean
  isFailed: boolean
  isLate: boolean
  isCanceled: boolean
  isSkipped: boolean
}

/** The attempts of a run. What an earlier one came to is read from its jobs, as `plan` ends a run by them. */
export async function attemptsOf(db: Queryable, run: RunRow): Promise<AttemptView[]> {
  const latest: AttemptView = {
    number: run.attempt,
    status: run.status,
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
  }
  if (run.attempt === 1) return [latest]
  const rows = await db.execute<AttemptRow>(
    sql`
      select j.attempt as number,
             to_json(min(j.created_at)) #>> '{}' as "createdAt",
             to_json(min(j.started_at) filter (where j.carried_from is null)) #>> '{}' as "startedAt",
             to_json(max(j.finished_at)) #>> '{}' as "finishedAt",
             bool_or(j.reason = 'run.canceled' or j.cancel_reason = 'canceled') as "isStopped",
             bool_or(j.status in ('failed', 'lost') and not j.continue_on_error) as "isFailed",
             bool_or(j.status = 'timed_out' and not j.continue_on_error) as "isLate",
             bool_or(j.status = 'canceled') as "isCanceled",
             bool_and(j.status = 'skipped') as "isSkipped"
        from jobs j
       where j.run_id = ${run.id} and j.attempt > ${run.attempt - most}
         and not exists (
           select from jobs again
            where again.run_id = j.run_id and again.attempt = j.attempt and again.key = j.key
              and again.place is not distinct from j.place and again.repeat > j.repeat
         )
       group by j.attempt order by j.attempt`,
    'objects',
  )
  return rows.map(({ number, createdAt, startedAt, finishedAt, ...row }) =>
    number === run.attempt
      ? { ...latest, createdAt: instant(createdAt)! }
      : {
          number,
          status: statusOf(row),
          createdAt: instant(createdAt)!,
          startedAt: instant(startedAt),
          finishedAt: instant(finishedAt),
        },
  )
}

const instant = (text: string | null): string | null => text && new Date(text).toISOString()

function statusOf(row: Pick<AttemptRow, 'isStopped' | 'isFailed' | 'isLate' | 'isCanceled' | 'isSkipped'>): RunStatus {
  if (row.isStopped && (row.isCanceled || row.isFailed || row.isLate)) return 'canceled'
  if (row.isFailed) return 'failed'
  if (row.isLate) return 'timed_out'
  if (row.isCanceled) return 'canceled'
  return row.isSkipped ? 'skipped' : 'succeeded'
}

import type { Transaction } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { sql } from 'drizzle-orm'

/**
 * Makes the rows of what an agent does besides the steps of the file, such as the `post` scripts of actions. Only for
 * a job that it holds by this very number; what is there already stays as it is.
 */
export async function addSteps(
  tx: Transaction,
  agentId: string,
  wanted: { jobId: string; fence: number; place: number }[],
): Promise<void> {
  await tx.execute(
    sql`
      insert into steps (id, project_id, job_id, place, name, status)
      select w.id, j.project_id, j.id, w.place, '', 'pending'
        from unnest(
               ${sql.param(wanted.map(() => uuidv7()))}::uuid[],
               ${sql.param(wanted.map(({ jobId }) => jobId))}::uuid[],
               ${sql.param(wanted.map(({ fence }) => fence))}::bigint[],
               ${sql.param(wanted.map(({ place }) => place))}::int[]
             ) as w(id, job_id, fence, place)
        join jobs j on j.id = w.job_id and j.agent_id = ${agentId} and j.status in ('leased', 'running')
        join leases l on l.subject_id = j.id and l.owner = ${agentId} and l.fence = w.fence
       where w.place < 0 or w.place >= jsonb_array_length(j.instance -> 'job' -> 'steps')
       order by w.job_id, w.place
      on conflict (job_id, place) do nothing`,
  )
}

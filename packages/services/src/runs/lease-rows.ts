import { type Database, type Queryable, runNamed } from '@juanie/core/database'
import { secretHash } from '@juanie/core/ids'
import { leaseMs } from '@juanie/core/leases'
import type { JobInstance } from '@juanie/workflow'
import { sql } from 'drizzle-orm'
import type { Person, ProjectFacts, RunRow } from './facts.ts'
import { jobMoves } from './status.ts'
import { pipelineRuns } from './tables.ts'

export interface LeasedRow {
  id: string
  attempt: number
  key: string
  needs: string[]
  instance: JobInstance
  environment: string | null
  timeoutMs: number
  fence: number
  gitToken: string
  runId: string
  project: ProjectFacts
  workflowName: string
  actor: Person | null
  /** Of the project, and of its environments by name, which win. */
  variables: { environment: string | null; name: string; value: string }[]
}

/** A git token is good while its job is leased; this only bounds what a forgotten row is worth. */
const tokenSlackMs = 3_600_000

/** Jobs that wait for an agent, oldest first, after a place in that order. */
export const queuedJobs = (db: Queryable, after: { queuedAt: string; id: string } | null, limit: number) =>
  db.execute<{ id: string; labels: string[]; queuedAt: string }>(
    sql`
      select id, labels, queued_at::text as "queuedAt" from jobs
       where status = 'queued'
         ${after ? sql`and (queued_at, id) > (${after.queuedAt}::timestamptz, ${after.id}::uuid)` : sql``}
       order by queued_at, id limit ${limit}`,
    'objects',
  )

/**
 * Gives this agent as many of the jobs as it has free slots, in one statement: what another server is just giving
 * away is skipped. Only the process that speaks for the agent now gets anything.
 */
export async function leaseJobs(
  db: Database,
  agent: { id: string; incarnation: string },
  jobIds: string[],
  tokens: string[],
): Promise<LeasedRow[]> {
  const rows = await runNamed<Record<string, unknown>>(
    db,
    'lease_jobs',
    sql`
      with mine as (
        select a.slots - (
                 select count(*) from jobs h where h.agent_id = a.id and h.status in ('leased', 'running')
               ) as free
          from agents a where a.id = ${agent.id} and a.incarnation = ${agent.incarnation}
      ), picked as (
        select j.id from jobs j
         where j.id = any(${sql.param(jobIds)}::uuid[]) and j.status = 'queued'
         order by j.queued_at, j.id
         limit least(coalesce((select greatest(free, 0) from mine), 0), ${tokens.length})
           for update of j skip locked
      ), leased as (
        update jobs j set status = ${jobMoves.queued.lease}, agent_id = ${agent.id}, reason = null, cancel_reason = null
          from picked where j.id = picked.id
        returning j.*
      ), fenced as (
        insert into leases (subject_id, kind, owner, fence, expires_at)
        select id, 'job', ${agent.id}, 1, now() + ${`${leaseMs} milliseconds`}::interval from picked
        on conflict (subject_id) do update
          set owner = excluded.owner, fence = leases.fence + 1, expires_at = excluded.expires_at
        returning subject_id, fence
      ), given as (
        select l.id, f.fence, t.token, t.hash
          from (select id, row_number() over (order by id) as place from leased) l
          join fenced f on f.subject_id = l.id
          join unnest(${sql.param(tokens)}::text[], ${sql.param(tokens.map(secretHash))}::text[])
               with ordinality as t(token, hash, place) using (place)
      ), kept as (
        insert into job_tokens (hash, job_id, project_id, fence, expires_at)
        select g.hash, l.id, l.project_id, g.fence,
               now() + ((l.timeout_ms::bigint + ${tokenSlackMs}) || ' milliseconds')::interval
          from leased l join given g on g.id = l.id
      )
      select l.id, l.attempt, l.key, l.needs, l.instance, l.environment, l.timeout_ms as "timeoutMs", l.run_id as "runId",
             g.fence, g.token as "gitToken", pi.name as "workflowName",
             jsonb_build_object(
               'projectId', p.id, 'project', p.slug, 'organizationId', o.id, 'organization', o.slug,
               'repositoryId', re.id, 'defaultBranch', re.default_branch
             ) as project,
             case when u.id is not null then jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) end as actor,
             coalesce((
               select jsonb_agg(jsonb_build_object('environment', e.name, 'name', v.name, 'value', v.value))
                 from variables v left join environments e on e.id = v.environment_id
                where v.project_id = l.project_id and (v.environment_id is null or e.name = l.environment)
             ), '[]') as variables
        from leased l
        join given g on g.id = l.id
        join pipeline_runs r on r.id = l.run_id
        join pipelines pi on pi.id = r.pipeline_id
        join projects p on p.id = l.project_id
        join organizations o on o.id = p.organization_id
        join repositories re on re.project_id = p.id and re.deleted_at is null
        left join users u on u.id = r.actor_id`,
  )
  return rows.map((row) => ({ ...row, fence: Number(row.fence) }) as unknown as LeasedRow)
}

export const runsOf = (db: Queryable, ids: string[]): Promise<RunRow[]> =>
  db
    .select()
    .from(pipelineRuns)
    .where(sql`${pipelineRuns.id} = any(${sql.param(ids)}::uuid[])`)

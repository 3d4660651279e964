import { type SQL, sql } from 'drizzle-orm'
import { activeStatuses, deploymentOutcomes } from '../deployments/contract.ts'
import { failedDays, type MatterList, patienceMs } from './contract.ts'

const words = (all: readonly string[]) => sql.raw(all.map((one) => `'${one}'`).join(', '))
const milliseconds = (ms: number) => sql.raw(`interval '${ms} milliseconds'`)

const failedRuns = words(['failed', 'timed_out', 'invalid'])
const decidedRuns = words(['succeeded', 'failed', 'timed_out', 'invalid'])
const failedDeployments = words(deploymentOutcomes.failed)
const inLine = words(['queued', 'waiting'])
const active = words(activeStatuses)
const lately = sql.raw(`now() - interval '${failedDays} days'`)
const longAgo = sql`now() - ${milliseconds(patienceMs)}`

const runKey = (at: string) => sql.raw(`'run' as kind, r.id, r.project_id, ${at} as at`)
const deploymentKey = (at: string) => sql.raw(`'deployment' as kind, d.id, d.project_id, ${at} as at`)

/**
 * Of each pipeline, on each branch that an environment follows and on the default one: the latest that was decided. What
 * is no longer in the branch cannot be mended there, and asks for nobody.
 */
const brokenBranches = sql`
  select ${runKey('r.finished_at')}
    from own join pipelines l on l.project_id = own.id
   cross join lateral (
     select 'refs/heads/' || b.default_branch as ref from repositories b
      where b.project_id = own.id and b.deleted_at is null and b.default_branch is not null
      union
     select 'refs/heads/' || (e.config -> 'follows' ->> 'branch') from environments e
      where e.project_id = own.id and e.deleted_at is null and e.config -> 'follows' ->> 'branch' is not null
   ) f
    join repositories b on b.project_id = own.id and b.deleted_at is null
    join repository_refs h on h.repository_id = b.id and h.ref = f.ref and (h.workflows is null or h.workflows ? l.file)
   cross join lateral (
     select r.* from pipeline_runs r
      where r.pipeline_id = l.id and r.ref = f.ref and r.status in (${decidedRuns})
      order by r.number desc limit 1
   ) r
   where r.status in (${failedRuns}) and r.finished_at > ${lately}`

/** What took the place of it, or was withdrawn, decides nothing. */
const brokenEnvironments = sql`
  select ${deploymentKey('coalesce(d.finished_at, d.created_at)')}
    from own join environments e on e.project_id = own.id and e.deleted_at is null
   cross join lateral (
     select d.* from deployments d
      where d.environment_id = e.id and d.status not in ('canceled', 'superseded')
      order by d.number desc limit 1
   ) d
   where d.status in (${failedDeployments})`

/** An environment whose host is silent is unknown; one that is missing was never deployed to. */
const sickEnvironments = sql`
  select 'environment' as kind, e.id, e.project_id, e.updated_at as at
    from own join environments e on e.project_id = own.id and e.deleted_at is null
   where e.health in ('degraded', 'unknown')`

const blockedRuns = sql`
  select ${runKey('r.created_at')}
    from pipeline_runs r join own on own.id = r.project_id
   where r.status in ('created', 'blocked', 'queued') and (r.status = 'blocked' or r.created_at < ${longAgo})`

/** A run that goes on may still have a job that nobody takes. */
const stuckRuns = sql`
  select ${runKey('min(j.queued_at)')}
    from jobs j join own on own.id = j.project_id join pipeline_runs r on r.id = j.run_id and r.attempt = j.attempt
   where j.status = 'queued' and j.queued_at < ${longAgo} and r.status = 'running'
     and not exists (select from jobs h where h.run_id = r.id and h.attempt = r.attempt and h.status in ('leased', 'running'))
   group by r.id`

const slowDeployments = sql`
  select ${deploymentKey('d.created_at')}
    from deployments d join own on own.id = d.project_id
   where (d.status in (${inLine}) and d.created_at < ${longAgo})
      or (d.status in (${inLine}, ${active}) and d.flagged_at is not null)`

const waitingRuns = sql`
  select ${runKey('r.created_at')}
    from pipeline_runs r join own on own.id = r.project_id where r.status in ('created', 'blocked', 'queued')`
const waitingDeployments = sql`
  select ${deploymentKey('d.created_at')}
    from deployments d join own on own.id = d.project_id where d.status in (${inLine})`

const activeRuns = sql`
  select ${runKey('r.created_at')}
    from pipeline_runs r join own on own.id = r.project_id where r.status = 'running'`
const activeDeployments = sql`
  select ${deploymentKey('d.created_at')}
    from deployments d join own on own.id = d.project_id where d.status in (${active})`

const failedRunsLately = sql`
  select ${runKey('r.finished_at')}
    from pipeline_runs r join own on own.id = r.project_id
   where r.status in (${failedRuns}) and r.finished_at > ${lately}`
const failedDeploymentsLately = sql`
  select ${deploymentKey('d.finished_at')}
    from deployments d join own on own.id = d.project_id
   where d.status in (${failedDeployments}) and d.finished_at > ${lately}`

const broken = [brokenBranches, brokenEnvironments, sickEnvironments]

const parts: Record<MatterList, SQL[]> = {
  attention: [...broken, blockedRuns, stuckRuns, slowDeployments],
  waiting: [waitingRuns, waitingDeployments],
  active: [activeRuns, activeDeployments],
  failed: [failedRunsLately, failedDeploymentsLately],
}

const union = (of: SQL[]) => sql.join(of, sql` union all `)

/** Which things are on a list, the newest first; each is looked at more closely by its kind. */
export const matterKeys = (
  of: { organizationId: string; list: MatterList },
  page: { after: { at: string; id: string } | null; limit: number },
) => sql`
  with own as (select id from projects where organization_id = ${of.organizationId} and deleted_at is null)
  select m.kind, m.id, m.project_id as "projectId", m.at::text as at from (${union(parts[of.list])}) m
   ${page.after ? sql`where (m.at, m.id) < (${page.after.at}::timestamptz, ${page.after.id}::uuid)` : sql``}
   order by m.at desc, m.id desc limit ${page.limit}`

/** How much of a project is broken now: what its icon shows. */
export const brokenCount = (projectId: string) => sql`
  with own as (select ${projectId}::uuid as id)
  select count(*)::int as count from (${union(broken)}) m`

import type { Database } from '@juanie/core/database'
import type { Scope } from '@juanie/core/scope'
import { sql } from 'drizzle-orm'
import { lastId, servingId, type UrlOf } from '../deployments/index.ts'
import { shortRef } from '../runs/index.ts'
import type { ListProjectCards, ProjectCard } from './contract.ts'
import { cursorOf, readCursor } from './cursor.ts'

interface Found extends Record<string, unknown> {
  id: string
  slug: string
  name: string
  createdAt: string
  activeAt: string
  /** As PostgreSQL writes it, to the microsecond: a page goes on exactly there. */
  cursor: string
}

/** The projects of an organization, those in which something happened last first: three questions for any page. */
export async function readProjectCards(
  db: Database,
  scope: Scope,
  { input, url }: { input: ListProjectCards; url: UrlOf },
): Promise<{ rows: ProjectCard[]; next: string | null }> {
  const found = await db.execute<Found>(
    sql`
      select p.id, p.slug, p.name, to_json(p.created_at) #>> '{}' as "createdAt",
             to_json(p.active_at) #>> '{}' as "activeAt", p.active_at::text as cursor
        from (
          select p.*, greatest(p.created_at, last.created_at) as active_at
            from projects p
            left join lateral (
              select e.created_at from project_events e
               where e.project_id = p.id and e.position is not null
               order by e.position desc limit 1
            ) last on true
           where p.organization_id = ${scope.organizationId} and p.deleted_at is null
             ${input.text ? sql`and strpos(lower(p.name || ' ' || p.slug), lower(${input.text})) > 0` : sql``}
        ) p
       ${input.after ? after(input.after) : sql``}
       order by p.active_at desc, p.id desc limit ${input.limit + 1}`,
    'objects',
  )
  const page = found.slice(0, input.limit)
  const ids = page.map(({ id }) => id)
  const [places, runs] = await Promise.all([environmentsOf(db, ids, url), runsOf(db, ids)])
  const last = page.at(-1)
  return {
    rows: page.map(({ cursor: _, createdAt, activeAt, ...project }) => ({
      ...project,
      createdAt: new Date(createdAt).toISOString(),
      activeAt: new Date(activeAt).toISOString(),
      environments: places.get(project.id) ?? [],
      run: runs.get(project.id) ?? null,
    })),
    next: last && found.length > input.limit ? cursorOf({ at: last.cursor, id: last.id }) : null,
  }
}

function after(cursor: string) {
  const { at, id } = readCursor(cursor)
  return sql`where (p.active_at, p.id) < (${at}::timestamptz, ${id}::uuid)`
}

interface EnvironmentRow extends Record<string, unknown> {
  projectId: string
  id: string
  name: string
  health: ProjectCard['environments'][number]['health']
  hostname: string | null
  release: number | null
  last: ProjectCard['environments'][number]['last']
}

async function environmentsOf(db: Database, projectIds: string[], url: UrlOf) {
  const found = new Map<string, ProjectCard['environments']>()
  if (projectIds.length === 0) return found
  const rows = await db.execute<EnvironmentRow>(
    sql`
      select e.project_id as "projectId", e.id, e.name, e.health, r.hostname, s.number as release,
             case when d.id is not null then json_build_object('number', d.number, 'status', d.status) end as last
        from (
          select environments.*, ${servingId} as serving_id, ${lastId} as last_id from environments
           where environments.project_id = any(${sql.param(projectIds)}::uuid[]) and environments.deleted_at is null
        ) e
        left join routes r on r.environment_id = e.id and r.is_default
        left join deployments v on v.id = e.serving_id
        left join releases s on s.id = v.release_id
        left join deployments d on d.id = e.last_id
       order by e.position, e.name`,
    'objects',
  )
  for (const { projectId, hostname, ...one } of rows) {
    const shown = { ...one, url: hostname ? await url(hostname) : '' }
    found.set(projectId, [...(found.get(projectId) ?? []), shown])
  }
  return found
}

interface RunOfProject extends Record<string, unknown> {
  projectId: string
  number: number
  status: NonNullable<ProjectCard['run']>['status']
  title: string
  ref: string
  createdAt: string
}

async function runsOf(db: Database, projectIds: string[]) {
  if (projectIds.length === 0) return new Map<string, NonNullable<ProjectCard['run']>>()
  const rows = await db.execute<RunOfProject>(
    sql`
      select r.project_id as "projectId", r.number, r.status, r.title, r.ref,
             to_json(r.created_at) #>> '{}' as "createdAt"
        from unnest(${sql.param(projectIds)}::uuid[]) p(id)
       cross join lateral (select * from pipeline_runs r where r.project_id = p.id order by r.number desc limit 1) r`,
    'objects',
  )
  return new Map(
    rows.map(({ projectId, ref, createdAt, ...run }) => [
      projectId,
      { ...run, branch: shortRef(ref), createdAt: new Date(createdAt).toISOString() },
    ]),
  )
}

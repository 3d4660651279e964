import type { Database } from '@juanie/core/database'
import type { ProjectScope, Scope } from '@juanie/core/scope'
import { and, eq, inArray } from 'drizzle-orm'
import { flagOf, rowOf, selectDeployments, type UrlOf, waitsForAll } from '../deployments/index.ts'
import { deployments } from '../deployments/tables.ts'
import { environments } from '../environments/tables.ts'
import { hosts } from '../hosts/tables.ts'
import { projects } from '../projects/tables.ts'
import { routes } from '../routes/tables.ts'
import { readListedRuns } from '../runs/index.ts'
import type { ListMatters, Matter } from './contract.ts'
import { cursorOf, readCursor } from './cursor.ts'
import { brokenCount, matterKeys } from './matter-keys.ts'

interface Key extends Record<string, unknown> {
  kind: Matter['kind']
  id: string
  projectId: string
  at: string
}

/** The things on a list with what each is about: a fixed number of questions for any page. */
export async function readMatters(
  db: Database,
  scope: Scope,
  { input, url, now }: { input: ListMatters; url: UrlOf; now: number },
): Promise<{ rows: Matter[]; next: string | null }> {
  const { list, limit } = input
  const page = { after: input.after ? readCursor(input.after) : null, limit: limit + 1 }
  const keys = await db.execute<Key>(matterKeys({ organizationId: scope.organizationId, list }, page), 'objects')
  const shown = keys.slice(0, limit)
  const ids = (kind: Matter['kind']) => shown.filter((key) => key.kind === kind).map(({ id }) => id)
  const [runs, puts, places, owners] = await Promise.all([
    readListedRuns(db, ids('run')),
    deploymentsOf(db, ids('deployment'), { url, now }),
    environmentsOf(db, ids('environment'), url),
    projectsOf(db, [...new Set(shown.map(({ projectId }) => projectId))]),
  ])
  const about = new Map<string, About>([
    ...runs.map((run) => [run.id, { kind: 'run', run }] as const),
    ...puts.map((put) => [put.deployment.id, { kind: 'deployment', ...put }] as const),
    ...places.map((environment) => [environment.id, { kind: 'environment', environment }] as const),
  ])
  const last = shown.at(-1)
  return {
    rows: shown.flatMap(({ id, projectId, at }) => {
      const [own, project] = [about.get(id), owners.get(projectId)]
      // Cleaned away since the keys were read.
      return own && project ? [{ id, at: new Date(at).toISOString(), project, ...own }] : []
    }),
    next: last && keys.length > limit ? cursorOf(last) : null,
  }
}

type About = Matter extends infer M ? (M extends Matter ? Omit<M, 'id' | 'at' | 'project'> : never) : never

export async function countBroken(db: Database, scope: ProjectScope): Promise<{ count: number }> {
  const [row] = await db.execute<{ count: number }>(brokenCount(scope.projectId), 'objects')
  return { count: row?.count ?? 0 }
}

async function deploymentsOf(db: Database, ids: string[], { url, now }: { url: UrlOf; now: number }) {
  if (ids.length === 0) return []
  const rows = await selectDeployments(db).where(inArray(deployments.id, ids))
  const waits = await waitsForAll(
    db,
    rows.map((row) => row.deployment),
    now,
  )
  return Promise.all(
    rows.map(async (row) => ({
      deployment: await rowOf(row, url),
      waitsFor: waits.get(row.deployment.id) ?? null,
      flagged: flagOf(row.deployment),
    })),
  )
}

async function environmentsOf(db: Database, ids: string[], url: UrlOf) {
  if (ids.length === 0) return []
  const rows = await db
    .select({
      id: environments.id,
      name: environments.name,
      health: environments.health,
      hostname: routes.hostname,
      host: hosts.name,
    })
    .from(environments)
    .innerJoin(routes, and(eq(routes.environmentId, environments.id), eq(routes.isDefault, true)))
    .leftJoin(hosts, eq(hosts.id, environments.hostId))
    .where(inArray(environments.id, ids))
  return Promise.all(rows.map(async ({ hostname, ...row }) => ({ ...row, url: await url(hostname) })))
}

async function projectsOf(db: Database, ids: string[]): Promise<Map<string, Matter['project']>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .select({ id: projects.id, slug: projects.slug, name: projects.name })
    .from(projects)
    .where(inArray(projects.id, ids))
  return new Map(rows.map((row) => [row.id, row]))
}

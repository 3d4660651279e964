import type { Database } from '@juanie/core/database'
import type { projectEvents } from '@juanie/core/events'
import { eq, inArray } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { deployments } from '../deployments/tables.ts'
import { environments } from '../environments/tables.ts'
import { agents, hosts } from '../hosts/tables.ts'
import { pipelines } from '../pipelines/tables.ts'
import { projects } from '../projects/tables.ts'
import { releases } from '../releases/tables.ts'
import { shortRef } from '../runs/index.ts'
import { pipelineRuns } from '../runs/tables.ts'
import { users } from '../users/tables.ts'
import type { EventView } from './contract.ts'

type Row = typeof projectEvents.$inferSelect

/**
 * Adds the names that a sentence needs: one question per kind of thing, however many events there are. Names are those
 * of now; what was cleaned away meanwhile stays without one.
 */
export async function withNames(db: Database, rows: Row[]): Promise<EventView[]> {
  if (rows.length === 0) return []
  const mentions = rows.map(mentioned)
  const ids = (of: (mention: Mention) => string | null) => [
    ...new Set(mentions.flatMap((mention) => of(mention) ?? [])),
  ]
  const [people, machines, places, runs, puts, owners] = await Promise.all([
    named(db, users, ids(({ user }) => user).concat(ids(({ person }) => person))),
    hostsOf(
      db,
      ids(({ agent }) => agent),
    ),
    named(
      db,
      environments,
      ids(({ environment }) => environment),
    ),
    runsOf(
      db,
      ids(({ run }) => run),
    ),
    deploymentsOf(
      db,
      ids(({ deployment }) => deployment),
    ),
    projectsOf(
      db,
      ids(({ project }) => project),
    ),
  ])
  const found = <T>(all: Map<string, T>, id: string | null): T | null => (id === null ? null : (all.get(id) ?? null))
  return rows.map((row, index): EventView => {
    const mention = mentions[index]!
    const deployment = found(puts, mention.deployment)
    return {
      id: row.id,
      position: row.position!,
      type: row.type,
      at: row.createdAt.toISOString(),
      actor: {
        kind: row.actorKind as EventView['actor']['kind'],
        name: found(row.actorKind === 'agent' ? machines : people, row.actorId),
      },
      project: found(owners, mention.project),
      run: found(runs, mention.run),
      deployment: deployment?.shown ?? null,
      environment: found(places, mention.environment) ?? deployment?.environment ?? textOf(row.data, 'environment'),
      release: row.type.startsWith('release.') ? numberOf(row.data, 'number') : (deployment?.shown.release ?? null),
      person: found(people, mention.person),
      host: found(machines, mention.agent),
      details: plain(row.data),
    }
  })
}

interface Mention {
  user: string | null
  agent: string | null
  person: string | null
  environment: string | null
  run: string | null
  deployment: string | null
  project: string | null
}

/** Ids that an event names, by what they are of. */
function mentioned(row: Row): Mention {
  const [thing] = row.type.split('.', 1)
  const subject = (...things: string[]) => (things.includes(thing!) ? row.subjectId : null)
  return {
    user: row.actorKind === 'user' ? row.actorId : null,
    agent: row.actorKind === 'agent' ? row.actorId : textOf(row.data, 'agentId'),
    person: row.type.startsWith('organization.member_') ? row.subjectId : null,
    environment: subject('environment') ?? textOf(row.data, 'environmentId'),
    run: subject('run', 'pipeline') ?? textOf(row.data, 'runId'),
    deployment: subject('deployment'),
    project: row.projectId,
  }
}

const textOf = (data: Row['data'], key: string): string | null => (typeof data[key] === 'string' ? data[key] : null)
const numberOf = (data: Row['data'], key: string): number | null => (typeof data[key] === 'number' ? data[key] : null)

/** What is deeper than one level is for programs. */
const plain = (data: Row['data']): EventView['details'] =>
  Object.fromEntries(
    Object.entries(data).filter(
      (entry): entry is [string, string | number | boolean | null] => typeof entry[1] !== 'object' || entry[1] === null,
    ),
  )

async function named(
  db: Database,
  table: PgTable & { id: PgColumn; name: PgColumn },
  ids: string[],
): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await db.select({ id: table.id, name: table.name }).from(table).where(inArray(table.id, ids))
  return new Map(rows.map(({ id, name }) => [id as string, name as string]))
}

async function hostsOf(db: Database, agentIds: string[]): Promise<Map<string, string>> {
  if (agentIds.length === 0) return new Map()
  const rows = await db
    .select({ id: agents.id, name: hosts.name })
    .from(agents)
    .innerJoin(hosts, eq(hosts.id, agents.hostId))
    .where(inArray(agents.id, agentIds))
  return new Map(rows.map(({ id, name }) => [id, name]))
}

async function runsOf(db: Database, ids: string[]): Promise<Map<string, NonNullable<EventView['run']>>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .select({
      id: pipelineRuns.id,
      number: pipelineRuns.number,
      title: pipelineRuns.title,
      ref: pipelineRuns.ref,
      workflow: pipelines.name,
      actor: users.name,
    })
    .from(pipelineRuns)
    .innerJoin(pipelines, eq(pipelines.id, pipelineRuns.pipelineId))
    .leftJoin(users, eq(users.id, pipelineRuns.actorId))
    .where(inArray(pipelineRuns.id, ids))
  return new Map(rows.map(({ id, ref, ...run }) => [id, { ...run, branch: shortRef(ref) }]))
}

async function deploymentsOf(db: Database, ids: string[]) {
  if (ids.length === 0) return new Map<string, never>()
  const rows = await db
    .select({
      id: deployments.id,
      environment: environments.name,
      shown: {
        number: deployments.number,
        release: releases.number,
        kind: deployments.kind,
        requestedBy: users.name,
      },
    })
    .from(deployments)
    .innerJoin(environments, eq(environments.id, deployments.environmentId))
    .innerJoin(releases, eq(releases.id, deployments.releaseId))
    .leftJoin(users, eq(users.id, deployments.requestedBy))
    .where(inArray(deployments.id, ids))
  return new Map(rows.map(({ id, ...row }) => [id, row]))
}

async function projectsOf(db: Database, ids: string[]): Promise<Map<string, NonNullable<EventView['project']>>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .select({ id: projects.id, slug: projects.slug, name: projects.name, deletedAt: projects.deletedAt })
    .from(projects)
    .where(inArray(projects.id, ids))
  return new Map(rows.map(({ deletedAt, ...project }) => [project.id, { ...project, isGone: deletedAt !== null }]))
}

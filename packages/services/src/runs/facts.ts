import { maybeOne, type Queryable } from '@juanie/core/database'
import { type ProjectScope, systemScope } from '@juanie/core/scope'
import { and, eq, isNull } from 'drizzle-orm'
import { organizations } from '../organizations/tables.ts'
import { pipelines } from '../pipelines/tables.ts'
import { projects } from '../projects/tables.ts'
import { repositories } from '../repositories/tables.ts'
import { variables } from '../secrets/tables.ts'
import { users } from '../users/tables.ts'
import { pipelineRuns } from './tables.ts'

export type RunRow = typeof pipelineRuns.$inferSelect

/** The project that a run belongs to, as expressions and addresses name it. */
export interface ProjectFacts {
  projectId: string
  project: string
  organizationId: string
  organization: string
  repositoryId: string
  defaultBranch: string | null
}

export interface Person {
  id: string
  name: string
  email: string
}

export interface RunFacts {
  run: RunRow
  project: ProjectFacts
  workflowName: string
  actor: Person | null
}

export const scopeOf = (project: ProjectFacts): ProjectScope => systemScope(project.organizationId, project.projectId)

const projectColumns = {
  projectId: projects.id,
  project: projects.slug,
  organizationId: organizations.id,
  organization: organizations.slug,
  repositoryId: repositories.id,
  defaultBranch: repositories.defaultBranch,
}

export const projectFacts = (db: Queryable, projectId: string): Promise<ProjectFacts | null> =>
  maybeOne(
    db
      .select(projectColumns)
      .from(projects)
      .innerJoin(organizations, eq(organizations.id, projects.organizationId))
      .innerJoin(repositories, and(eq(repositories.projectId, projects.id), isNull(repositories.deletedAt)))
      .where(eq(projects.id, projectId)),
  )

export const personFacts = (db: Queryable, userId: string): Promise<Person | null> =>
  maybeOne(db.select({ id: users.id, name: users.name, email: users.email }).from(users).where(eq(users.id, userId)))

/** The run with its surroundings; `lock` holds the run's row until the transaction ends. */
export async function runFacts(db: Queryable, runId: string, lock = false): Promise<RunFacts | null> {
  const query = db
    .select({ run: pipelineRuns, project: projectColumns, workflowName: pipelines.name, actor: users })
    .from(pipelineRuns)
    .innerJoin(pipelines, eq(pipelines.id, pipelineRuns.pipelineId))
    .innerJoin(projects, eq(projects.id, pipelineRuns.projectId))
    .innerJoin(organizations, eq(organizations.id, projects.organizationId))
    .innerJoin(repositories, and(eq(repositories.projectId, projects.id), isNull(repositories.deletedAt)))
    .leftJoin(users, eq(users.id, pipelineRuns.actorId))
    .where(eq(pipelineRuns.id, runId))
  const found = await maybeOne(lock ? query.for('update', { of: pipelineRuns }) : query)
  if (!found) return null
  const { actor, ...facts } = found
  return { ...facts, actor: actor && { id: actor.id, name: actor.name, email: actor.email } }
}

/** Variables that hold for every environment of the project: all that planning can see. */
export async function projectVariables(db: Queryable, projectId: string): Promise<Record<string, string>> {
  const rows = await db
    .select({ name: variables.name, value: variables.value })
    .from(variables)
    .where(and(eq(variables.projectId, projectId), isNull(variables.environmentId)))
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

import { type Database, maybeOne, one, type Transaction, violates } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import { paged } from '@juanie/core/pages'
import { crashPoint } from '@juanie/core/points'
import type { ProjectScope, Scope, Session } from '@juanie/core/scope'
import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Page } from '../auth/contract.ts'
import { organizationMembers, organizations } from '../organizations/tables.ts'
import { templates } from '../templates/index.ts'
import type { CreateProject, FindProject, UpdateProject } from './contract.ts'
import type { NewProject, ProjectPart } from './port.ts'
import { projects } from './tables.ts'

/** Places at which a test may kill the server while it makes or deletes a project. */
export const projectPoints = [
  'project.before.create',
  'project.after.create',
  'project.before.delete',
  'project.after.delete',
] as const

/** A project as every surface shows it. */
export interface Project {
  id: string
  slug: string
  name: string
  organization: { id: string; slug: string }
  /** Where `git push` goes. */
  cloneUrl: string
  createdAt: Date
  releasesGreenCommits: boolean
}

export class Projects {
  readonly #db: Database
  readonly #parts: readonly ProjectPart[]
  readonly #url: string

  constructor(deps: { db: Database; parts: readonly ProjectPart[]; url: string }) {
    this.#db = deps.db
    this.#parts = deps.parts
    this.#url = deps.url
  }

  async create(scope: Scope, input: CreateProject): Promise<Project> {
    const id = uuidv7()
    const begun: ProjectPart[] = []
    try {
      const project = await this.#db.transaction(async (tx) => {
        const organization = await one(
          tx
            .select({ id: organizations.id, slug: organizations.slug })
            .from(organizations)
            .where(eq(organizations.id, scope.organizationId)),
        )
        const row = await insertProject(tx, { id, organizationId: organization.id, input })
        const own: ProjectScope = { ...scope, projectId: id }
        const fresh: NewProject = { ...row, organization, files: templates[input.template](input.slug) }
        for (const part of this.#parts) {
          begun.push(part)
          await part.begin(tx, own, fresh)
        }
        await record(tx, own, 'project.created', {
          subjectId: id,
          data: { slug: row.slug, template: input.template },
        })
        crashPoint('project.before.create')
        return this.#shown({ ...row, organization })
      })
      crashPoint('project.after.create')
      return project
    } catch (error) {
      if (await this.#isGone(id)) {
        for (const part of begun.reverse()) await part.undo?.(id).catch(() => {})
      }
      throw error
    }
  }

  /** A connection that broke during the commit tells nothing: only the row does. In doubt nothing is taken back. */
  async #isGone(id: string): Promise<boolean> {
    try {
      const rows = await this.#db.select({ id: projects.id }).from(projects).where(eq(projects.id, id))
      return rows.length === 0
    } catch {
      return false
    }
  }

  async view(scope: ProjectScope): Promise<Project> {
    const row = await maybeOne(
      this.#db
        .select(shown)
        .from(projects)
        .innerJoin(organizations, eq(organizations.id, projects.organizationId))
        .where(and(eq(projects.id, scope.projectId), isNull(projects.deletedAt))),
    )
    if (!row) throw notFound('project')
    return this.#shown(row)
  }

  /** By organization and name as they stand in addresses, among those that the person may see. */
  async find(session: Session, input: FindProject): Promise<Project> {
    const row = await maybeOne(
      this.#db
        .select(shown)
        .from(projects)
        .innerJoin(organizations, eq(organizations.id, projects.organizationId))
        .innerJoin(organizationMembers, eq(organizationMembers.organizationId, organizations.id))
        .where(
          and(
            eq(organizations.slug, input.organization),
            eq(projects.slug, input.project),
            isNull(projects.deletedAt),
            eq(organizationMembers.userId, session.userId),
          ),
        ),
    )
    if (!row) throw notFound('project')
    return this.#shown(row)
  }

  async list(scope: Scope, page: Page): Promise<{ rows: Project[]; next: string | null }> {
    const rows = await this.#db
      .select(shown)
      .from(projects)
      .innerJoin(organizations, eq(organizations.id, projects.organizationId))
      .where(
        and(
          eq(projects.organizationId, scope.organizationId),
          isNull(projects.deletedAt),
          page.after ? gt(projects.id, page.after) : undefined,
        ),
      )
      .orderBy(asc(projects.id))
      .limit(page.limit + 1)
    return paged(
      rows.map((row) => this.#shown(row)),
      page.limit,
    )
  }

  async update(scope: ProjectScope, input: UpdateProject): Promise<Project> {
    await this.#db.transaction(async (tx) => {
      const row = await maybeOne(
        tx
          .update(projects)
          .set({ ...input, updatedAt: sql`now()` })
          .where(and(eq(projects.id, scope.projectId), isNull(projects.deletedAt)))
          .returning({ slug: projects.slug }),
      )
      if (!row) throw notFound('project')
      await record(tx, scope, 'project.updated', { subjectId: scope.projectId, data: { slug: row.slug, ...input } })
    })
    return this.view(scope)
  }

  /** It is gone from every list and address at once; its name and its hostnames are free again. */
  async delete(scope: ProjectScope): Promise<{ id: string }> {
    await this.#db.transaction(async (tx) => {
      const row = await maybeOne(
        tx
          .update(projects)
          .set({ deletedAt: sql`now()`, updatedAt: sql`now()` })
          .where(and(eq(projects.id, scope.projectId), isNull(projects.deletedAt)))
          .returning({ slug: projects.slug }),
      )
      if (!row) throw notFound('project')
      for (const part of this.#parts.toReversed()) await part.end?.(tx, scope)
      await record(tx, scope, 'project.deleted', { subjectId: scope.projectId, data: { slug: row.slug } })
      crashPoint('project.before.delete')
    })
    crashPoint('project.after.delete')
    return { id: scope.projectId }
  }

  #shown(row: Omit<Project, 'cloneUrl'>): Project {
    return { ...row, cloneUrl: `${this.#url}/git/${row.organization.slug}/${row.slug}.git` }
  }
}

const shown = {
  id: projects.id,
  slug: projects.slug,
  name: projects.name,
  organization: { id: organizations.id, slug: organizations.slug },
  createdAt: projects.createdAt,
  releasesGreenCommits: projects.releasesGreenCommits,
}

async function insertProject(
  tx: Transaction,
  { id, organizationId, input }: { id: string; organizationId: string; input: CreateProject },
) {
  try {
    return await one(
      tx
        .insert(projects)
        .values({ id, organizationId, slug: input.slug, name: input.name ?? input.slug })
        .returning({
          id: projects.id,
          slug: projects.slug,
          name: projects.name,
          createdAt: projects.createdAt,
          releasesGreenCommits: projects.releasesGreenCommits,
        }),
    )
  } catch (error) {
    if (!violates(error, 'projects_slug_unique')) throw error
    throw new AppError('conflict', 'project.slug_taken', {
      message: `There is a project ${input.slug} in this organization already. Choose another name.`,
      details: { slug: input.slug },
      cause: error,
    })
  }
}

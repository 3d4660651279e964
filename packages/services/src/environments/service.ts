import { type Database, maybeOne, one, type Queryable, type Transaction, violates } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { isUuid } from '@juanie/core/ids'
import type { ProjectScope } from '@juanie/core/scope'
import { and, asc, eq, isNull, ne, sql } from 'drizzle-orm'
import { organizations } from '../organizations/tables.ts'
import type { NewProject, ProjectPart } from '../projects/port.ts'
import { projects } from '../projects/tables.ts'
import { claimHostname, type EdgeUrls } from '../routes/index.ts'
import { routes } from '../routes/tables.ts'
import {
  type CreateEnvironment,
  type EditEnvironment,
  EnvironmentConfig,
  type EnvironmentDefaults,
  firstEnvironments,
  type Health,
  maxEnvironments,
} from './contract.ts'
import { environments } from './tables.ts'

export interface Environment {
  id: string
  name: string
  position: number
  config: EnvironmentConfig
  health: Health
  sync: 'synced' | 'out_of_sync' | 'unknown'
  hostname: string
  /** Where people find what runs there. */
  url: string
}

/** An environment as it was just written. */
export interface WrittenEnvironment extends Environment {
  /** Others at the same position: a promotion takes the first of them by name, and none to another. */
  samePosition: string[]
}

export class Environments implements ProjectPart {
  readonly #db: Database
  readonly #baseDomain: string
  readonly #reserved: string
  readonly #urls: EdgeUrls
  readonly #defaults: EnvironmentDefaults

  /** `reserved` is the hostname of Juanie itself. */
  constructor(parts: {
    db: Database
    baseDomain: string
    reserved: string
    urls: EdgeUrls
    defaults: EnvironmentDefaults
  }) {
    this.#db = parts.db
    this.#defaults = parts.defaults
    this.#baseDomain = parts.baseDomain
    this.#reserved = parts.reserved
    this.#urls = parts.urls
  }

  async begin(tx: Transaction, scope: ProjectScope, project: NewProject): Promise<void> {
    for (const environment of firstEnvironments) {
      await this.#insert(tx, scope, { ...environment, project: project.slug, organization: project.organization.slug })
    }
  }

  /** Its hostnames are free for others; the edge lets go of them when desired state no longer names them. */
  async end(tx: Transaction, scope: ProjectScope): Promise<void> {
    await tx.delete(routes).where(eq(routes.projectId, scope.projectId))
    await tx
      .update(environments)
      .set({ deletedAt: sql`now()`, updatedAt: sql`now()` })
      .where(and(eq(environments.projectId, scope.projectId), isNull(environments.deletedAt)))
  }

  /** All of a project, in the order of promotion; there are never so many that a page would help. */
  async list(scope: ProjectScope): Promise<Environment[]> {
    const rows = await select(this.#db)
      .where(and(eq(environments.projectId, scope.projectId), isNull(environments.deletedAt)))
      .orderBy(asc(environments.position), asc(environments.name))
      .limit(maxEnvironments)
    return Promise.all(rows.map((row) => this.#shown(row)))
  }

  /** By name or id. */
  async find(db: Queryable, projectId: string, key: string): Promise<Environment> {
    const row = await maybeOne(
      select(db).where(
        and(
          eq(environments.projectId, projectId),
          isUuid(key) ? eq(environments.id, key) : eq(environments.name, key),
          isNull(environments.deletedAt),
        ),
      ),
    )
    if (!row) {
      throw new AppError('not_found', notFound('environment').reason, {
        message: `There is no environment ${isUuid(key) ? 'with this id' : `"${key}"`} in this project. See \`juanie env list\`.`,
      })
    }
    return this.#shown(row)
  }

  /** With what holds where it sets nothing itself. */
  async view(scope: ProjectScope, key: string): Promise<Environment & { defaults: EnvironmentDefaults }> {
    return { ...(await this.find(this.#db, scope.projectId, key)), defaults: this.#defaults }
  }

  async create(scope: ProjectScope, input: CreateEnvironment): Promise<WrittenEnvironment> {
    return this.#db.transaction(async (tx) => {
      const project = await lockProject(tx, scope.projectId)
      const others = await tx
        .select({ position: environments.position })
        .from(environments)
        .where(and(eq(environments.projectId, scope.projectId), isNull(environments.deletedAt)))
      if (others.length >= maxEnvironments) {
        throw new AppError('conflict', 'environment.too_many', {
          message: `A project has at most ${maxEnvironments} environments.`,
        })
      }
      const id = await this.#insert(tx, scope, {
        name: input.name,
        position: input.position ?? 1 + Math.max(0, ...others.map((other) => other.position)),
        config: changed({ follows: null }, input.config),
        project: project.slug,
        organization: project.organization,
      })
      return this.#written(tx, scope, id)
    })
  }

  async edit(scope: ProjectScope, input: EditEnvironment): Promise<WrittenEnvironment> {
    return this.#db.transaction(async (tx) => {
      const { id } = await this.find(tx, scope.projectId, input.environment)
      const current = await one(
        tx
          .select({ config: environments.config, position: environments.position })
          .from(environments)
          .where(eq(environments.id, id))
          .for('update'),
      )
      const config = changed(current.config, input.config)
      const position = input.position ?? current.position
      await tx.update(environments).set({ config, position, updatedAt: sql`now()` }).where(eq(environments.id, id))
      await record(tx, scope, 'environment.edited', { subjectId: id, data: { config, position } })
      return this.#written(tx, scope, id)
    })
  }

  async #insert(
    tx: Transaction,
    scope: ProjectScope,
    input: { name: string; position: number; config: EnvironmentConfig; project: string; organization: string },
  ): Promise<string> {
    const { name, position, config, project, organization } = input
    const { id } = await insertEnvironment(tx, { projectId: scope.projectId, name, position, config })
    const hostname = await claimHostname(
      tx,
      { projectId: scope.projectId, environmentId: id },
      { organization, project, environment: name, baseDomain: this.#baseDomain, reserved: this.#reserved },
    )
    await record(tx, scope, 'environment.created', { subjectId: id, data: { name, position, hostname } })
    return id
  }

  async #written(tx: Transaction, scope: ProjectScope, id: string): Promise<WrittenEnvironment> {
    const environment = await this.find(tx, scope.projectId, id)
    const others = await tx
      .select({ name: environments.name })
      .from(environments)
      .where(
        and(
          eq(environments.projectId, scope.projectId),
          eq(environments.position, environment.position),
          ne(environments.id, id),
          isNull(environments.deletedAt),
        ),
      )
      .orderBy(asc(environments.name))
    return { ...environment, samePosition: others.map(({ name }) => name) }
  }

  async #shown(row: Omit<Environment, 'url'>): Promise<Environment> {
    return { ...row, url: await this.#urls.of(row.hostname) }
  }
}

const select = (db: Queryable) =>
  db
    .select({
      id: environments.id,
      name: environments.name,
      position: environments.position,
      config: environments.config,
      health: environments.health,
      sync: environments.sync,
      hostname: routes.hostname,
    })
    .from(environments)
    .innerJoin(routes, and(eq(routes.environmentId, environments.id), eq(routes.isDefault, true)))

const lockProject = (tx: Transaction, projectId: string) =>
  one(
    tx
      .select({ slug: projects.slug, organization: organizations.slug })
      .from(projects)
      .innerJoin(organizations, eq(organizations.id, projects.organizationId))
      .where(eq(projects.id, projectId))
      .for('update', { of: projects }),
  )

async function insertEnvironment(
  tx: Transaction,
  values: { projectId: string; name: string; position: number; config: EnvironmentConfig },
) {
  try {
    return await one(tx.insert(environments).values(values).returning({ id: environments.id }))
  } catch (error) {
    if (!violates(error, 'environments_name_unique')) throw error
    throw new AppError('conflict', 'environment.name_taken', {
      message: `There is an environment ${values.name} in this project already.`,
      details: { name: values.name },
      cause: error,
    })
  }
}

/** Null takes a setting away; `follows` is the one that null is a value of. */
function changed(config: EnvironmentConfig, changes: CreateEnvironment['config']): EnvironmentConfig {
  const { follows = config.follows, ...settings } = changes ?? {}
  const merged = { ...config, ...settings, follows }
  const kept = Object.entries(merged).filter(([key, value]) => key === 'follows' || (value ?? null) !== null)
  return EnvironmentConfig.parse(Object.fromEntries(kept))
}

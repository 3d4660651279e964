import { type Database, maybeOne, type Queryable } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import type { ProjectScope } from '@juanie/core/scope'
import { and, asc, eq, isNull, or, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { users } from '../users/tables.ts'
import { type DeleteSetting, type ListSettings, maxNames, type SetSetting } from './contract.ts'
import { findPlace, lockSettings, refuseTooMany, refuseTwin } from './place.ts'
import { variables } from './tables.ts'

/** Plain configuration, which everybody in the project may read. */
export class Variables {
  readonly #db: Database

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  /** Of the whole project, or what one environment gets: its own and the project's that it does not set itself. */
  async list(scope: ProjectScope, input: ListSettings) {
    const place = await findPlace(this.#db, scope, input.environment)
    const rows = await this.#db
      .select({
        name: variables.name,
        value: variables.value,
        environment: environments.name,
        updatedBy: users.name,
        updatedAt: variables.updatedAt,
      })
      .from(variables)
      .leftJoin(users, eq(users.id, variables.updatedBy))
      .leftJoin(environments, eq(environments.id, variables.environmentId))
      .where(
        and(
          eq(variables.projectId, scope.projectId),
          place
            ? or(isNull(variables.environmentId), eq(variables.environmentId, place.id))
            : isNull(environments.deletedAt),
        ),
      )
      .orderBy(asc(variables.name), sql`${environments.position} asc nulls first`)
      .limit(2 * maxNames)
    return place ? nearest(rows) : rows
  }

  async set(scope: ProjectScope, input: SetSetting) {
    return this.#db.transaction(async (tx) => {
      const place = await findPlace(tx, scope, input.environment)
      await lockSettings(tx, scope)
      await refuseTwin(tx, scope, { place, name: input.name, kind: 'variable' })
      await refuseTooMany(tx, scope)
      const at = and(
        eq(variables.projectId, scope.projectId),
        place ? eq(variables.environmentId, place.id) : isNull(variables.environmentId),
        eq(variables.name, input.name),
      )
      const updatedBy = scope.actor.kind === 'user' ? scope.actor.id : null
      const changed = await maybeOne(
        tx
          .update(variables)
          .set({ value: input.value, updatedBy, updatedAt: sql`now()` })
          .where(at)
          .returning({ id: variables.id }),
      )
      const row =
        changed ??
        (await maybeOne(
          tx
            .insert(variables)
            .values({
              projectId: scope.projectId,
              environmentId: place?.id ?? null,
              name: input.name,
              value: input.value,
              updatedBy,
            })
            .returning({ id: variables.id }),
        ))
      await record(tx, scope, 'variable.set', {
        subjectId: row!.id,
        data: { name: input.name, environment: place?.name ?? null },
      })
      return { name: input.name, environment: place?.name ?? null }
    })
  }

  async delete(scope: ProjectScope, input: DeleteSetting) {
    return this.#db.transaction(async (tx) => {
      const place = await findPlace(tx, scope, input.environment)
      const row = await maybeOne(
        tx
          .delete(variables)
          .where(
            and(
              eq(variables.projectId, scope.projectId),
              place ? eq(variables.environmentId, place.id) : isNull(variables.environmentId),
              eq(variables.name, input.name),
            ),
          )
          .returning({ id: variables.id }),
      )
      if (!row) throw missing('variable', input, place?.name)
      await record(tx, scope, 'variable.deleted', {
        subjectId: row.id,
        data: { name: input.name, environment: place?.name ?? null },
      })
      return { name: input.name, environment: place?.name ?? null }
    })
  }

  /** What a run's `vars` hold: the project's, and those of the job's environment before them. */
  async forRun(projectId: string, environmentName: string | null): Promise<Record<string, string>> {
    const rows = await readVariables(this.#db, projectId, { name: environmentName })
    return Object.fromEntries(nearest(rows).map(({ name, value }) => [name, value]))
  }
}

export const readVariables = (
  db: Queryable,
  projectId: string,
  environment: { id: string } | { name: string | null },
) =>
  db
    .select({ name: variables.name, value: variables.value, environment: environments.name })
    .from(variables)
    .leftJoin(environments, eq(environments.id, variables.environmentId))
    .where(
      and(
        eq(variables.projectId, projectId),
        or(
          isNull(variables.environmentId),
          'id' in environment
            ? eq(environments.id, environment.id)
            : environment.name === null
              ? undefined
              : and(eq(environments.name, environment.name), isNull(environments.deletedAt)),
        ),
      ),
    )
    .orderBy(asc(variables.name))

/** One of each name: an environment's own wins over the project's. */
export function nearest<T extends { name: string; environment: string | null }>(rows: T[]): T[] {
  const byName = new Map<string, T>()
  for (const row of rows) {
    if (row.environment !== null || !byName.has(row.name)) byName.set(row.name, row)
  }
  return [...byName.values()]
}

const gone = { variable: 'variable.not_found', secret: 'secret.not_found' } as const

export const missing = (kind: 'variable' | 'secret', { name }: { name: string }, environment?: string) =>
  new AppError('not_found', gone[kind], {
    message: environment
      ? `There is no ${kind} ${name.slice(0, 200)} in the environment ${environment}.`
      : `There is no ${kind} ${name.slice(0, 200)} for the whole project; name an environment with \`-e\`.`,
  })

import { maybeOne, type Queryable, type Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { isUuid } from '@juanie/core/ids'
import type { ProjectScope } from '@juanie/core/scope'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { projects } from '../projects/tables.ts'
import { maxNames } from './contract.ts'
import { secrets, variables } from './tables.ts'

export interface Place {
  id: string
  name: string
}

/** The environment of this project that a setting is for; null for the project itself. */
export async function findPlace(db: Queryable, scope: ProjectScope, key: string | undefined): Promise<Place | null> {
  if (key === undefined) return null
  const place = await maybeOne(
    db
      .select({ id: environments.id, name: environments.name })
      .from(environments)
      .where(
        and(
          eq(environments.projectId, scope.projectId),
          isUuid(key) ? eq(environments.id, key) : eq(environments.name, key),
          isNull(environments.deletedAt),
        ),
      ),
  )
  if (place) return place
  throw new AppError('not_found', 'environment.not_found', {
    message: `environment: there is no environment "${key}" in this project. See \`juanie env list\`.`,
  })
}

/** Settings of one project are changed one after the other, so that what is checked still holds when it is written. */
export async function lockSettings(tx: Transaction, scope: ProjectScope): Promise<void> {
  await tx.select({ id: projects.id }).from(projects).where(eq(projects.id, scope.projectId)).for('no key update')
}

const taken = { variable: 'variable.name_taken', secret: 'secret.name_taken' } as const

/** A program has one variable of a name: at one place it is a secret or it is not. */
export async function refuseTwin(
  tx: Transaction,
  scope: ProjectScope,
  { place, name, kind }: { place: Place | null; name: string; kind: 'variable' | 'secret' },
): Promise<void> {
  const other = kind === 'variable' ? secrets : variables
  const twin = await maybeOne(
    tx
      .select({ id: other.id })
      .from(other)
      .where(
        and(
          eq(other.projectId, scope.projectId),
          place ? eq(other.environmentId, place.id) : isNull(other.environmentId),
          eq(other.name, name),
          kind === 'variable' ? isNull(secrets.deletedAt) : undefined,
        ),
      ),
  )
  if (!twin) return
  const otherKind = kind === 'variable' ? 'secret' : 'variable'
  throw new AppError('conflict', taken[kind], {
    message: `name: ${name} is a ${otherKind} here. Delete it first: \`juanie ${otherKind} delete ${name}\`.`,
    details: { name },
  })
}

export async function refuseTooMany(tx: Transaction, scope: ProjectScope): Promise<void> {
  const count = (table: typeof variables | typeof secrets) =>
    sql<number>`(select count(*) from ${table} where project_id = ${scope.projectId})::int`
  const [row] = await tx
    .select({ total: sql<number>`${count(variables)} + ${count(secrets)}` })
    .from(sql`(select 1) one`)
  if (row!.total < maxNames) return
  throw new AppError('conflict', 'setting.too_many', {
    message: `A project has at most ${maxNames} variables and secrets.`,
  })
}

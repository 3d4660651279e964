import { seal, unseal } from '@juanie/core/crypto'
import { type Database, maybeOne, one, type Queryable, type Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import { crashPoint } from '@juanie/core/points'
import type { ProjectScope } from '@juanie/core/scope'
import { and, asc, eq, inArray, isNull, or, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { projects } from '../projects/tables.ts'
import { users } from '../users/tables.ts'
import { type DeleteSetting, type FrozenSecret, type ListSettings, maxNames, type SetSetting } from './contract.ts'
import type { DataKeys } from './keys.ts'
import { findPlace, lockSettings, refuseTooMany, refuseTwin } from './place.ts'
import { secrets, secretVersions } from './tables.ts'
import { missing, nearest, readVariables } from './variables.ts'

/** Places at which a test may kill the server while it sets a secret. */
export const secretPoints = ['secret.before.set', 'secret.after.set'] as const

/** Whose values they are. */
interface Owner {
  organizationId: string
  projectId: string
}

/** Values that only programs get to see. They are sealed by a key of the organization, and bound to their place. */
export class Secrets {
  readonly #db: Database
  readonly #keys: DataKeys

  constructor(parts: { db: Database; keys: DataKeys }) {
    this.#db = parts.db
    this.#keys = parts.keys
  }

  /** Names and versions: of the whole project, or what one environment gets. */
  async list(scope: ProjectScope, input: ListSettings) {
    const place = await findPlace(this.#db, scope, input.environment)
    const rows = await this.#db
      .select({
        name: secrets.name,
        environment: environments.name,
        version: secrets.lastVersion,
        updatedBy: users.name,
        updatedAt: secrets.updatedAt,
      })
      .from(secrets)
      .leftJoin(
        secretVersions,
        and(eq(secretVersions.secretId, secrets.id), eq(secretVersions.version, secrets.lastVersion)),
      )
      .leftJoin(users, eq(users.id, secretVersions.createdBy))
      .leftJoin(environments, eq(environments.id, secrets.environmentId))
      .where(
        and(
          eq(secrets.projectId, scope.projectId),
          isNull(secrets.deletedAt),
          place
            ? or(isNull(secrets.environmentId), eq(secrets.environmentId, place.id))
            : isNull(environments.deletedAt),
        ),
      )
      .orderBy(asc(secrets.name), sql`${environments.position} asc nulls first`)
      .limit(2 * maxNames)
    return place ? nearest(rows) : rows
  }

  /** A new version; deployments that froze an older one keep it. */
  async set(scope: ProjectScope, input: SetSetting) {
    crashPoint('secret.before.set')
    const shown = await this.#db.transaction(async (tx) => {
      const place = await findPlace(tx, scope, input.environment)
      await lockSettings(tx, scope)
      await refuseTwin(tx, scope, { place, name: input.name, kind: 'secret' })
      await refuseTooMany(tx, scope)
      const secret =
        (await maybeOne(
          tx
            .update(secrets)
            .set({ lastVersion: sql`${secrets.lastVersion} + 1`, updatedAt: sql`now()` })
            .where(at(scope, place, input.name))
            .returning({ id: secrets.id, version: secrets.lastVersion }),
        )) ??
        (await one(
          tx
            .insert(secrets)
            .values({ projectId: scope.projectId, environmentId: place?.id ?? null, name: input.name, lastVersion: 1 })
            .returning({ id: secrets.id, version: secrets.lastVersion }),
        ))
      const key = await this.#keys.current(tx, scope.organizationId)
      const context = contextOf({
        projectId: scope.projectId,
        environmentId: place?.id ?? null,
        name: input.name,
        version: secret.version,
      })
      await tx.insert(secretVersions).values({
        id: uuidv7(),
        secretId: secret.id,
        version: secret.version,
        dataKeyId: key.id,
        sealed: seal(key.key, Buffer.from(input.value, 'utf8'), context),
        createdBy: scope.actor.kind === 'user' ? scope.actor.id : null,
      })
      await record(tx, scope, 'secret.set', {
        subjectId: secret.id,
        data: { name: input.name, environment: place?.name ?? null, version: secret.version },
      })
      return { name: input.name, environment: place?.name ?? null, version: secret.version }
    })
    crashPoint('secret.after.set')
    return shown
  }

  /** No new deployment gets it; those that froze a version keep it for as long as they are kept. */
  async delete(scope: ProjectScope, input: DeleteSetting) {
    return this.#db.transaction(async (tx) => {
      const place = await findPlace(tx, scope, input.environment)
      const row = await maybeOne(
        tx
          .update(secrets)
          .set({ deletedAt: sql`now()`, updatedAt: sql`now()` })
          .where(at(scope, place, input.name))
          .returning({ id: secrets.id }),
      )
      if (!row) throw missing('secret', input, place?.name)
      await record(tx, scope, 'secret.deleted', {
        subjectId: row.id,
        data: { name: input.name, environment: place?.name ?? null },
      })
      return { name: input.name, environment: place?.name ?? null }
    })
  }

  /**
   * What a deployment into this environment gets now: the values of variables, and the versions of secrets. Of one
   * name there is one, and the environment's own wins over the project's, whichever of the two kinds it is.
   */
  async freeze(
    tx: Queryable,
    owner: Owner & { environmentId: string },
  ): Promise<{ variables: Record<string, string>; secrets: FrozenSecret[] }> {
    const plain = await readVariables(tx, owner.projectId, { id: owner.environmentId })
    const sealed = await readSecrets(tx, owner.projectId, { id: owner.environmentId })
    const all = nearest([
      ...plain.map((row) => ({ ...row, kind: 'variable' as const })),
      ...sealed.map((row) => ({ ...row, kind: 'secret' as const })),
    ]).sort((a, b) => (a.name < b.name ? -1 : 1))
    const frozen: FrozenSecret[] = []
    const variables: Record<string, string> = {}
    for (const row of all) {
      if (row.kind === 'variable') variables[row.name] = row.value
      else frozen.push({ name: row.name, secretId: row.secretId, versionId: row.versionId, version: row.version })
    }
    return { variables, secrets: frozen }
  }

  /** The values of frozen versions, by name. All or nothing: one that is missing or does not open refuses the whole. */
  async open(db: Queryable, owner: Owner, frozen: readonly FrozenSecret[]): Promise<Record<string, string>> {
    if (frozen.length === 0) return {}
    const rows = await db
      .select({
        id: secretVersions.id,
        version: secretVersions.version,
        sealed: secretVersions.sealed,
        dataKeyId: secretVersions.dataKeyId,
        projectId: secrets.projectId,
        environmentId: secrets.environmentId,
        name: secrets.name,
      })
      .from(secretVersions)
      .innerJoin(secrets, eq(secrets.id, secretVersions.secretId))
      .where(
        and(
          eq(secrets.projectId, owner.projectId),
          inArray(
            secretVersions.id,
            frozen.map((secret) => secret.versionId),
          ),
        ),
      )
    const values = new Map<string, string>()
    for (const row of rows) {
      const key = await this.#keys.byId(db, row.dataKeyId, owner.organizationId)
      values.set(row.id, unseal(key, row.sealed, contextOf(row)).toString('utf8'))
    }
    return Object.fromEntries(
      frozen.map(({ name, versionId, version }) => {
        const value = values.get(versionId)
        if (value !== undefined) return [name, value]
        throw new AppError('unavailable', 'secret.version_missing', {
          message: `Version ${version} of the secret ${name} is not stored any more.`,
          details: { name, version },
        })
      }),
    )
  }

  /**
   * The secrets of these names that a job of this environment gets. Names are compared without regard to case, as on
   * GitHub, and one that is not set is absent.
   */
  async forRun(
    owner: Owner,
    wanted: { environment: string | null; names: readonly string[] | 'all' },
  ): Promise<Record<string, string>> {
    if (wanted.names.length === 0) return {}
    const names = wanted.names === 'all' ? null : new Set(wanted.names.map((name) => name.toLowerCase()))
    const rows = nearest(await readSecrets(this.#db, owner.projectId, { name: wanted.environment }))
    return this.open(
      this.#db,
      owner,
      rows.filter((row) => !names || names.has(row.name.toLowerCase())),
    )
  }
}

const at = (scope: ProjectScope, place: { id: string } | null, name: string) =>
  and(
    eq(secrets.projectId, scope.projectId),
    place ? eq(secrets.environmentId, place.id) : isNull(secrets.environmentId),
    eq(secrets.name, name),
    isNull(secrets.deletedAt),
  )

const readSecrets = (
  db: Queryable | Transaction,
  projectId: string,
  environment: { id: string } | { name: string | null },
) =>
  db
    .select({
      name: secrets.name,
      environment: environments.name,
      secretId: secrets.id,
      versionId: secretVersions.id,
      version: secretVersions.version,
    })
    .from(secrets)
    .innerJoin(
      secretVersions,
      and(eq(secretVersions.secretId, secrets.id), eq(secretVersions.version, secrets.lastVersion)),
    )
    .innerJoin(projects, and(eq(projects.id, secrets.projectId), isNull(projects.deletedAt)))
    .leftJoin(environments, eq(environments.id, secrets.environmentId))
    .where(
      and(
        eq(secrets.projectId, projectId),
        isNull(secrets.deletedAt),
        or(
          isNull(secrets.environmentId),
          'id' in environment
            ? eq(environments.id, environment.id)
            : environment.name === null
              ? undefined
              : and(eq(environments.name, environment.name), isNull(environments.deletedAt)),
        ),
      ),
    )
    .orderBy(asc(secrets.name))

/** Authenticated with the value, so that a version moved to another place, name or number does not open. */
const contextOf = (of: { projectId: string; environmentId: string | null; name: string; version: number }) =>
  ['secret', of.projectId, of.environmentId ?? 'project', of.name, of.version].join('|')

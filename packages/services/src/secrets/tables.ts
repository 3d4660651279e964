import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { integer, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { environments } from '../environments/tables.ts'
import { organizations } from '../organizations/tables.ts'
import { projects } from '../projects/tables.ts'
import { users } from '../users/tables.ts'

/** Plain configuration; `environmentId` null holds for every environment of the project. */
export const variables = snakeCase.table(
  'variables',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    environmentId: uuid().references(() => environments.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    value: text().notNull(),
    updatedBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    updatedAt: createdAt(),
  },
  (v) => [
    uniqueIndex('variables_name_unique').on(
      v.projectId,
      sql`coalesce(${v.environmentId}, '00000000-0000-0000-0000-000000000000'::uuid)`,
      v.name,
    ),
  ],
)

/** One key per organization, itself sealed with the master key. */
export const dataKeys = snakeCase.table('data_keys', {
  id: primaryId(),
  organizationId: owned(() => organizations.id),
  sealed: text().notNull(),
  createdAt: createdAt(),
})

export const secrets = snakeCase.table(
  'secrets',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    environmentId: uuid().references(() => environments.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    lastVersion: integer().notNull().default(0),
    createdAt: createdAt(),
    updatedAt: createdAt(),
    deletedAt: instant(),
  },
  (s) => [
    uniqueIndex('secrets_name_unique')
      .on(s.projectId, sql`coalesce(${s.environmentId}, '00000000-0000-0000-0000-000000000000'::uuid)`, s.name)
      .where(sql`${s.deletedAt} is null`),
  ],
)

/** Kept for as long as a kept deployment froze it. */
export const secretVersions = snakeCase.table(
  'secret_versions',
  {
    id: primaryId(),
    secretId: owned(() => secrets.id),
    version: integer().notNull(),
    dataKeyId: uuid()
      .notNull()
      .references(() => dataKeys.id),
    sealed: text().notNull(),
    createdBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
  },
  (v) => [uniqueIndex('secret_versions_unique').on(v.secretId, v.version)],
)

import { createdAt, instant, oneOf, owned, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { integer, jsonb, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { hosts } from '../hosts/tables.ts'
import { projects } from '../projects/tables.ts'
import type { EnvironmentConfig } from './contract.ts'
import { healths, syncs } from './contract.ts'

export const environments = snakeCase.table(
  'environments',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    name: text().notNull(),
    /** Order of promotion: dev 1, staging 2, production 3. */
    position: integer().notNull(),
    config: jsonb().$type<EnvironmentConfig>().notNull(),
    /** The host it runs on; chosen at its first deployment. */
    hostId: uuid().references(() => hosts.id),
    health: text({ enum: healths }).notNull().default('missing'),
    sync: text({ enum: syncs }).notNull().default('unknown'),
    createdAt: createdAt(),
    updatedAt: createdAt(),
    deletedAt: instant(),
  },
  (e) => [
    uniqueIndex('environments_name_unique').on(e.projectId, e.name).where(sql`${e.deletedAt} is null`),
    oneOf('environments_health', e.health, healths),
    oneOf('environments_sync', e.sync, syncs),
  ],
)

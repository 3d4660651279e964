import { createdAt, instant, oneOf, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { customType, index, integer, jsonb, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { webhookProviders } from '../connections/contract.ts'
import { connections } from '../connections/tables.ts'
import { projects } from '../projects/tables.ts'
import { deliveryStatuses, verdicts } from './contract.ts'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** One row per webhook call and project that it is for; those that are for nobody have none. */
export const deliveries = snakeCase.table(
  'deliveries',
  {
    id: primaryId(),
    connectionId: uuid().references(() => connections.id, { onDelete: 'set null' }),
    projectId: uuid().references(() => projects.id, { onDelete: 'cascade' }),
    provider: text({ enum: webhookProviders }).notNull(),
    event: text().notNull(),
    deliveryId: text().notNull(),
    /** What the forge says of the call; never a signature or a token. */
    headers: jsonb().$type<Record<string, string>>().notNull(),
    body: bytea().notNull(),
    status: text({ enum: deliveryStatuses }).notNull().default('received'),
    verdict: text({ enum: verdicts }),
    reason: text(),
    ref: text(),
    commit: text(),
    pushId: uuid(),
    attempts: integer().notNull().default(0),
    /** When somebody tries again. */
    tryAt: createdAt(),
    replayOf: uuid(),
    receivedAt: createdAt(),
    handledAt: instant(),
  },
  (d) => [
    uniqueIndex('deliveries_unique').on(
      d.provider,
      sql`coalesce(${d.projectId}, '00000000-0000-0000-0000-000000000000'::uuid)`,
      d.deliveryId,
    ),
    index('deliveries_open').on(d.tryAt).where(sql`${d.status} = 'received'`),
    index('deliveries_project').on(d.projectId, d.id),
    index('deliveries_received').on(d.receivedAt),
    oneOf('deliveries_status', d.status, deliveryStatuses),
    oneOf('deliveries_verdict', d.verdict, verdicts),
  ],
)

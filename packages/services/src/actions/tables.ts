import { createdAt, oneOf } from '@juanie/core/database'
import { jsonb, snakeCase, text, uuid } from 'drizzle-orm/pg-core'
import { organizations } from '../organizations/tables.ts'
import { users } from '../users/tables.ts'
import { actionModes } from './contract.ts'

/** No row: any action. */
export const actionPolicies = snakeCase.table(
  'action_policies',
  {
    organizationId: uuid()
      .primaryKey()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    mode: text({ enum: actionModes }).notNull(),
    allowed: jsonb().$type<string[]>().notNull().default([]),
    updatedBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    updatedAt: createdAt(),
  },
  (p) => [oneOf('action_policies_mode', p.mode, actionModes)],
)

import { createdAt, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { boolean, snakeCase, text, uniqueIndex } from 'drizzle-orm/pg-core'

export const users = snakeCase.table(
  'users',
  {
    id: primaryId(),
    email: text().notNull(),
    name: text().notNull(),
    /** argon2id in PHC form. */
    passwordHash: text().notNull(),
    isSuperAdmin: boolean().notNull().default(false),
    createdAt: createdAt(),
  },
  (u) => [uniqueIndex('users_email_unique').on(sql`lower(${u.email})`)],
)

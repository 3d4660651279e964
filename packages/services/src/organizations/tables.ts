import { createdAt, instant, oneOf, owned, primaryId } from '@juanie/core/database'
import { index, primaryKey, snakeCase, text, uuid } from 'drizzle-orm/pg-core'
import { users } from '../users/tables.ts'
import { roles } from './policy.ts'

export const organizations = snakeCase.table('organizations', {
  id: primaryId(),
  slug: text().notNull().unique(),
  name: text().notNull(),
  createdAt: createdAt(),
})

export const organizationMembers = snakeCase.table(
  'organization_members',
  {
    organizationId: owned(() => organizations.id),
    userId: owned(() => users.id),
    role: text({ enum: roles }).notNull(),
    createdAt: createdAt(),
  },
  (m) => [
    primaryKey({ columns: [m.organizationId, m.userId] }),
    index('organization_members_user').on(m.userId),
    oneOf('organization_members_role', m.role, roles),
  ],
)

export const invitations = snakeCase.table(
  'invitations',
  {
    id: primaryId(),
    organizationId: owned(() => organizations.id),
    email: text().notNull(),
    role: text({ enum: roles }).notNull(),
    hash: text().notNull().unique(),
    invitedBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    expiresAt: instant().notNull(),
    acceptedAt: instant(),
    createdAt: createdAt(),
  },
  (i) => [oneOf('invitations_role', i.role, roles)],
)

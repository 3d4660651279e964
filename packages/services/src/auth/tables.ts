import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import { index, integer, snakeCase, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { users } from '../users/tables.ts'

/** A signed-in browser. Its refresh token rotates: using an old one again ends the session, for it was stolen. */
export const sessions = snakeCase.table(
  'sessions',
  {
    id: primaryId(),
    userId: owned(() => users.id),
    refreshHash: text().notNull(),
    previousRefreshHash: text(),
    /** The network it was begun from, so that a flood of wrong passwords from elsewhere does not lock its owner out. */
    network: text().notNull(),
    /** What the browser called itself, cut short: its owner tells their browsers apart by it. */
    userAgent: text(),
    /** When `previousRefreshHash` was replaced: two tabs may refresh within the same moment. */
    rotatedAt: instant(),
    expiresAt: instant().notNull(),
    revokedAt: instant(),
    createdAt: createdAt(),
  },
  (s) => [
    uniqueIndex('sessions_refresh_unique').on(s.refreshHash),
    index('sessions_previous').on(s.previousRefreshHash),
    index('sessions_user').on(s.userId),
  ],
)

/** Personal access tokens for CLI and git. The token itself is shown once and never stored. */
export const accessTokens = snakeCase.table(
  'access_tokens',
  {
    id: primaryId(),
    userId: owned(() => users.id),
    name: text().notNull(),
    hash: text().notNull(),
    /** First characters, so that people can tell them apart. */
    prefix: text().notNull(),
    expiresAt: instant(),
    lastUsedAt: instant(),
    revokedAt: instant(),
    createdAt: createdAt(),
  },
  (a) => [uniqueIndex('access_tokens_hash_unique').on(a.hash), index('access_tokens_user').on(a.userId, a.id)],
)

/** The one-time link by which the first administrator is made. */
export const setupLinks = snakeCase.table('setup_links', {
  id: primaryId(),
  hash: text().notNull().unique(),
  expiresAt: instant().notNull(),
  usedAt: instant(),
  createdAt: createdAt(),
})

/** Wrong passwords within a window, counted per network, per account, and per both. Rows past their end mean nothing. */
export const signInLimits = snakeCase.table('sign_in_limits', {
  key: text().primaryKey(),
  count: integer().notNull(),
  endsAt: instant().notNull(),
})

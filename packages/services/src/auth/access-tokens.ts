import { type Database, maybeOne, one } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import { newSecret, secretHash } from '@juanie/core/ids'
import { paged } from '@juanie/core/pages'
import type { Session } from '@juanie/core/scope'
import { and, asc, eq, gt, isNull, or, sql } from 'drizzle-orm'
import { users } from '../users/tables.ts'
import { type CreateToken, type Page, tokenPrefix } from './contract.ts'
import { accessTokens } from './tables.ts'

const dayMs = 86_400_000

/** `lastUsedAt` is for people who wonder whether a token is still needed: a minute's accuracy spares a write per call. */
const usedEveryMs = 60_000

export class AccessTokens {
  readonly #db: Database
  readonly #byHash: ReturnType<typeof livingToken>

  constructor(parts: { db: Database }) {
    this.#db = parts.db
    this.#byHash = livingToken(parts.db)
  }

  /** The token is in this answer and nowhere else. */
  async create(session: Session, input: CreateToken) {
    return this.issue(session.userId, input)
  }

  async issue(userId: string, input: CreateToken) {
    const token = newSecret(tokenPrefix)
    const expiresAt = input.expiresInDays === null ? null : new Date(Date.now() + input.expiresInDays * dayMs)
    const row = await one(
      this.#db
        .insert(accessTokens)
        .values({ userId, name: input.name, hash: secretHash(token), prefix: token.slice(0, 8), expiresAt })
        .returning(shown),
    )
    return { ...row, token }
  }

  async list(session: Session, page: Page) {
    const rows = await this.#db
      .select(shown)
      .from(accessTokens)
      .where(
        and(
          eq(accessTokens.userId, session.userId),
          isNull(accessTokens.revokedAt),
          page.after ? gt(accessTokens.id, page.after) : undefined,
        ),
      )
      .orderBy(asc(accessTokens.id))
      .limit(page.limit + 1)
    return paged(rows, page.limit)
  }

  async revoke(session: Session, id: string) {
    const row = await maybeOne(
      this.#db
        .update(accessTokens)
        .set({ revokedAt: sql`now()` })
        .where(and(eq(accessTokens.id, id), eq(accessTokens.userId, session.userId), isNull(accessTokens.revokedAt)))
        .returning({ id: accessTokens.id }),
    )
    if (!row) throw notFound('token')
    return row
  }

  /** Null for a token that is wrong, expired or revoked; the caller shows no difference. */
  async verify(token: string): Promise<Session | null> {
    if (!token.startsWith(`${tokenPrefix}_`) || token.length > 100) return null
    const row = await maybeOne(this.#byHash.execute({ hash: secretHash(token) }))
    if (!row) return null
    if (!row.lastUsedAt || Date.now() - row.lastUsedAt.getTime() > usedEveryMs) {
      await this.#db.update(accessTokens).set({ lastUsedAt: sql`now()` }).where(eq(accessTokens.id, row.id))
    }
    return {
      userId: row.userId,
      email: row.email,
      name: row.name,
      credential: { kind: 'token', id: row.id },
    }
  }

  async isAlive(id: string): Promise<boolean> {
    const row = await maybeOne(
      this.#db
        .select({ id: accessTokens.id })
        .from(accessTokens)
        .where(and(eq(accessTokens.id, id), alive())),
    )
    return row !== null
  }
}

const shown = {
  id: accessTokens.id,
  name: accessTokens.name,
  prefix: accessTokens.prefix,
  expiresAt: accessTokens.expiresAt,
  lastUsedAt: accessTokens.lastUsedAt,
  createdAt: accessTokens.createdAt,
}

const alive = () =>
  and(isNull(accessTokens.revokedAt), or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, sql`now()`)))

const livingToken = (db: Database) =>
  db
    .select({
      id: accessTokens.id,
      lastUsedAt: accessTokens.lastUsedAt,
      userId: users.id,
      email: users.email,
      name: users.name,
    })
    .from(accessTokens)
    .innerJoin(users, eq(users.id, accessTokens.userId))
    .where(and(eq(accessTokens.hash, sql.placeholder('hash')), alive()))
    .prepare('access_token_alive')

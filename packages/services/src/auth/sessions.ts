import { type Database, maybeOne, one } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { newSecret, secretHash, uuidv7 } from '@juanie/core/ids'
import { paged } from '@juanie/core/pages'
import type { Session } from '@juanie/core/scope'
import { and, desc, eq, gt, isNull, lt, ne, or, sql } from 'drizzle-orm'
import { users } from '../users/tables.ts'
import type { Page, SignIn } from './contract.ts'
import { networkOf, type SignInLimits } from './limits.ts'
import type { AccessSigner, Passwords } from './port.ts'
import { sessions } from './tables.ts'

const accessSeconds = 15 * 60
const longestUserAgent = 300
export const refreshSeconds = 7 * 86_400

/** Two tabs that refresh within the same moment: the slower one presents a token that was just replaced. */
export const graceMs = 10_000

export interface SessionTokens {
  access: string
  /** Null: the browser already has the newest. */
  refresh: string | null
}

/** People in browsers. */
export class Sessions {
  readonly #db: Database
  readonly #passwords: Passwords
  readonly #signer: AccessSigner
  readonly #limits: SignInLimits
  readonly #living: ReturnType<typeof livingSession>
  #decoy: Promise<string> | null = null

  constructor(parts: { db: Database; passwords: Passwords; signer: AccessSigner; limits: SignInLimits }) {
    this.#db = parts.db
    this.#passwords = parts.passwords
    this.#signer = parts.signer
    this.#limits = parts.limits
    this.#living = livingSession(parts.db)
  }

  async signIn(input: SignIn, address: string, userAgent: string | null = null): Promise<SessionTokens> {
    const user = await this.authenticate(input, address)
    return this.begin(user.id, address, userAgent)
  }

  /** Whose e-mail address and password these are; an unknown address costs the same time and gets the same answer. */
  async authenticate(input: SignIn, address: string): Promise<{ id: string; email: string; name: string }> {
    const attempt = { email: input.email.trim(), network: networkOf(address) }
    const user = await maybeOne(
      this.#db
        .select({ id: users.id, email: users.email, name: users.name, passwordHash: users.passwordHash })
        .from(users)
        .where(eq(sql`lower(${users.email})`, attempt.email.toLowerCase())),
    )
    await this.#limits.take(attempt, user?.id ?? null)
    this.#decoy ??= this.#passwords.hash(newSecret('decoy'))
    const decoy = await this.#decoy
    const isRight = await this.#passwords.matches(user?.passwordHash ?? decoy, input.password)
    if (!user || !isRight) {
      throw new AppError('unauthenticated', 'session.wrong_password', {
        message: 'The e-mail address or the password is wrong.',
      })
    }
    await this.#limits.giveBack(attempt)
    return { id: user.id, email: user.email, name: user.name }
  }

  /** A session for somebody who has just proved who they are. */
  async begin(userId: string, address: string, userAgent: string | null = null): Promise<SessionTokens> {
    const id = uuidv7()
    const refresh = newRefresh(id)
    await one(
      this.#db
        .insert(sessions)
        .values({
          id,
          userId,
          refreshHash: secretHash(refresh),
          network: networkOf(address),
          userAgent: userAgent?.slice(0, longestUserAgent) ?? null,
          expiresAt: refreshEnds,
        })
        .returning({ id: sessions.id }),
    )
    return { access: await this.#signer.sign({ sessionId: id, userId }, accessSeconds), refresh }
  }

  /**
   * New tokens for a refresh token, which is then used up. A token that was used up before ends the session: either
   * its thief or its owner presents it, and there is no telling which.
   */
  async refresh(token: string): Promise<SessionTokens> {
    const id = sessionIdOf(token)
    if (!id) throw over()
    const hash = secretHash(token)
    const next = newRefresh(id)
    const rotated = await maybeOne(
      this.#db
        .update(sessions)
        .set({
          refreshHash: secretHash(next),
          previousRefreshHash: hash,
          rotatedAt: sql`now()`,
          expiresAt: refreshEnds,
        })
        .where(and(eq(sessions.id, id), eq(sessions.refreshHash, hash), alive()))
        .returning({ userId: sessions.userId }),
    )
    if (rotated) {
      return {
        access: await this.#signer.sign({ sessionId: id, userId: rotated.userId }, accessSeconds),
        refresh: next,
      }
    }
    const other = await maybeOne(
      this.#db
        .select({
          userId: sessions.userId,
          isGrace: sql<boolean>`${sessions.previousRefreshHash} = ${hash} and ${sessions.rotatedAt} > now() - ${sql.raw(`interval '${graceMs} milliseconds'`)}`,
        })
        .from(sessions)
        .where(and(eq(sessions.id, id), alive())),
    )
    if (!other) throw over()
    if (other.isGrace) {
      return { access: await this.#signer.sign({ sessionId: id, userId: other.userId }, accessSeconds), refresh: null }
    }
    await this.end(id)
    throw over()
  }

  /** The session of a signed access token, as long as it was not ended. */
  async verify(access: string): Promise<Session | null> {
    const claims = await this.#signer.open(access)
    if (!claims) return null
    const row = await maybeOne(this.#living.execute({ id: claims.sessionId }))
    if (!row || row.userId !== claims.userId) return null
    return {
      userId: row.userId,
      email: row.email,
      name: row.name,
      credential: { kind: 'session', id: claims.sessionId },
    }
  }

  async isAlive(id: string): Promise<boolean> {
    return (await maybeOne(this.#living.execute({ id }))) !== null
  }

  /** The browsers in which the person is signed in, the newest first. */
  async list(session: Session, page: Page) {
    const rows = await this.#db
      .select({
        id: sessions.id,
        network: sessions.network,
        userAgent: sessions.userAgent,
        createdAt: sessions.createdAt,
        /** Tokens are renewed while somebody works, so this is right to a quarter of an hour. */
        lastUsedAt: sql<Date>`coalesce(${sessions.rotatedAt}, ${sessions.createdAt})`.mapWith(sessions.createdAt),
        expiresAt: sessions.expiresAt,
        isCurrent: sql<boolean>`${sessions.id} = ${currentOf(session)}`,
      })
      .from(sessions)
      .where(and(eq(sessions.userId, session.userId), alive(), page.after ? lt(sessions.id, page.after) : undefined))
      .orderBy(desc(sessions.id))
      .limit(page.limit + 1)
    return paged(rows, page.limit)
  }

  /** Ends one of the person's own. */
  async endOwn(session: Session, id: string): Promise<{ id: string }> {
    const ended = await this.#db
      .update(sessions)
      .set({ revokedAt: sql`now()` })
      .where(and(eq(sessions.id, id), eq(sessions.userId, session.userId), isNull(sessions.revokedAt)))
      .returning({ id: sessions.id })
    if (ended.length === 0) throw notFound('session')
    return { id }
  }

  /** Every browser but the one that asks; answers how many that were. */
  async endOthers(session: Session): Promise<{ ended: number }> {
    const ended = await this.#db
      .update(sessions)
      .set({ revokedAt: sql`now()` })
      .where(and(eq(sessions.userId, session.userId), alive(), ne(sessions.id, currentOf(session))))
      .returning({ id: sessions.id })
    return { ended: ended.length }
  }

  async end(id: string): Promise<void> {
    await this.#db
      .update(sessions)
      .set({ revokedAt: sql`now()` })
      .where(and(eq(sessions.id, id), isNull(sessions.revokedAt)))
  }

  /** Ends the session of a refresh token, whatever its state: what a person who signs out means. */
  async endByRefresh(token: string): Promise<void> {
    const id = sessionIdOf(token)
    if (!id) return
    const hash = secretHash(token)
    await this.#db
      .update(sessions)
      .set({ revokedAt: sql`now()` })
      .where(
        and(
          eq(sessions.id, id),
          isNull(sessions.revokedAt),
          or(eq(sessions.refreshHash, hash), eq(sessions.previousRefreshHash, hash)),
        ),
      )
  }

  /** Removes what has been over for so long that neither its network nor its reuse matters any more. */
  async sweep(): Promise<void> {
    await this.#db.delete(sessions).where(lt(sessions.expiresAt, sql`now() - interval '90 days'`))
  }
}

/** No browser's, when a token asks. */
const nobody = '00000000-0000-0000-0000-000000000000'
const currentOf = ({ credential }: Session): string => (credential.kind === 'session' ? credential.id : nobody)

const newRefresh = (sessionId: string): string => newSecret(`jur_${sessionId}`)

/** `jur_<session>_<random>`. */
function sessionIdOf(token: string): string | null {
  const found = /^jur_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_[\w-]{43}$/.exec(token)
  return found ? found[1]! : null
}

const refreshEnds = sql`now() + ${sql.raw(`interval '${refreshSeconds} seconds'`)}`

const alive = () => and(isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`))

const over = () => new AppError('unauthenticated', 'session.over', { message: 'The session is over. Sign in again.' })

const livingSession = (db: Database) =>
  db
    .select({ userId: users.id, email: users.email, name: users.name })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sql.placeholder('id')), alive()))
    .prepare('session_alive')

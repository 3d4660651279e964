import type { Database } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { secretHash } from '@juanie/core/ids'
import { and, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import { sessions, signInLimits } from './tables.ts'

const windowMs = 15 * 60_000
export const limits = {
  /** Wrong passwords from one network, whatever the account. */
  network: 60,
  /** From one network for one account. */
  both: 10,
  /** For one account from everywhere; a network that its owner signed in from within 90 days is let through. */
  account: 100,
} as const

const knownForDays = 90

/** IPv6 callers own at least a /64: its addresses are one. */
export function networkOf(address: string): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
  if (!plain.includes(':')) return plain
  const [head = '', tail = ''] = plain.split('%')[0]!.split('::')
  const first = head ? head.split(':') : []
  const last = tail ? tail.split(':') : []
  const all = plain.includes('::')
    ? [...first, ...Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0'), ...last]
    : first
  return `${all.slice(0, 4).join(':')}::/64`
}

interface Attempt {
  email: string
  network: string
}

/**
 * Counts wrong passwords. An attempt is counted before its password is looked at, so that many at once are not all
 * free, and given back when it was right.
 */
export class SignInLimits {
  readonly #db: Database

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  /** Refuses with `limited` when there were too many. */
  async take(attempt: Attempt, userId: string | null): Promise<void> {
    const keys = keysOf(attempt)
    const rows = await this.#db
      .insert(signInLimits)
      .values(Object.values(keys).map((key) => ({ key, count: 1, endsAt: ends })))
      .onConflictDoUpdate({
        target: signInLimits.key,
        set: {
          count: sql`case when ${signInLimits.endsAt} < now() then 1 else ${signInLimits.count} + 1 end`,
          endsAt: sql`case when ${signInLimits.endsAt} < now() then ${ends} else ${signInLimits.endsAt} end`,
        },
      })
      .returning({ key: signInLimits.key, count: signInLimits.count, endsAt: signInLimits.endsAt })
    const of = (key: string) => rows.find((row) => row.key === key)!
    const over = [
      of(keys.network).count > limits.network ? of(keys.network) : null,
      of(keys.both).count > limits.both ? of(keys.both) : null,
      of(keys.account).count > limits.account && !(await this.#isKnown(attempt.network, userId))
        ? of(keys.account)
        : null,
    ].find((row) => row !== null)
    if (!over) return
    const minutes = Math.max(1, Math.ceil((over.endsAt.getTime() - Date.now()) / 60_000))
    throw new AppError('limited', 'session.too_many_attempts', {
      message: `Too many wrong passwords. Try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
      details: { retryAfterSeconds: minutes * 60 },
    })
  }

  async giveBack(attempt: Attempt): Promise<void> {
    const keys = keysOf(attempt)
    await this.#db.delete(signInLimits).where(eq(signInLimits.key, keys.both))
    await this.#db
      .update(signInLimits)
      .set({ count: sql`greatest(0, ${signInLimits.count} - 1)` })
      .where(inArray(signInLimits.key, [keys.network, keys.account]))
  }

  /** Removes counters that are over. */
  async sweep(): Promise<void> {
    await this.#db.delete(signInLimits).where(lt(signInLimits.endsAt, sql`now()`))
  }

  async #isKnown(network: string, userId: string | null): Promise<boolean> {
    if (!userId) return false
    const rows = await this.#db
      .select({ id: sessions.id })
      .from(sessions)
      .where(
        and(
          eq(sessions.userId, userId),
          eq(sessions.network, network),
          gt(sessions.createdAt, sql`now() - ${sql.raw(`interval '${knownForDays} days'`)}`),
        ),
      )
      .limit(1)
    return rows.length > 0
  }
}

const ends = sql`now() + ${sql.raw(`interval '${windowMs} milliseconds'`)}`

/** Hashed, so that the table tells nobody which addresses were tried. */
const keysOf = ({ email, network }: Attempt) => ({
  network: secretHash(`network ${network}`),
  account: secretHash(`account ${email.toLowerCase()}`),
  both: secretHash(`both ${email.toLowerCase()} ${network}`),
})

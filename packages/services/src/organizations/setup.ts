import { type Database, maybeOne, type Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { newSecret, secretHash } from '@juanie/core/ids'
import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Passwords } from '../auth/port.ts'
import { setupLinks } from '../auth/tables.ts'
import { createUser, findAdministrator, findUser, type User } from '../users/index.ts'
import { type FirstAccount, setupDays } from './contract.ts'
import { createOrganization } from './service.ts'

/** Whoever makes the first administrator holds this lock, however many servers start at once. */
const setupLock = 7_402_183

/** How an installation gets its first administrator: by a link that works once, or by the configuration. */
export class Setup {
  readonly #db: Database
  readonly #passwords: Passwords
  readonly #url: string
  readonly #organization: string

  /** `organization` is the slug of the one that the first administrator will own. */
  constructor(parts: { db: Database; passwords: Passwords; url: string; organization: string }) {
    this.#db = parts.db
    this.#passwords = parts.passwords
    this.#url = parts.url
    this.#organization = parts.organization
  }

  /** A new link, which ends the older ones; null when there is an administrator. It is shown once, to whoever starts Juanie. */
  async link(): Promise<string | null> {
    const token = newSecret('jus')
    return this.#db.transaction(async (tx) => {
      await lock(tx)
      if (await findAdministrator(tx)) return null
      await tx.delete(setupLinks).where(isNull(setupLinks.usedAt))
      await tx.insert(setupLinks).values({
        hash: secretHash(token),
        expiresAt: sql`now() + ${sql.raw(`interval '${setupDays} days'`)}`,
      })
      return `${this.#url}/setup/${token}`
    })
  }

  async isNeeded(): Promise<boolean> {
    return (await findAdministrator(this.#db)) === null
  }

  /** Refuses a link that is wrong, used up, replaced or expired. */
  async open(token: string): Promise<{ organization: string }> {
    if (!(await findLink(this.#db, token))) throw gone()
    return { organization: this.#organization }
  }

  async complete(token: string, account: FirstAccount): Promise<User> {
    await this.open(token)
    const passwordHash = await this.#passwords.hash(account.password)
    return this.#db.transaction(async (tx) => {
      await lock(tx)
      const link = await findLink(tx, token)
      if (!link || (await findAdministrator(tx))) throw gone()
      await tx.update(setupLinks).set({ usedAt: sql`now()` }).where(eq(setupLinks.id, link.id))
      return this.#establish(tx, { ...account, passwordHash })
    })
  }

  /**
   * Makes the account that the configuration names, unless there is an administrator: a password that is changed there
   * later changes nothing, for it would undo what its owner did since.
   */
  async ensureAdministrator(account: { email: string; password: string }): Promise<void> {
    if (await findAdministrator(this.#db)) return
    const passwordHash = await this.#passwords.hash(account.password)
    await this.#db.transaction(async (tx) => {
      await lock(tx)
      if (await findAdministrator(tx)) return
      await tx.delete(setupLinks).where(isNull(setupLinks.usedAt))
      await this.#establish(tx, { email: account.email, name: account.email.split('@', 1)[0]!, passwordHash })
    })
  }

  /** The account that the configuration names, if there is one; it need not be an administrator's. */
  async configured(email: string | null): Promise<{ email: string | null }> {
    const user = email ? await findUser(this.#db, email) : null
    return { email: user?.email ?? null }
  }

  async #establish(tx: Transaction, account: { email: string; name: string; passwordHash: string }): Promise<User> {
    const user = await createUser(tx, { ...account, isSuperAdmin: true })
    await createOrganization(tx, { slug: this.#organization }, user)
    return user
  }
}

const lock = (tx: Transaction) => tx.execute(sql`select pg_advisory_xact_lock(${setupLock})`)

const findLink = (db: Database | Transaction, token: string) =>
  maybeOne(
    db
      .select({ id: setupLinks.id })
      .from(setupLinks)
      .where(
        and(eq(setupLinks.hash, secretHash(token)), isNull(setupLinks.usedAt), gt(setupLinks.expiresAt, sql`now()`)),
      ),
  )

const gone = () =>
  new AppError('not_found', 'setup.link_gone', {
    message:
      'This link was used, replaced or has expired. Start Juanie again: it prints a new one where one is needed.',
  })

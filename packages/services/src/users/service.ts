import { maybeOne, one, type Queryable, type Transaction, violates } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { eq, sql } from 'drizzle-orm'
import { users } from './tables.ts'

interface NewUser {
  email: string
  name: string
  /** argon2id in PHC form. */
  passwordHash: string
  isSuperAdmin: boolean
}

export interface User {
  id: string
  email: string
  name: string
}

const shown = { id: users.id, email: users.email, name: users.name }

/** E-mail addresses are compared without regard to case. */
export const findUser = (db: Queryable, email: string): Promise<User | null> =>
  maybeOne(
    db
      .select(shown)
      .from(users)
      .where(eq(sql`lower(${users.email})`, email.trim().toLowerCase())),
  )

export async function createUser(tx: Transaction, user: NewUser): Promise<User> {
  try {
    return await one(tx.insert(users).values(user).returning(shown))
  } catch (error) {
    if (!violates(error, 'users_email_unique')) throw error
    throw new AppError('conflict', 'user.email_taken', {
      message: 'There is an account with this e-mail address already. Sign in with it.',
      cause: error,
    })
  }
}

/** The first one: who may do what belongs to the installation as a whole. */
export const findAdministrator = (db: Queryable): Promise<User | null> =>
  maybeOne(db.select(shown).from(users).where(eq(users.isSuperAdmin, true)).orderBy(users.id).limit(1))

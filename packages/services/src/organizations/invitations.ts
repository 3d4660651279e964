import { type Database, maybeOne, one, type Transaction } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { newSecret, secretHash } from '@juanie/core/ids'
import { paged } from '@juanie/core/pages'
import type { Scope } from '@juanie/core/scope'
import { and, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import type { Page } from '../auth/contract.ts'
import type { Passwords } from '../auth/port.ts'
import { createUser, findUser, type User } from '../users/index.ts'
import { users } from '../users/tables.ts'
import { type Invite, invitationDays, type NewAccount } from './contract.ts'
import type { Role } from './policy.ts'
import { invitations, organizationMembers, organizations } from './tables.ts'

/** What the page behind the link shows. */
export interface OpenInvitation {
  organization: { id: string; slug: string; name: string }
  email: string
  role: Role
  /** Whether the address has an account: its owner signs in instead of choosing a password. */
  hasAccount: boolean
}

/** A link that works once, for the person with the address it was made for. */
export class Invitations {
  readonly #db: Database
  readonly #passwords: Passwords
  readonly #url: string

  constructor(parts: { db: Database; passwords: Passwords; url: string }) {
    this.#db = parts.db
    this.#passwords = parts.passwords
    this.#url = parts.url
  }

  /** The link is in this answer and nowhere else. A second invitation of the same address replaces the first. */
  async invite(scope: Scope, input: Invite) {
    const token = newSecret('jui')
    return this.#db.transaction(async (tx) => {
      // Two at once must not both see that there is no other.
      await tx
        .select({ id: organizations.id })
        .from(organizations)
        .where(eq(organizations.id, scope.organizationId))
        .for('update')
      await refuseMember(tx, scope.organizationId, input.email)
      const replaced = await tx
        .delete(invitations)
        .where(
          and(
            eq(invitations.organizationId, scope.organizationId),
            eq(sql`lower(${invitations.email})`, input.email.toLowerCase()),
            isNull(invitations.acceptedAt),
          ),
        )
        .returning({ isOpen: sql<boolean>`${invitations.expiresAt} > now()` })
      const row = await one(
        tx
          .insert(invitations)
          .values({
            organizationId: scope.organizationId,
            email: input.email,
            role: input.role,
            hash: secretHash(token),
            invitedBy: scope.actor.kind === 'user' ? scope.actor.id : null,
            expiresAt: sql`now() + ${sql.raw(`interval '${invitationDays} days'`)}`,
          })
          .returning({
            id: invitations.id,
            email: invitations.email,
            role: invitations.role,
            expiresAt: invitations.expiresAt,
          }),
      )
      await record(tx, scope, 'organization.invited', { subjectId: row.id, data: { role: row.role } })
      return {
        ...row,
        url: `${this.#url}/invite/${token}`,
        /** Whether a link that still worked is over now. */
        replaced: replaced.some(({ isOpen }) => isOpen),
      }
    })
  }

  /** Links that nobody has used yet, without the links themselves: those were shown once. */
  async list(scope: Scope, page: Page) {
    const rows = await this.#db
      .select({
        id: invitations.id,
        email: invitations.email,
        role: invitations.role,
        invitedBy: users.name,
        createdAt: invitations.createdAt,
        expiresAt: invitations.expiresAt,
      })
      .from(invitations)
      .leftJoin(users, eq(users.id, invitations.invitedBy))
      .where(
        and(
          eq(invitations.organizationId, scope.organizationId),
          isNull(invitations.acceptedAt),
          gt(invitations.expiresAt, sql`now()`),
          page.after ? lt(invitations.id, page.after) : undefined,
        ),
      )
      .orderBy(desc(invitations.id))
      .limit(page.limit + 1)
    return paged(rows, page.limit)
  }

  /** The link works no more. */
  async withdraw(scope: Scope, id: string): Promise<{ id: string }> {
    return this.#db.transaction(async (tx) => {
      const row = await maybeOne(
        tx
          .delete(invitations)
          .where(
            and(
              eq(invitations.id, id),
              eq(invitations.organizationId, scope.organizationId),
              isNull(invitations.acceptedAt),
            ),
          )
          .returning({ role: invitations.role }),
      )
      if (!row) throw notFound('invitation')
      await record(tx, scope, 'organization.invitation_withdrawn', { subjectId: id, data: { role: row.role } })
      return { id }
    })
  }

  /** Refuses a link that is wrong, used up, replaced or expired. */
  async open(token: string): Promise<OpenInvitation> {
    const found = await findOpen(this.#db, token)
    if (!found) throw gone()
    const { organization, email, role } = found
    return { organization, email, role, hasAccount: (await findUser(this.#db, email)) !== null }
  }

  /** With the account that is signed in, which must be that of the invited address. */
  async accept(token: string, user: User): Promise<OpenInvitation['organization']> {
    return this.#db.transaction(async (tx) => {
      const invitation = await lockOpen(tx, token)
      if (invitation.email.toLowerCase() !== user.email.toLowerCase()) {
        throw new AppError('forbidden', 'invitation.other_address', {
          message: `This invitation is for ${invitation.email}, and ${user.email} is signed in. Sign out first.`,
        })
      }
      return join(tx, invitation, user)
    })
  }

  /** With a new account, whose address is the invited one. */
  async acceptAsNew(
    token: string,
    account: NewAccount,
  ): Promise<{ user: User; organization: OpenInvitation['organization'] }> {
    // Hashing takes a while: nothing is locked meanwhile, and nobody without a link gets it for nothing.
    await this.open(token)
    const passwordHash = await this.#passwords.hash(account.password)
    return this.#db.transaction(async (tx) => {
      const invitation = await lockOpen(tx, token)
      const user = await createUser(tx, {
        email: invitation.email,
        name: account.name,
        passwordHash,
        isSuperAdmin: false,
      })
      return { user, organization: await join(tx, invitation, user) }
    })
  }
}

type Found = NonNullable<Awaited<ReturnType<typeof findOpen>>>

const findOpen = (db: Database | Transaction, token: string) =>
  maybeOne(
    db
      .select({
        id: invitations.id,
        email: invitations.email,
        role: invitations.role,
        organization: { id: organizations.id, slug: organizations.slug, name: organizations.name },
      })
      .from(invitations)
      .innerJoin(organizations, eq(organizations.id, invitations.organizationId))
      .where(
        and(
          eq(invitations.hash, secretHash(token)),
          isNull(invitations.acceptedAt),
          gt(invitations.expiresAt, sql`now()`),
        ),
      ),
  )

/** Used up by the first who gets here; the second finds nothing. */
async function lockOpen(tx: Transaction, token: string): Promise<Found> {
  const found = await findOpen(tx, token)
  if (!found) throw gone()
  const used = await maybeOne(
    tx
      .update(invitations)
      .set({ acceptedAt: sql`now()` })
      .where(and(eq(invitations.id, found.id), isNull(invitations.acceptedAt)))
      .returning({ id: invitations.id }),
  )
  if (!used) throw gone()
  return found
}

async function join(tx: Transaction, { id, organization, role }: Found, user: User) {
  const member = await maybeOne(
    tx
      .insert(organizationMembers)
      .values({ organizationId: organization.id, userId: user.id, role })
      .onConflictDoNothing()
      .returning({ role: organizationMembers.role }),
  )
  if (!member) throw alreadyMember(user.email)
  const scope: Scope = {
    organizationId: organization.id,
    projectId: null,
    actor: { kind: 'user', id: user.id, name: user.name },
  }
  await record(tx, scope, 'organization.member_joined', { subjectId: user.id, data: { role, invitationId: id } })
  return organization
}

async function refuseMember(tx: Transaction, organizationId: string, email: string): Promise<void> {
  const member = await maybeOne(
    tx
      .select({ id: users.id })
      .from(users)
      .innerJoin(organizationMembers, eq(organizationMembers.userId, users.id))
      .where(
        and(
          eq(organizationMembers.organizationId, organizationId),
          eq(sql`lower(${users.email})`, email.toLowerCase()),
        ),
      ),
  )
  if (member) throw alreadyMember(email)
}

const alreadyMember = (email: string) =>
  new AppError('conflict', 'invitation.already_member', { message: `${email} belongs to this organization already.` })

const gone = () =>
  new AppError('not_found', notFound('invitation').reason, {
    message: 'This invitation was used, replaced or has expired. Ask for a new one.',
  })

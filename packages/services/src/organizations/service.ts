import { type Database, maybeOne, one, type Transaction, violates } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import { paged } from '@juanie/core/pages'
import type { Scope, Session } from '@juanie/core/scope'
import { and, asc, eq, gt, or, sql } from 'drizzle-orm'
import type { Page } from '../auth/contract.ts'
import { users } from '../users/tables.ts'
import type { CreateOrganization } from './contract.ts'
import { organizationMembers, organizations } from './tables.ts'

export class Organizations {
  readonly #db: Database

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  /**
   * For the administrators of the installation and the owners of an organization: whoever owns one can run programs
   * on its hosts, which others must not give themselves.
   */
  async create(session: Session, input: CreateOrganization) {
    return this.#db.transaction(async (tx) => {
      if (!(await mayCreate(tx, session.userId))) {
        throw new AppError('forbidden', 'organization.creation_forbidden', {
          message: 'Organizations are made by administrators and by owners of another one. Ask one of them.',
        })
      }
      return createOrganization(tx, input, { id: session.userId, name: session.name })
    })
  }

  /** Those that the person belongs to. */
  async list(session: Session, page: Page) {
    const rows = await this.#db
      .select({ ...shown, role: organizationMembers.role })
      .from(organizations)
      .innerJoin(organizationMembers, eq(organizationMembers.organizationId, organizations.id))
      .where(
        and(eq(organizationMembers.userId, session.userId), page.after ? gt(organizations.id, page.after) : undefined),
      )
      .orderBy(asc(organizations.id))
      .limit(page.limit + 1)
    return paged(rows, page.limit)
  }

  /** By its name in addresses, among those that the person belongs to. */
  async find(session: Session, slug: string) {
    const row = await maybeOne(
      this.#db
        .select({ ...shown, role: organizationMembers.role })
        .from(organizations)
        .innerJoin(organizationMembers, eq(organizationMembers.organizationId, organizations.id))
        .where(and(eq(organizationMembers.userId, session.userId), eq(organizations.slug, slug))),
    )
    if (!row) throw notFound('organization')
    return row
  }

  async members(scope: Scope, page: Page) {
    const rows = await this.#db
      .select({
        id: users.id,
        email: users.email,
        name: users.name,
        role: organizationMembers.role,
        since: organizationMembers.createdAt,
      })
      .from(organizationMembers)
      .innerJoin(users, eq(users.id, organizationMembers.userId))
      .where(
        and(
          eq(organizationMembers.organizationId, scope.organizationId),
          page.after ? gt(users.id, page.after) : undefined,
        ),
      )
      .orderBy(asc(users.id))
      .limit(page.limit + 1)
    return paged(rows, page.limit)
  }

  async removeMember(scope: Scope, userId: string): Promise<{ id: string }> {
    return this.#db.transaction(async (tx) => {
      // All owners are locked, so that two who remove each other do not both succeed.
      const owners = await tx
        .select({ userId: organizationMembers.userId })
        .from(organizationMembers)
        .where(and(eq(organizationMembers.organizationId, scope.organizationId), eq(organizationMembers.role, 'owner')))
        .orderBy(organizationMembers.userId)
        .for('update')
      if (owners.length === 1 && owners[0]!.userId === userId) {
        throw new AppError('conflict', 'organization.last_owner', {
          message: 'The last owner of an organization cannot be removed. Invite another owner first.',
        })
      }
      const removed = await maybeOne(
        tx
          .delete(organizationMembers)
          .where(
            and(eq(organizationMembers.organizationId, scope.organizationId), eq(organizationMembers.userId, userId)),
          )
          .returning({ role: organizationMembers.role }),
      )
      if (!removed) throw notFound('member')
      await record(tx, scope, 'organization.member_removed', { subjectId: userId, data: { role: removed.role } })
      return { id: userId }
    })
  }
}

const shown = {
  id: organizations.id,
  slug: organizations.slug,
  name: organizations.name,
  createdAt: organizations.createdAt,
}

/** With its first owner, who is there already. */
export async function createOrganization(
  tx: Transaction,
  input: CreateOrganization,
  owner: { id: string; name: string },
) {
  const id = uuidv7()
  const organization = await insertOrganization(tx, id, input)
  await tx.insert(organizationMembers).values({ organizationId: id, userId: owner.id, role: 'owner' })
  const scope: Scope = { organizationId: id, projectId: null, actor: { kind: 'user', ...owner } }
  await record(tx, scope, 'organization.created', { subjectId: id, data: { slug: input.slug } })
  return organization
}

async function insertOrganization(tx: Transaction, id: string, { slug, name }: CreateOrganization) {
  try {
    return await one(
      tx
        .insert(organizations)
        .values({ id, slug, name: name ?? slug })
        .returning(shown),
    )
  } catch (error) {
    if (!violates(error, 'organizations_slug_key')) throw error
    throw new AppError('conflict', 'organization.slug_taken', {
      message: `The name ${slug} is taken. Choose another.`,
      details: { slug },
      cause: error,
    })
  }
}

async function mayCreate(tx: Transaction, userId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .leftJoin(organizationMembers, eq(organizationMembers.userId, users.id))
    .where(and(eq(users.id, userId), or(eq(users.isSuperAdmin, true), eq(organizationMembers.role, sql`'owner'`))))
    .limit(1)
  return rows.length > 0
}

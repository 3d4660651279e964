import { type Database, maybeOne } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { isUuid } from '@juanie/core/ids'
import type { Door, Permission, ProjectScope, Scope, Session } from '@juanie/core/scope'
import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Policy, Role } from '../organizations/policy.ts'
import { organizationMembers, organizations } from '../organizations/tables.ts'
import { projects } from './tables.ts'

/** The one door per tenant, for people: membership and role are read anew at each call, so that a removal holds at once. */
export class TenantDoor implements Door {
  readonly #policy: Policy
  readonly #ofOrganization: ReturnType<typeof organizationRole>
  readonly #ofProject: ReturnType<typeof projectRole>

  /** `policy` is the union of the tables of all domains. */
  constructor(parts: { db: Database; policy: Policy }) {
    this.#policy = parts.policy
    this.#ofOrganization = organizationRole(parts.db)
    this.#ofProject = projectRole(parts.db)
  }

  async organization(session: Session | null, organizationId: string, permission: Permission): Promise<Scope> {
    const person = known(session)
    if (!isUuid(organizationId)) throw notFound('organization')
    const row = await maybeOne(this.#ofOrganization.execute({ organizationId, userId: person.userId }))
    if (!row) throw notFound('organization')
    this.#check(row.role, permission)
    return { organizationId, projectId: null, actor: actor(person) }
  }

  async project(session: Session | null, projectId: string, permission: Permission): Promise<ProjectScope> {
    const person = known(session)
    if (!isUuid(projectId)) throw notFound('project')
    const row = await maybeOne(this.#ofProject.execute({ projectId, userId: person.userId }))
    if (!row) throw notFound('project')
    this.#check(row.role, permission)
    return { organizationId: row.organizationId, projectId, actor: actor(person) }
  }

  #check(role: Role, permission: Permission): void {
    const allowed = Object.hasOwn(this.#policy, permission) ? this.#policy[permission] : undefined
    if (!allowed) {
      throw new AppError('forbidden', 'permission.unknown', { message: `Nobody has the permission ${permission}.` })
    }
    if (!allowed.includes(role)) {
      throw new AppError('forbidden', 'permission.missing', {
        message: `You are a ${role} here, and ${permission} is for ${allowed.join(' and ')}. Ask an owner of the organization.`,
        details: { permission, role, allowed },
      })
    }
  }
}

function known(session: Session | null): Session {
  if (session) return session
  throw new AppError('unauthenticated', 'session.missing', {
    message: 'Nobody is signed in, or the token is wrong, expired or revoked. Sign in with `juanie login`.',
  })
}

const actor = (session: Session) => ({ kind: 'user' as const, id: session.userId, name: session.name })

const organizationRole = (db: Database) =>
  db
    .select({ role: organizationMembers.role })
    .from(organizationMembers)
    .where(
      and(
        eq(organizationMembers.organizationId, sql.placeholder('organizationId')),
        eq(organizationMembers.userId, sql.placeholder('userId')),
      ),
    )
    .prepare('door_organization')

const projectRole = (db: Database) =>
  db
    .select({ role: organizationMembers.role, organizationId: projects.organizationId })
    .from(projects)
    .innerJoin(organizations, eq(organizations.id, projects.organizationId))
    .innerJoin(organizationMembers, eq(organizationMembers.organizationId, projects.organizationId))
    .where(
      and(
        eq(projects.id, sql.placeholder('projectId')),
        isNull(projects.deletedAt),
        eq(organizationMembers.userId, sql.placeholder('userId')),
      ),
    )
    .prepare('door_project')

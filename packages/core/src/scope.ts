/** Who acts: a person, an agent for the job it was leased, or Juanie itself. */
type Actor =
  | { kind: 'user'; id: string; name: string }
  | { kind: 'agent'; id: string; name: string }
  | { kind: 'system'; id: null; name: 'juanie' }

/**
 * The right to act inside one organization, and inside one project where `projectId` is set. Only the door makes one
 * for a person (after it has checked the permission), and `systemScope` for jobs, schedules and webhooks.
 */
export interface Scope {
  readonly organizationId: string
  readonly projectId: string | null
  readonly actor: Actor
}

export interface ProjectScope extends Scope {
  readonly projectId: string
}

export const systemScope = (organizationId: string, projectId: string): ProjectScope => ({
  organizationId,
  projectId,
  actor: { kind: 'system', id: null, name: 'juanie' },
})

/** A permission is `thing.verb`; `policy.ts` of the thing's domain says which roles have it. */
export type Permission = `${string}.${string}`

/** Who is signed in, by cookie or token. */
export interface Session {
  userId: string
  email: string
  name: string
  /** The access token or the browser session that proved it, for revocation and audit. */
  credential: { kind: 'token' | 'session'; id: string }
}

/**
 * The one door per tenant. Refuses with `unauthenticated` without a session; what is foreign, deleted or not
 * permitted to be seen is `not_found`; what may be seen but not done is `forbidden`.
 */
export interface Door {
  organization(session: Session | null, organizationId: string, permission: Permission): Promise<Scope>
  project(session: Session | null, projectId: string, permission: Permission): Promise<ProjectScope>
}

import { AccessTokens } from '@juanie/services/auth'
import { createOrganization } from '@juanie/services/organizations'
import type { Role } from '@juanie/services/organizations/policy'
import { organizationMembers } from '@juanie/services/organizations/tables'
import { createUser } from '@juanie/services/users'
import type { TestApp } from './test-app.ts'

export interface Person {
  id: string
  email: string
  name: string
  token: string
  tokenId: string
}

/** Somebody with a token. The password opens nothing: these people never sign in with one. */
export async function person(t: TestApp, name: string): Promise<Person> {
  const user = await t.db.db.transaction((tx) =>
    createUser(tx, { email: `${name}@example.com`, name, passwordHash: 'none', isSuperAdmin: false }),
  )
  const { id, token } = await t.app.get(AccessTokens).issue(user.id, { name: 'test', expiresInDays: 1 })
  return { ...user, token, tokenId: id }
}

export const organization = (t: TestApp, slug: string, owner: Person) =>
  t.db.db.transaction((tx) => createOrganization(tx, { slug }, owner))

export const join = (t: TestApp, organizationId: string, userId: string, role: Role) =>
  t.db.db.insert(organizationMembers).values({ organizationId, userId, role })

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: what an API answers is looked at, not typed, in tests
  data: any
  reason: string | null
  message: string | null
}

/** One call of the API, as the command line makes it. */
export async function call(
  t: TestApp,
  token: string | null,
  procedure: { path: string; type: 'query' | 'mutation'; input?: unknown },
): Promise<Answer> {
  const isQuery = procedure.type === 'query'
  const query = isQuery ? `?input=${encodeURIComponent(JSON.stringify(procedure.input ?? {}))}` : ''
  const answer = await fetch(`${t.url}/api/trpc/${procedure.path}${query}`, {
    method: isQuery ? 'GET' : 'POST',
    headers: { ...(token && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' },
    body: isQuery ? undefined : JSON.stringify(procedure.input ?? {}),
  })
  const body = await answer.json()
  return {
    status: answer.status,
    data: body.result?.data ?? null,
    reason: body.error?.data?.reason ?? null,
    message: body.error?.message ?? null,
  }
}

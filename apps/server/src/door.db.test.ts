import { readdirSync, readFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import type { Entrance } from '@juanie/core/trpc'
import * as trpc from '@juanie/core/trpc'
import type { Role } from '@juanie/services/organizations/policy'
import { Projects } from '@juanie/services/projects'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { policies, policy } from './policies.ts'
import { appRouter } from './router.ts'
import { call, join, organization, type Person, person } from './testing/people.ts'
import { type TestApp, testApp } from './testing/test-app.ts'

interface Procedure {
  path: string
  type: 'query' | 'mutation'
  entrance: Entrance
}

let t: TestApp
let procedures: Procedure[]
let ids: { organizationId: string; projectId: string }
let people: Record<'owner' | 'developer' | 'viewer' | 'stranger' | 'removed' | 'revoked' | 'expired', Person>

beforeAll(async () => {
  t = await testApp()
  const { procedures: all } = appRouter(t.app.get)._def as unknown as {
    procedures: Record<string, { _def: { type: 'query' | 'mutation'; meta?: Entrance } }>
  }
  procedures = Object.entries(all).map(([path, { _def }]) => ({ path, type: _def.type, entrance: _def.meta! }))
  const names = ['owner', 'developer', 'viewer', 'stranger', 'removed', 'revoked', 'expired'] as const
  people = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await person(t, name)])),
  ) as typeof people
  const ours = await organization(t, 'ours', people.owner)
  await organization(t, 'theirs', people.stranger)
  for (const role of ['developer', 'viewer'] as const) await join(t, ours.id, people[role].id, role)
  for (const name of ['removed', 'revoked', 'expired'] as const) await join(t, ours.id, people[name].id, 'owner')
  const project = await t.app
    .get(Projects)
    .create(
      { organizationId: ours.id, projectId: null, actor: { kind: 'user', id: people.owner.id, name: 'owner' } },
      { slug: 'shop', template: 'empty' },
    )
  ids = { organizationId: ours.id, projectId: project.id }
  await t.db.pool.query('delete from organization_members where user_id = $1', [people.removed.id])
  await t.db.pool.query('update access_tokens set revoked_at = now() where id = $1', [people.revoked.tokenId])
  await t.db.pool.query(`update access_tokens set expires_at = now() - interval '1 second' where id = $1`, [
    people.expired.tokenId,
  ])
})

afterAll(() => t?.[Symbol.asyncDispose]())

const entering = (...doors: Entrance['door'][]) => procedures.filter(({ entrance }) => doors.includes(entrance.door))

describe('every procedure', () => {
  test('is built by one of the four doors', () => {
    expect(procedures.length).toBeGreaterThan(15)
    expect(procedures.filter(({ entrance }) => !entrance).map(({ path }) => path)).toEqual([])
    expect(Object.keys(trpc).sort()).toEqual([
      'anonymous',
      'inOrganization',
      'inProject',
      'router',
      'signedIn',
      'translate',
    ])
  })

  test('and nothing else makes one', () => {
    const roots = ['packages', 'apps'].map((folder) => joinPath(t.app.kernel.config.root, folder))
    const makers = roots.flatMap(sources).filter((file) => /\binitTRPC\b/.test(readFileSync(file, 'utf8')))
    expect(makers.map((file) => file.replace(/.*\/packages\//, ''))).toEqual(['core/src/trpc.ts'])
  })

  test('that lets everybody in is one of these', () => {
    expect(
      entering('anonymous')
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['auth.login', 'auth.refresh', 'auth.signIn', 'auth.signOut'].sort())
  })

  test('names a permission that some table knows', () => {
    const unknown = entering('organization', 'project').filter(
      ({ entrance }) => 'permission' in entrance && !policy[entrance.permission],
    )
    expect(unknown.map(({ path }) => path)).toEqual([])
  })
})

test('no permission stands in two tables, and each one gives owners at least what others have', () => {
  const names = policies.flatMap((table) => Object.keys(table))
  expect(names).toEqual([...new Set(names)])
  for (const roles of Object.values(policy)) {
    expect(roles.length).toBeGreaterThan(0)
    expect(roles).toContain('owner')
    if (roles.includes('viewer')) expect(roles).toContain('developer')
  }
})

describe('the door', () => {
  test.each(['anonymous', 'revoked', 'expired'] as const)('refuses %s at every procedure', async (who) => {
    const token = who === 'anonymous' ? null : people[who].token
    for (const procedure of entering('signedIn', 'organization', 'project')) {
      const answer = await call(t, token, { ...procedure, input: ids })
      expect([procedure.path, answer.status, answer.reason]).toEqual([procedure.path, 401, 'session.missing'])
    }
  })

  test.each(['stranger', 'removed'] as const)('shows %s the same as for what does not exist', async (who) => {
    const nowhere = {
      organizationId: '019a0000-0000-7000-8000-000000000000',
      projectId: '019a0000-0000-7000-8000-000000000001',
    }
    for (const procedure of entering('organization', 'project')) {
      const foreign = await call(t, people[who].token, { ...procedure, input: ids })
      const missing = await call(t, people[who].token, { ...procedure, input: nowhere })
      expect([procedure.path, foreign.status]).toEqual([procedure.path, 404])
      expect(foreign).toEqual(missing)
    }
  })

  test.each(['viewer', 'developer'] as const)('lets a %s do what the tables say and nothing else', async (who) => {
    for (const procedure of entering('organization', 'project')) {
      const { permission } = procedure.entrance as Extract<Entrance, { permission: unknown }>
      if (policy[permission]!.includes(who as Role)) {
        // What changes something is not done here; the tables' rows are tested where they stand.
        if (procedure.type === 'mutation') continue
        const answer = await call(t, people[who].token, { ...procedure, input: ids })
        expect([procedure.path, answer.reason]).not.toEqual([procedure.path, 'permission.missing'])
        expect([procedure.path, answer.status < 500 && answer.status !== 401]).toEqual([procedure.path, true])
      } else {
        const answer = await call(t, people[who].token, { ...procedure, input: ids })
        expect([procedure.path, answer.status, answer.reason]).toEqual([procedure.path, 403, 'permission.missing'])
        expect(answer.message).toContain(permission)
      }
    }
  })

  test('refuses a permission that no table names, and one that JavaScript has by itself', async () => {
    const { door } = await import('@juanie/services/projects').then(({ TenantDoor }) => ({
      door: t.app.get(TenantDoor),
    }))
    const session = {
      userId: people.owner.id,
      email: people.owner.email,
      name: 'owner',
      credential: { kind: 'token' as const, id: people.owner.tokenId },
    }
    for (const permission of ['thing.unheard', 'constructor', '__proto__'] as `${string}.${string}`[]) {
      await expect(door.project(session, ids.projectId, permission)).rejects.toMatchObject({
        reason: 'permission.unknown',
      })
    }
  })

  test('takes an id that is none for what does not exist', async () => {
    const answer = await call(t, people.owner.token, {
      path: 'projects.view',
      type: 'query',
      input: { projectId: "1' or '1'='1" },
    })
    expect(answer.status).toBe(400)
    expect(answer.message).toContain('projectId')
  })

  test('shuts a project that was deleted', async () => {
    const scope = {
      organizationId: ids.organizationId,
      projectId: null,
      actor: { kind: 'user' as const, id: people.owner.id, name: 'owner' },
    }
    const projects = t.app.get(Projects)
    const { id } = await projects.create(scope, { slug: 'gone', template: 'empty' })
    await projects.delete({ ...scope, projectId: id })
    const answer = await call(t, people.owner.token, { path: 'projects.view', type: 'query', input: { projectId: id } })
    expect(answer).toMatchObject({ status: 404, reason: 'project.not_found' })
  })

  test('opens for a password of git as for a bearer token, and for nothing else', async () => {
    const whoami = (authorization: string) => fetch(`${t.url}/api/trpc/auth.whoami`, { headers: { authorization } })
    const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const { token } = people.viewer
    const answers = await Promise.all(
      [
        `Bearer ${token}`,
        `bearer  ${token}`,
        basic('git', token),
        basic('', token),
        basic(token, ''),
        basic('git', `${token}x`),
        `Bearer ${token.slice(0, -1)}`,
        'Bearer',
        'Basic !!',
        `Digest ${token}`,
        `Bearer ${'x'.repeat(7000)}`,
      ].map(whoami),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 401, 401, 401, 401, 401, 401, 401])
  })
})

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => joinPath(entry.parentPath, entry.name))
    .filter((file) => !file.includes('/node_modules/') && !file.includes('/dist/'))
}

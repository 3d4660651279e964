import { uuidv7 } from '@juanie/core/ids'
import type { ProjectScope } from '@juanie/core/scope'
import { type TestDb, testDb } from '@juanie/core/testing/index'
import { expect, test } from 'vitest'
import { organizations } from '../organizations/tables.ts'
import { projects } from '../projects/tables.ts'
import { repositories } from '../repositories/tables.ts'
import { type ActionMirrors, Actions } from './index.ts'

const sha = (digit: string) => digit.repeat(40)

/** Sources that know `actions/cache@v4`, and every hosted repository with a tag `v1`. */
const mirrors: ActionMirrors = {
  resolve: async ({ owner, name, ref }) =>
    `${owner}/${name}` === 'actions/cache' && [sha('a'), 'v4'].includes(ref)
      ? { commit: sha('a'), notice: null }
      : null,
  ensure: async (place, commit) => commit === (place.kind === 'hosted' ? sha('b') : sha('a')),
  hostedRef: async (_id, ref) => (ref === 'v1' ? sha('b') : null),
  read: async (place, { path }) => `${place.kind} ${path}`,
  bundle: async () => {
    throw new Error('not asked for here')
  },
}

async function shop(t: TestDb, slug: string) {
  const organizationId = uuidv7()
  const projectId = uuidv7()
  await t.db.insert(organizations).values({ id: organizationId, slug, name: slug })
  await t.db.insert(projects).values({ id: projectId, organizationId, slug: 'tools', name: 'tools' })
  await t.db.insert(repositories).values({ projectId })
  return { organizationId, projectId, actor: { kind: 'system', id: null, name: 'juanie' } } satisfies ProjectScope
}

test('without a policy every action of the sources may be used', async () => {
  await using t = await testDb()
  const scope = await shop(t, 'acme')
  const actions = new Actions({ db: t.db, mirrors })
  expect(await actions.policy(scope)).toMatchObject({ mode: 'any', allowed: [] })
  expect(await actions.resolve(scope, { owner: 'actions', name: 'cache', ref: 'v4' })).toEqual({
    commit: sha('a'),
    notice: null,
  })
  await expect(actions.resolve(scope, { owner: 'actions', name: 'none', ref: 'v4' })).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('JUANIE_ACTIONS_URL'),
  })
})

test('an organization’s own repositories come first, and another’s are not seen', async () => {
  await using t = await testDb()
  const [acme, other] = [await shop(t, 'acme'), await shop(t, 'other')]
  const actions = new Actions({ db: t.db, mirrors })
  const own = { owner: 'Acme', name: 'tools' }
  expect(await actions.resolve(acme, { ...own, ref: 'v1' })).toEqual({ commit: sha('b'), notice: null })
  expect(await actions.read(acme, { ...own, commit: sha('b'), path: 'ci.yml' })).toBe('hosted ci.yml')
  await expect(actions.resolve(other, { ...own, ref: 'v1' })).rejects.toMatchObject({ code: 'not_found' })
  await expect(actions.read(other, { ...own, commit: sha('b'), path: 'ci.yml' })).rejects.toMatchObject({
    code: 'not_found',
  })
})

test('only listed owners and actions, or only pinned ones', async () => {
  await using t = await testDb()
  const scope = await shop(t, 'acme')
  const actions = new Actions({ db: t.db, mirrors })
  const cache = { owner: 'actions', name: 'cache', ref: 'v4' }
  await expect(actions.setPolicy(scope, { mode: 'listed', allowed: [] })).rejects.toMatchObject({ code: 'invalid' })
  for (const [allowed, isAllowed] of [
    [['actions'], true],
    [['Actions/*'], true],
    [['actions/cache'], true],
    [['actions/cach', 'action'], false],
  ] as const) {
    await actions.setPolicy(scope, { mode: 'listed', allowed: [...allowed] })
    const asked = actions.resolve(scope, cache)
    if (isAllowed) await expect(asked).resolves.toMatchObject({ commit: sha('a') })
    else await expect(asked).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining('--allow') })
    // What the organization hosts itself needs no list.
    await expect(actions.resolve(scope, { owner: 'acme', name: 'tools', ref: 'v1' })).resolves.toBeDefined()
  }
  await actions.setPolicy(scope, { mode: 'pinned', allowed: ['forgotten'] })
  expect(await actions.policy(scope)).toMatchObject({ mode: 'pinned', allowed: [] })
  await expect(actions.resolve(scope, cache)).rejects.toMatchObject({ code: 'forbidden' })
  await expect(actions.resolve(scope, { ...cache, ref: sha('a') })).resolves.toMatchObject({ commit: sha('a') })
  // Nor a pin.
  const tools = { owner: 'acme', name: 'tools', ref: 'v1' }
  await expect(actions.resolve(scope, tools)).resolves.toBeDefined()
  expect(await actions.refusals(scope, [cache, tools, { ...cache, ref: sha('a') }])).toEqual([
    expect.stringContaining('pinned'),
    null,
    null,
  ])
})

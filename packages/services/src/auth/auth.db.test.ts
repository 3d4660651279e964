import { randomBytes } from 'node:crypto'
import type { Session } from '@juanie/core/scope'
import { type TestDb, testDb } from '@juanie/core/testing/index'
import { expect, test } from 'vitest'
import { createUser } from '../users/index.ts'
import { AccessTokens, graceMs, limits, networkOf, refreshSeconds, Sessions, SignInLimits } from './index.ts'
import type { AccessClaims, AccessSigner, Passwords } from './port.ts'
import { sessions as sessionRows } from './tables.ts'

/** Says how often it was asked, for the tests of time. */
class PlainPasswords implements Passwords {
  asked: string[] = []

  async hash(password: string) {
    return `plain:${password}`
  }

  async matches(hash: string, password: string) {
    this.asked.push(hash)
    return hash === `plain:${password}`
  }
}

class MapSigner implements AccessSigner {
  readonly #claims = new Map<string, AccessClaims>()

  async sign(claims: AccessClaims) {
    const token = randomBytes(9).toString('hex')
    this.#claims.set(token, claims)
    return token
  }

  async open(token: string) {
    return this.#claims.get(token) ?? null
  }
}

async function installation(t: TestDb) {
  const passwords = new PlainPasswords()
  const parts = { db: t.db, passwords, signer: new MapSigner(), limits: new SignInLimits({ db: t.db }) }
  const ada = await t.db.transaction((tx) =>
    createUser(tx, {
      email: 'Ada@example.com',
      name: 'Ada',
      passwordHash: 'plain:right password',
      isSuperAdmin: false,
    }),
  )
  return { sessions: new Sessions(parts), tokens: new AccessTokens({ db: t.db }), passwords, ada, limits: parts.limits }
}

const right = { email: 'ada@EXAMPLE.com', password: 'right password' }
const wrong = { email: 'ada@example.com', password: 'wrong password' }
const home = '203.0.113.7'

const later = (t: TestDb, seconds: number) =>
  t.pool.query(
    `update sessions set rotated_at = rotated_at - make_interval(secs => $1), expires_at = expires_at - make_interval(secs => $1)`,
    [seconds],
  )

test('a refresh token works once, and its session lasts as long as it is refreshed', async () => {
  await using t = await testDb()
  const { sessions, ada } = await installation(t)
  let tokens = await sessions.signIn(right, home)
  for (let day = 0; day < 3; day++) {
    await later(t, 6 * 86_400)
    tokens = await sessions.refresh(tokens.refresh!)
    expect(await sessions.verify(tokens.access)).toMatchObject({ userId: ada.id, email: 'Ada@example.com' })
  }
  await later(t, refreshSeconds + 1)
  await expect(sessions.refresh(tokens.refresh!)).rejects.toMatchObject({ reason: 'session.over' })
  expect(await sessions.verify(tokens.access)).toBeNull()
})

test('two tabs that refresh at the same moment both stay signed in, with one newest token', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  const first = await sessions.signIn(right, home)
  const both = await Promise.all([sessions.refresh(first.refresh!), sessions.refresh(first.refresh!)])
  expect(both.map(({ refresh }) => refresh === null).sort()).toEqual([false, true])
  const newest = both.find(({ refresh }) => refresh)!.refresh!
  for (const { access } of both) expect(await sessions.verify(access)).not.toBeNull()
  expect((await sessions.refresh(newest)).refresh).toBeTruthy()
})

test('a refresh token that was used up ends the whole session', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  const stolen = await sessions.signIn(right, home)
  const owner = await sessions.refresh(stolen.refresh!)
  await later(t, graceMs / 1000 + 1)
  await expect(sessions.refresh(stolen.refresh!)).rejects.toMatchObject({ reason: 'session.over' })
  expect(await sessions.verify(owner.access)).toBeNull()
  await expect(sessions.refresh(owner.refresh!)).rejects.toMatchObject({ reason: 'session.over' })
})

test('a token of two refreshes ago ends the session also within the grace of the last one', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  const first = await sessions.signIn(right, home)
  const second = await sessions.refresh(first.refresh!)
  const third = await sessions.refresh(second.refresh!)
  await expect(sessions.refresh(first.refresh!)).rejects.toMatchObject({ reason: 'session.over' })
  expect(await sessions.verify(third.access)).toBeNull()
})

test('nonsense for a refresh token ends nobody’s session', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  const { access, refresh } = await sessions.signIn(right, home)
  for (const token of ['', 'x', 'jur_', refresh!.slice(0, -1), `${refresh}x`, refresh!.slice(4)]) {
    await expect(sessions.refresh(token)).rejects.toMatchObject({ reason: 'session.over' })
  }
  expect(await sessions.verify(access)).not.toBeNull()
})

test('tokens are stored as hashes only', async () => {
  await using t = await testDb()
  const { sessions, tokens, ada } = await installation(t)
  const { refresh } = await sessions.signIn(right, home)
  const { token } = await tokens.issue(ada.id, { name: 'laptop', expiresInDays: null })
  const { rows } = await t.pool.query(
    'select (select json_agg(s) from sessions s)::text || (select json_agg(a) from access_tokens a)::text as all_text',
  )
  expect(rows[0].all_text).not.toContain(refresh!.split('_')[2]!)
  expect(rows[0].all_text).not.toContain(token.slice(8))
  expect(rows[0].all_text).toContain(token.slice(0, 8))
})

test('an unknown address costs a password check too, and gets the same answer', async () => {
  await using t = await testDb()
  const { sessions, passwords } = await installation(t)
  const refusals = await Promise.all(
    [wrong, { ...wrong, email: 'nobody@example.com' }].map((input) =>
      sessions.signIn(input, home).catch((error) => error),
    ),
  )
  expect(refusals[0]).toMatchObject({ code: 'unauthenticated', reason: 'session.wrong_password' })
  expect(refusals[1]).toEqual(refusals[0])
  expect(passwords.asked).toHaveLength(2)
})

test('guesses for one account are stopped, also when they come all at once', async () => {
  await using t = await testDb()
  const { sessions, passwords } = await installation(t)
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => sessions.signIn(wrong, '198.51.100.1').catch((error) => error.code)),
  )
  expect(answers.filter((code) => code === 'unauthenticated')).toHaveLength(limits.both)
  expect(answers.filter((code) => code === 'limited')).toHaveLength(40 - limits.both)
  expect(passwords.asked).toHaveLength(limits.both)
  // From elsewhere its owner gets in.
  expect(await sessions.signIn(right, home)).toBeTruthy()
})

test('guesses over many accounts from one network are stopped', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  const guess = (n: number) =>
    sessions
      .signIn({ email: `user${n}@example.com`, password: 'guess' }, `2001:db8:1:2::${n.toString(16)}`)
      .catch((error) => error.code)
  for (let n = 1; n <= limits.network; n++) expect(await guess(n)).toBe('unauthenticated')
  expect(await guess(limits.network + 1)).toBe('limited')
})

test('a flood from many networks does not lock out where the owner has signed in before', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  await sessions.signIn(right, home)
  for (let n = 0; n < limits.account; n++) await sessions.signIn(wrong, `198.51.${n}.1`).catch(() => {})
  await expect(sessions.signIn(right, '192.0.2.200')).rejects.toMatchObject({ code: 'limited' })
  expect(await sessions.signIn(right, home)).toBeTruthy()
})

test('the right password is not counted, and counters end with their window', async () => {
  await using t = await testDb()
  const { sessions, limits: counters } = await installation(t)
  for (let n = 0; n < limits.network + 5; n++) await sessions.signIn(right, home)
  for (let n = 0; n < limits.both; n++) await sessions.signIn(wrong, home).catch(() => {})
  await expect(sessions.signIn(right, home)).rejects.toMatchObject({ reason: 'session.too_many_attempts' })
  await t.pool.query(`update sign_in_limits set ends_at = now() - interval '1 second'`)
  expect(await sessions.signIn(right, home)).toBeTruthy()
  await t.pool.query(`update sign_in_limits set ends_at = now() - interval '1 second'`)
  await counters.sweep()
  expect((await t.pool.query('select 1 from sign_in_limits')).rowCount).toBe(0)
})

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test('who signs out is out by access and refresh token, and others stay', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  const [one, other] = [await sessions.signIn(right, home), await sessions.signIn(right, home)]
  await sessions.endByRefresh(one.refresh!)
  expect(await sessions.verify(one.access)).toBeNull()
  await expect(sessions.refresh(one.refresh!)).rejects.toMatchObject({ reason: 'session.over' })
  expect(await sessions.verify(other.access)).not.toBeNull()
})

test('a person sees the browsers they are signed in with, and ends one, or all the others', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
  const [first, second, third] = [
    await sessions.signIn(right, home),
    await sessions.signIn(right, '198.51.100.9', agent.repeat(9)),
    await sessions.signIn(right, home, agent),
  ]
  const me = (await sessions.verify(third.access))!
  const eve = await t.db.transaction((tx) =>
    createUser(tx, { email: 'eve@example.com', name: 'Eve', passwordHash: 'none', isSuperAdmin: false }),
  )
  const eves = (await sessions.verify((await sessions.begin(eve.id, home)).access))!
  const { rows } = await sessions.list(me, { limit: 10 })
  expect(rows).toMatchObject([
    { network: home, userAgent: agent, isCurrent: true, createdAt: expect.any(Date), lastUsedAt: expect.any(Date) },
    { network: '198.51.100.9', userAgent: agent.repeat(9).slice(0, 300), isCurrent: false },
    { userAgent: null, isCurrent: false },
  ])
  const firstPage = await sessions.list(me, { limit: 2 })
  const secondPage = await sessions.list(me, { limit: 2, after: firstPage.next! })
  expect([...firstPage.rows, ...secondPage.rows].map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
  expect(secondPage.next).toBeNull()

  await expect(sessions.endOwn(eves, rows[1]!.id)).rejects.toMatchObject({ code: 'not_found' })
  await sessions.endOwn(me, rows[1]!.id)
  expect(await sessions.verify(second.access)).toBeNull()
  await expect(sessions.endOwn(me, rows[1]!.id)).rejects.toMatchObject({ code: 'not_found' })
  expect(await sessions.endOthers(me)).toEqual({ ended: 1 })
  expect(await sessions.verify(first.access)).toBeNull()
  expect(await sessions.verify(third.access)).not.toBeNull()
  expect((await sessions.list(eves, { limit: 10 })).rows).toHaveLength(1)
})

test('a personal access token ends when it is revoked or its time is over, and is its owner’s alone', async () => {
  await using t = await testDb()
  const { tokens, ada } = await installation(t)
  const eve = await t.db.transaction((tx) =>
    createUser(tx, { email: 'eve@example.com', name: 'Eve', passwordHash: 'none', isSuperAdmin: false }),
  )
  const sessionOf = (user: { id: string; email: string; name: string }): Session => ({
    userId: user.id,
    email: user.email,
    name: user.name,
    credential: { kind: 'token', id: user.id },
  })
  const [first, second, third] = [
    await tokens.create(sessionOf(ada), { name: 'one', expiresInDays: 1 }),
    await tokens.create(sessionOf(ada), { name: 'two', expiresInDays: null }),
    await tokens.create(sessionOf(ada), { name: 'three', expiresInDays: 3650 }),
  ]
  expect(await tokens.verify(first.token)).toMatchObject({
    userId: ada.id,
    credential: { kind: 'token', id: first.id },
  })
  await expect(tokens.revoke(sessionOf(eve), first.id)).rejects.toMatchObject({ code: 'not_found' })
  await tokens.revoke(sessionOf(ada), first.id)
  expect(await tokens.verify(first.token)).toBeNull()
  expect(await tokens.isAlive(first.id)).toBe(false)
  await t.pool.query(`update access_tokens set expires_at = now() where name = 'three'`)
  expect(await tokens.verify(third.token)).toBeNull()

  const page = await tokens.list(sessionOf(ada), { limit: 1 })
  expect(page.rows.map((row) => row.name)).toEqual(['two'])
  const rest = await tokens.list(sessionOf(ada), { limit: 1, after: page.next! })
  expect(rest.rows.map((row) => row.name)).toEqual(['three'])
  expect(rest.next).toBeNull()
  expect(JSON.stringify([page, rest])).not.toContain(second.token.slice(8))
  expect((await tokens.list(sessionOf(eve), { limit: 10 })).rows).toEqual([])
})

test('sessions that were over for long are removed, and younger ones kept', async () => {
  await using t = await testDb()
  const { sessions } = await installation(t)
  await sessions.signIn(right, home)
  await later(t, 98 * 86_400)
  await sessions.signIn(right, home)
  await sessions.sweep()
  expect(await t.db.select().from(sessionRows)).toHaveLength(1)
})

import { connect } from 'node:net'
import { deriveKey } from '@juanie/core/crypto'
import { isUuid } from '@juanie/core/ids'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { Browser } from './testing/browser.ts'
import { call, organization, person } from './testing/people.ts'
import { testApp } from './testing/test-app.ts'

const admin = { JUANIE_ADMIN_EMAIL: 'ada@example.com', JUANIE_ADMIN_PASSWORD: 'correct horse battery' }
const right = { email: 'ada@example.com', password: 'correct horse battery' }

test('health, readiness and metrics answer this machine', async () => {
  await using t = await testApp()
  expect(await (await fetch(`${t.url}/healthz`)).json()).toEqual({ status: 'ok' })
  const ready = await fetch(`${t.url}/readyz`)
  expect(ready.status).toBe(200)
  expect(await ready.json()).toEqual({ status: 'ok', checks: { database: 'ok', notifications: 'ok' } })
  const metrics = await (await fetch(`${t.url}/metrics`)).text()
  expect(metrics).toMatch(/^juanie_http_requests_total\{method="GET",route="\/readyz",status="200"\} 1$/m)
  expect(metrics).toMatch(/^process_resident_memory_bytes \d+$/m)
  for (const line of metrics.trim().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? -?[\d.e+-]+)$/)
})

test('metrics are for this machine or the bearer of their token, also behind a proxy', async () => {
  const token = 'a-token-for-metrics-only'
  await using t = await testApp({ JUANIE_METRICS_TOKEN: token })
  const metrics = (headers: Record<string, string>) =>
    fetch(`${t.url}/metrics`, { headers }).then(({ status }) => status)
  expect(await metrics({})).toBe(200)
  const named = await t.app.fastify.inject({ url: '/metrics', headers: { host: 'evil.example.com' } })
  expect(named.statusCode).toBe(403)
  expect(await metrics({ 'x-forwarded-for': '203.0.113.9' })).toBe(403)
  expect(await metrics({ 'x-forwarded-for': '203.0.113.9', authorization: 'Bearer wrong' })).toBe(403)
  expect(await metrics({ 'x-forwarded-for': '203.0.113.9', authorization: `Bearer ${token}` })).toBe(200)
})

test('without its database the server is alive, not ready, and says so', async () => {
  await using t = await testApp()
  await t.db.pool.end()
  expect((await fetch(`${t.url}/healthz`)).status).toBe(200)
  const ready = await fetch(`${t.url}/readyz`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({ status: 'unavailable', checks: { database: 'cannot be reached' } })
  expect((await fetch(`${t.url}/metrics`)).status).toBe(200)
})

test('a server that ends answers what is under way, cuts streams, and is gone within 10 s', async () => {
  const t = await testApp()
  await using _t = t
  const owner = await person(t, 'owner')
  const { id } = await organization(t, 'main', owner)
  const headers = { authorization: `Bearer ${owner.token}` }
  const stream = await fetch(`${t.url}/api/events?organizationId=${id}`, { headers })
  await t.db.pool.query('select 1')
  const lock = await t.db.pool.connect()
  await lock.query('begin; lock table access_tokens in access exclusive mode')
  const slow = fetch(`${t.url}/api/trpc/auth.whoami`, { headers })
  const idle = connect(Number(new URL(t.url).port), '127.0.0.1')
  await new Promise((resolve) => setTimeout(resolve, 200))
  const before = Date.now()
  const closing = t.app.close()
  setTimeout(() => void lock.query('commit').then(() => lock.release()), 500)
  expect((await slow).status).toBe(200)
  await closing
  expect(Date.now() - before).toBeLessThan(10_000)
  await expect(stream.text()).resolves.toContain('retry:')
  await expect(fetch(`${t.url}/healthz`)).rejects.toThrow()
  idle.destroy()
})

test('cookies are out of reach for scripts and other sites, and secure where the address is', async () => {
  await using t = await testApp(admin)
  const signIn = () =>
    fetch(`${t.url}/api/trpc/auth.signIn`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(right),
    })
  const cookies = (await signIn()).headers.getSetCookie()
  expect(cookies).toHaveLength(2)
  for (const cookie of cookies) {
    expect(cookie).toMatch(/; HttpOnly/)
    expect(cookie).toMatch(/; SameSite=Lax/)
    expect(cookie).not.toMatch(/Secure|Domain/)
  }
  expect(cookies.map((cookie) => /Max-Age=(\d+)/.exec(cookie)![1])).toEqual(['900', '604800'])
  await using secure = await testApp({ ...admin, JUANIE_URL: 'https://juanie.example.com' })
  const answer = await fetch(`${secure.url}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://juanie.example.com' },
    body: new URLSearchParams(right).toString(),
  })
  expect(answer.status).toBe(303)
  for (const cookie of answer.headers.getSetCookie()) expect(cookie).toMatch(/; Secure/)
  expect(answer.headers.get('strict-transport-security')).toContain('max-age')
})

test('a page calls the API with its cookies, and a call without an origin is nobody’s', async () => {
  await using t = await testApp(admin)
  const browser = new Browser(t.url)
  await browser.call('auth.signIn', right)
  const made = await browser.call('auth.tokens.create', { name: 'from a page' })
  expect(made.status).toBe(200)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const bare = await fetch(`${t.url}/api/trpc/auth.tokens.create`, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'forged' }),
  })
  expect(bare.status).toBe(401)
  const refreshed = await browser.call('auth.refresh', {})
  expect(refreshed.status).toBe(200)
  expect((await browser.call('auth.signOut', {})).status).toBe(200)
  expect(browser.cookies.size).toBe(0)
  expect((await fetch(`${t.url}/api/trpc/auth.whoami`, { headers: { cookie } })).status).toBe(401)
})

test('an access token that is forged, of another key, of another kind or over is nobody’s', async () => {
  await using t = await testApp(admin)
  const browser = new Browser(t.url)
  await browser.call('auth.signIn', right)
  const real = browser.cookies.get('juanie_access')!
  const claims = JSON.parse(Buffer.from(real.split('.')[1]!, 'base64url').toString())
  expect(Object.keys(claims).sort()).toEqual(['exp', 'iat', 'iss', 'sid', 'sub'])
  expect(claims.exp - claims.iat).toBe(900)
  expect(isUuid(claims.sid)).toBe(true)
  const key = deriveKey(t.app.kernel.masterKey, 'access-token')
  const signed = (change: object, by: Uint8Array = key, alg = 'HS256') =>
    new SignJWT({ ...claims, ...change }).setProtectedHeader({ alg }).sign(by)
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${real.split('.')[1]}.`
  const whoami = async (access: string) =>
    (await fetch(`${t.url}/api/trpc/auth.whoami`, { headers: { cookie: `juanie_access=${access}` } })).status
  expect(await whoami(real)).toBe(200)
  expect(await whoami(await signed({}))).toBe(200)
  const now = Math.floor(Date.now() / 1000)
  for (const forged of [
    none,
    `${real.slice(0, -2)}AA`,
    await signed({ exp: now - 1 }),
    await signed({ iss: 'other' }),
    await signed({}, deriveKey(t.app.kernel.masterKey, 'data-keys')),
    await signed({}, Buffer.concat([key, key]), 'HS512'),
    await signed({ sub: '019a0000-0000-7000-8000-000000000000' }),
    await signed({ sid: '019a0000-0000-7000-8000-000000000000' }),
  ]) {
    expect(await whoami(forged)).toBe(401)
  }
})

test('the terminal signs in with a password and gets a token', async () => {
  await using t = await testApp(admin)
  const login = (password: string, token: object) =>
    call(t, null, { path: 'auth.login', type: 'mutation', input: { ...right, password, token } })
  const made = await login(right.password, { name: 'juanie on laptop', expiresInDays: 30 })
  expect(made.data).toMatchObject({ id: expect.any(String), token: expect.stringMatching(/^jua_/) })
  const who = await call(t, made.data.token, { path: 'auth.whoami', type: 'query' })
  expect(who.data).toMatchObject({ email: 'ada@example.com', credential: { kind: 'token', id: made.data.id } })
  expect(await login('wrong', { name: 'x' })).toMatchObject({ status: 401, reason: 'session.wrong_password' })
  expect(await login(right.password, { name: '' })).toMatchObject({
    status: 400,
    reason: 'input.invalid',
    message: 'token.name: say what the token is for',
  })
})

test('too many wrong passwords are refused with 429, and a forwarded address is believed only of a trusted proxy', async () => {
  await using t = await testApp(admin)
  const guess = (forwarded: string) =>
    fetch(`${t.url}/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': forwarded },
      body: new URLSearchParams({ ...right, password: 'wrong' }).toString(),
    }).then(({ status }) => status)
  const statuses = []
  for (let n = 0; n < 12; n++) statuses.push(await guess(`203.0.113.${n}`))
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429])
})

test('a batch has at most 20 calls', async () => {
  await using t = await testApp()
  const batch = (calls: number) =>
    fetch(`${t.url}/api/trpc/${Array(calls).fill('auth.whoami').join(',')}?batch=1&input=%7B%7D`).then(
      ({ status }) => status,
    )
  expect(await batch(20)).toBe(401)
  expect(await batch(21)).toBe(400)
})

test('what nobody answers is not found, what is too large or no JSON is refused, and nothing inside shows', async () => {
  await using t = await testApp()
  const missing = await fetch(`${t.url}/nothing/here?token=secret`)
  expect(missing.status).toBe(404)
  expect(await missing.json()).toEqual({
    error: {
      code: 'not_found',
      reason: 'route.not_found',
      message: 'There is nothing at GET /nothing/here.',
      details: {},
    },
  })
  const post = (body: string, type = 'application/json') =>
    fetch(`${t.url}/api/trpc/auth.login`, { method: 'POST', headers: { 'content-type': type }, body })
  expect((await post('{')).status).toBe(400)
  expect((await post(JSON.stringify({ email: 'x'.repeat(3_000_000) }))).status).toBe(413)
  expect((await post('a=b', 'text/csv')).status).toBe(415)
  await t.db.pool.query('alter table users rename to people')
  const broken = await post(JSON.stringify({ ...right, token: { name: 'x' } }))
  expect(broken.status).toBe(500)
  expect(await broken.text()).toMatch(/^(?!.*(users|relation|query|stack)).*Its log says what/)
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cloneRoot } from '@juanie/core/config'
import { Invitations, Organizations, Setup } from '@juanie/services/organizations'
import { users } from '@juanie/services/users/tables'
import { expect, test } from 'vitest'
import { Browser, type Page } from '../testing/browser.ts'
import { type TestApp, testApp } from '../testing/test-app.ts'

const password = 'correct horse battery'

const pathOf = (url: string) => new URL(url).pathname

/** Only who is signed in gets this page. */
const isConsole = (page: Page) => page.status === 200 && page.text.includes('<div id="app">')

const whoami = async (browser: Browser) => JSON.parse((await browser.get('/api/trpc/auth.whoami')).text).result?.data

const membershipsOf = async (browser: Browser) => {
  const input = encodeURIComponent('{"limit":10}')
  const { text } = await browser.get(`/api/trpc/organizations.list?input=${input}`)
  return JSON.parse(text).result.data.rows.map((row: { slug: string; role: string }) => `${row.slug} ${row.role}`)
}

async function setUp(t: TestApp): Promise<Browser> {
  const steps = await t.app.firstSteps()
  const browser = new Browser(t.url)
  const page = await browser.submit(pathOf((steps as { url: string }).url), {
    email: 'ada@example.com',
    name: 'Ada',
    password,
  })
  expect(isConsole(page)).toBe(true)
  expect(await whoami(browser)).toMatchObject({ email: 'ada@example.com', name: 'Ada' })
  return browser
}

async function inviteBy(t: TestApp, email: string, role: 'owner' | 'developer' | 'viewer' = 'developer') {
  const [ada] = await t.db.db.select().from(users)
  const session = {
    userId: ada!.id,
    email: ada!.email,
    name: ada!.name,
    credential: { kind: 'token' as const, id: ada!.id },
  }
  const { rows } = await t.app.get(Organizations).list(session, { limit: 1 })
  const actor = { kind: 'user' as const, id: ada!.id, name: ada!.name }
  const scope = { organizationId: rows[0]!.id, projectId: null, actor }
  const { url, replaced, id } = await t.app.get(Invitations).invite(scope, { email, role })
  return { link: pathOf(url), replaced, id, scope }
}

const invite = async (...asked: Parameters<typeof inviteBy>) => (await inviteBy(...asked)).link

test('the setup link makes the first administrator once, signs in, and is then over', async () => {
  await using t = await testApp()
  const steps = await t.app.firstSteps()
  if (steps.kind !== 'setup') throw new Error('no link')
  const link = pathOf(steps.url)
  const browser = new Browser(t.url)
  expect((await browser.get('/')).text).toContain('no administrator yet')
  expect((await browser.get(link)).text).toContain('Set up the first administrator')

  const wrong = await browser.submit(link, { email: 'ada', name: ' ', password: 'short' })
  expect(wrong.status).toBe(400)
  expect(wrong.text).toContain('value="ada"')
  expect(wrong.text.match(/aria-invalid/g)).toHaveLength(3)
  expect(wrong.text).not.toContain('short"')

  const both = await Promise.all(
    ['ada@example.com', 'eve@example.com'].map((email) =>
      new Browser(t.url).submit(link, { email, name: 'Someone', password }),
    ),
  )
  expect(both.map((page) => page.status).sort()).toEqual([200, 404])
  expect((await browser.get(link)).status).toBe(404)
  expect(await t.app.get(Setup).link()).toBeNull()
  expect(await t.app.firstSteps()).toEqual({ kind: 'ready', email: null })
})

test('each start without an administrator prints a new link and ends the old one', async () => {
  await using t = await testApp()
  const [first, second] = [await t.app.get(Setup).link(), await t.app.get(Setup).link()]
  const browser = new Browser(t.url)
  expect((await browser.get(pathOf(first!))).status).toBe(404)
  expect((await browser.get(pathOf(second!))).status).toBe(200)
})

test('the configured account is ready, and a later change of its password there changes nothing', async () => {
  await using t = await testApp({ JUANIE_ADMIN_EMAIL: 'ada@example.com', JUANIE_ADMIN_PASSWORD: password })
  expect(await t.app.firstSteps()).toEqual({ kind: 'ready', email: 'ada@example.com' })
  await t.app.get(Setup).ensureAdministrator({ email: 'ada@example.com', password: 'another password' })
  await t.app.get(Setup).ensureAdministrator({ email: 'eve@example.com', password: 'another password' })
  const browser = new Browser(t.url)
  expect((await browser.submit('/sign-in', { email: 'ada@example.com', password: 'another password' })).status).toBe(
    401,
  )
  expect((await browser.submit('/sign-in', { email: 'eve@example.com', password: 'another password' })).status).toBe(
    401,
  )
  const page = await browser.submit('/sign-in', { email: 'ADA@example.com ', password })
  expect(isConsole(page)).toBe(true)
  expect(await membershipsOf(browser)).toEqual(['main owner'])
})

test('who signs out is out, also with a cookie that was kept aside', async () => {
  await using t = await testApp()
  const browser = await setUp(t)
  const kept = new Map(browser.cookies)
  expect((await browser.submit('/sign-out', {})).text).toContain('<form class="card" method="post" action="/sign-in"')
  expect(browser.cookies.size).toBe(0)
  for (const [name, value] of kept) browser.cookies.set(name, value)
  expect((await browser.get('/')).text).toContain('action="/sign-in"')
  expect(await whoami(browser)).toBeUndefined()
})

test('the start page renews an access token that has run out', async () => {
  await using t = await testApp()
  const browser = await setUp(t)
  const before = browser.cookies.get('juanie_refresh')
  browser.cookies.delete('juanie_access')
  expect(isConsole(await browser.get('/'))).toBe(true)
  expect(browser.cookies.get('juanie_access')).toBeTruthy()
  expect(browser.cookies.get('juanie_refresh')).not.toBe(before)
})

test('an invitation makes an account for its address, once', async () => {
  await using t = await testApp()
  await setUp(t)
  const link = await invite(t, 'bob@example.com', 'viewer')
  const bob = new Browser(t.url)
  expect((await bob.get(link)).text).toContain(
    '<strong>bob@example.com</strong> was invited as <strong>viewer</strong>',
  )
  expect((await bob.submit(link, { name: 'Bob', password: 'short' })).status).toBe(400)
  // The address of the form is not believed.
  const page = await bob.submit(link, { email: 'eve@example.com', name: 'Bob', password })
  expect(isConsole(page)).toBe(true)
  expect(await whoami(bob)).toMatchObject({ email: 'bob@example.com', name: 'Bob' })
  expect(await membershipsOf(bob)).toEqual(['main viewer'])
  expect((await new Browser(t.url).submit(link, { name: 'Eve', password })).status).toBe(404)
})

test('an invitation is for its address alone, be it signed in or not', async () => {
  await using t = await testApp()
  const ada = await setUp(t)
  const first = await invite(t, 'bob@example.com')
  await new Browser(t.url).submit(first, { name: 'Bob', password })

  const other = await invite(t, 'carol@example.com')
  const asAda = await ada.get(other)
  expect(asAda.text).toContain('<strong>ada@example.com</strong> is signed in')
  expect((await ada.submit(other, { name: 'Carol', password })).status).toBe(403)
  expect((await ada.get(other)).status).toBe(200)
})

test('somebody with an account accepts with its password, and wrong ones are refused', async () => {
  await using t = await testApp()
  await setUp(t)
  await new Browser(t.url).submit(await invite(t, 'bob@example.com', 'viewer'), { name: 'Bob', password })
  const bobs = await t.db.pool.query(`delete from organization_members where role = 'viewer' returning user_id`)
  expect(bobs.rowCount).toBe(1)
  const link = await invite(t, 'Bob@Example.com', 'owner')
  const bob = new Browser(t.url)
  expect((await bob.get(link)).text).toContain('There is an account with this address')
  expect((await bob.submit(link, { password: 'wrong password' })).status).toBe(401)
  expect(isConsole(await bob.submit(link, { password }))).toBe(true)
  expect(await membershipsOf(bob)).toEqual(['main owner'])
})

test('a second invitation of an address replaces the first, and a member is not invited again', async () => {
  await using t = await testApp()
  await setUp(t)
  const first = await inviteBy(t, 'bob@example.com', 'owner')
  const second = await inviteBy(t, 'BOB@example.com', 'viewer')
  expect([first.replaced, second.replaced]).toEqual([false, true])
  const browser = new Browser(t.url)
  expect((await browser.get(first.link)).status).toBe(404)
  expect((await browser.get(second.link)).status).toBe(200)
  await expect(invite(t, 'ADA@example.com')).rejects.toMatchObject({ reason: 'invitation.already_member' })
})

test('owners see the invitations that are open, and withdraw one: its link works no more', async () => {
  await using t = await testApp()
  await setUp(t)
  const invitations = t.app.get(Invitations)
  const { link, id, scope } = await inviteBy(t, 'bob@example.com', 'viewer')
  await inviteBy(t, 'eve@example.com', 'owner')
  const { rows } = await invitations.list(scope, { limit: 10 })
  expect(rows).toMatchObject([
    { email: 'eve@example.com', role: 'owner', invitedBy: 'Ada' },
    { email: 'bob@example.com', role: 'viewer' },
  ])
  expect(JSON.stringify(rows)).not.toContain('jui')
  await invitations.withdraw(scope, id)
  expect((await new Browser(t.url).get(link)).status).toBe(404)
  expect((await invitations.list(scope, { limit: 10 })).rows).toHaveLength(1)
  await expect(invitations.withdraw(scope, id)).rejects.toMatchObject({ code: 'not_found' })
  const stranger = { ...scope, organizationId: '019a0000-0000-7000-8000-000000000000' }
  await expect(invitations.withdraw(stranger, rows[0]!.id)).rejects.toMatchObject({ code: 'not_found' })
})

test('a link that has run out is over', async () => {
  await using t = await testApp()
  const steps = await t.app.firstSteps()
  await t.db.pool.query(`update setup_links set expires_at = now() - interval '1 second'`)
  const path = pathOf((steps as { url: string }).url)
  expect((await new Browser(t.url).submit(path, { email: 'a@example.com', name: 'A', password })).status).toBe(404)
})

test('forms of other sites are refused, whatever cookies come with them', async () => {
  await using t = await testApp()
  const browser = await setUp(t)
  for (const origin of ['https://evil.example.com', 'null', 'http://shop-dev.localhost:8080']) {
    const page = await browser.submit('/sign-out', {}, { origin })
    expect(page.status).toBe(403)
    const signIn = await browser.submit('/sign-in', { email: 'ada@example.com', password }, { origin })
    expect(signIn.status).toBe(403)
    const call = await browser.call('auth.tokens.create', { name: 'stolen' }, { origin })
    expect(call.status).toBe(403)
  }
  expect(await whoami(browser)).toMatchObject({ email: 'ada@example.com' })
})

test('pages speak the language of the browser, or the one that was chosen', async () => {
  await using t = await testApp()
  const browser = await setUp(t)
  const zh = { 'accept-language': 'zh-TW,zh;q=0.9,en;q=0.5' }
  const chinese = await new Browser(t.url).get('/', zh)
  expect(chinese.text).toContain('<html lang="zh-CN">')
  expect(chinese.text).toContain('登录 Juanie')
  // The console is built in each language, and its page says in which.
  expect((await browser.get('/', zh)).text).toContain('<html lang="zh-CN">')
  expect((await browser.get('/', { 'accept-language': 'fr,en;q=0.2,zh;q=0.1' })).text).toContain('<html lang="en">')
  await browser.get('/?lang=zh-CN')
  expect((await browser.get('/', { 'accept-language': 'en' })).text).toContain('<html lang="zh-CN">')
})

test('nothing that a visitor sends becomes markup, and pages run no inline script', async () => {
  await using t = await testApp()
  await setUp(t)
  const evil = '"><script>alert(1)</script>'
  const page = await new Browser(t.url).submit('/sign-in', { email: evil, password })
  expect(page.status).toBe(401)
  expect(page.text).not.toContain('<script>alert')
  expect(page.text).toContain('&lt;script&gt;alert(1)')
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
  expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
  expect(page.text).not.toMatch(/<script(?! src=)|\son\w+=|style="/)
  const asset = /href="(\/assets\/[^"]+\.css)"/.exec(page.text)![1]!
  const style = await fetch(`${t.url}${asset}`)
  expect(style.headers.get('cache-control')).toContain('immutable')
})

test('a link to any page leads there after signing in, and nowhere else', async () => {
  await using t = await testApp()
  const browser = await setUp(t)
  const html = { accept: 'text/html,*/*;q=0.8' }
  const deep = '/main/shop/runs/1?step=2&line=40'
  expect(isConsole(await browser.get(deep, html))).toBe(true)
  expect((await browser.get('/main/shop/runs/1', { accept: 'application/json' })).status).toBe(404)
  await browser.submit('/sign-out', {})
  const asked = await browser.get(deep, html)
  const target = '/sign-in?next=%2Fmain%2Fshop%2Fruns%2F1%3Fstep%3D2%26line%3D40'
  expect(asked.text).toContain(`action="${target}"`)
  // The other language keeps the way.
  const other = /href="([^"]+)" lang="zh-CN"/.exec(asked.text)![1]!.replaceAll('&amp;', '&')
  expect((await browser.get(other)).text).toContain(`action="${target}"`)
  const wrong = await browser.submit(target, { email: 'ada@example.com', password: 'wrong password' })
  expect(wrong.text).toContain(`action="${target}"`)
  const signIn = (next: string) =>
    fetch(`${t.url}/sign-in?next=${encodeURIComponent(next)}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ email: 'ada@example.com', password }).toString(),
    }).then((answer) => answer.headers.get('location'))
  for (const next of ['/main/shop/runs/1', deep, '/main/-/queues', '/main/shop/events?kind=run#end']) {
    expect(await signIn(next)).toBe(next)
  }
  for (const next of ['//evil.example.com', '/\\evil.example.com', 'https://evil.example.com', '/a\r\nb: c', '/a b']) {
    expect(await signIn(next)).toBe('/')
  }
})

test('the pages before the sign-in wear the colours of the console, light and dark', async () => {
  await using t = await testApp()
  const page = await new Browser(t.url).get('/sign-in')
  const scripts = [...page.text.matchAll(/<script src="([^"]+)"/g)].map(([, url]) => url!)
  expect(scripts[0]).toBe('/theme.js')
  for (const url of scripts) expect((await fetch(`${t.url}${url}`)).status).toBe(200)
  const style = await (await fetch(`${t.url}${/href="(\/assets\/[^"]+\.css)"/.exec(page.text)![1]!}`)).text()
  const tokens = readFileSync(join(cloneRoot(), 'apps/web/src/styles/tokens.css'), 'utf8')
  expect(style.startsWith(tokens.trim())).toBe(true)
  // Every colour that they use is one of the console's.
  const used = [...style.matchAll(/var\((--[\w-]+)\)/g)].map(([, name]) => name!)
  for (const name of used) expect(tokens).toContain(`${name}:`)
  expect(style.slice(tokens.length)).not.toMatch(/#[0-9a-f]{3,8}\b(?![^{}]*\}\s*\})/i)
  expect(style).toMatch(
    /@media \(scripting: none\) and \(prefers-color-scheme: dark\) \{ :root \{\s+color-scheme: dark/,
  )
})

test('an address that cannot be read leads people to a page and programs to a refusal', async () => {
  await using t = await testApp()
  const ask = (path: string, accept: string) =>
    fetch(`${t.url}${path}`, { headers: { accept, 'accept-language': 'zh' } })
  for (const path of ['/%E0%A4%A', '/main/%E0%A4%A/runs', '/main/shop%00', '/main?view=%00', '/%c0%80']) {
    const page = await ask(path, 'text/html,*/*;q=0.8')
    expect(page.status, path).toBe(404)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
    expect(await page.text()).toContain('此链接无法使用')
    const answer = await ask(path, 'application/json')
    expect(answer.status, path).toBe(404)
    expect(await answer.json()).toMatchObject({ error: { code: 'not_found' } })
  }
  for (const path of ['/api/trpc/%E0%A4%A', '/api/x%00']) {
    const answer = await ask(path, 'text/html')
    expect([400, 404]).toContain(answer.status)
    expect(answer.headers.get('content-type')).toContain('application/json')
  }
})

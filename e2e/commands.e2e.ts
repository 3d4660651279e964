import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { admin, finish, Juanie, launcher } from './lib/juanie.ts'
import { Project } from './lib/project.ts'
import { visit } from './lib/visitor.ts'

let juanie: Juanie
let shop: Project

beforeAll(async () => {
  juanie = await Juanie.start()
  await juanie.login()
  shop = await Project.create(juanie, 'shop')
  await shop.json(['env', 'edit', 'dev', '--soak', '300ms', '--drain', '500ms'])
  await shop.json(['env', 'edit', 'staging', '--soak', '300ms', '--drain', '500ms'])
})
afterAll(() => juanie[Symbol.asyncDispose]())

const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/)
const id = expect.stringMatching(/^[0-9a-f-]{36}$/)

test('every command explains itself, and the exit codes are those that are promised', async () => {
  const help = await juanie.juanie(['--help'])
  expect(help.code).toBe(0)
  const names = [...help.stdout.matchAll(/^ {2}([a-z]+)(?=[ |])/gm)].map((found) => found[1]!)
  expect(names).toEqual(
    expect.arrayContaining([
      'login',
      'logout',
      'whoami',
      'token',
      'org',
      'project',
      'repo',
      'init',
      'run',
      'logs',
      'release',
      'env',
      'variable',
      'secret',
      'deploy',
      'promote',
      'rollback',
      'status',
      'doctor',
      'up',
      'down',
      'agent',
    ]),
  )
  for (const name of names.filter((each) => each !== 'help')) {
    expect((await juanie.juanie([name, '--help'])).stdout, name).toMatch(/^Usage: juanie/)
  }
  expect((await juanie.juanie(['bogus'])).code).toBe(2)
  expect((await juanie.juanie(['run', 'list', '--nonsense'])).code).toBe(2)
  const nobody = await juanie.juanie(['whoami'], { env: { XDG_CONFIG_HOME: join(juanie.home, 'nobody') } })
  expect(nobody.code).toBe(4)
  expect(nobody.stderr).toContain('juanie login')
  const revoked = await juanie.juanie(['whoami'], { env: { JUANIE_TOKEN: 'jua_revoked', JUANIE_URL: juanie.url } })
  expect(revoked).toMatchObject({ code: 4, stderr: expect.stringContaining('JUANIE_TOKEN is wrong') })
  const few = await juanie.juanie(['env', 'edit', 'dev', '--healthy', '0', '-p', 'main/shop'])
  expect(few).toMatchObject({ code: 2, stderr: expect.stringContaining('--healthy: must be at least 1') })
  const wrong = await juanie.juanie(['whoami'], { env: { JUANIE_TOKEN: 'jua_wrong', JUANIE_URL: juanie.url } })
  expect(wrong.code).toBe(4)
}, 120_000)

test('an edit that says nothing and a value that is empty change nothing, and say what to do', async () => {
  const idle = await shop.run(['env', 'edit', 'dev'])
  expect(idle).toMatchObject({ code: 2, stderr: expect.stringContaining('Nothing was changed') })
  for (const option of ['--position', '--follows', '--soak', '--probe-timeout']) expect(idle.stderr).toContain(option)
  expect(idle.stderr).not.toContain('--json')
  const empty = await shop.run(['variable', 'set', 'NOTHING'], { input: '' })
  expect(empty).toMatchObject({ code: 2, stderr: expect.stringContaining('--allow-empty') })
  expect((await shop.run(['variable', 'set', 'NOTHING', '--allow-empty'], { input: '' })).code).toBe(0)
  expect((await shop.run(['variable', 'delete', 'NOTHING'])).code).toBe(0)
})

test('an answer that cannot be written is a failure, and a reader that goes away is none', async ({ skip }) => {
  if (!existsSync('/dev/full')) skip('there is no /dev/full on this system')
  const into = (where: string) =>
    finish('sh', ['-c', `"$0" "$@" ${where}`, process.execPath, launcher, 'project', 'list', '--json'], {
      env: juanie.environment,
    })
  expect(await into('> /dev/full')).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be written') })
  expect((await into('| true')).stderr).toBe('')
})

test('a wrong password signs nobody in, and the login lies where only its owner reads it', async () => {
  const wrong = await juanie.juanie(['login', '--url', juanie.url, '--email', admin.email, '--password-stdin'], {
    input: 'not it\n',
    env: { XDG_CONFIG_HOME: join(juanie.home, 'nobody') },
  })
  expect(wrong.code).toBe(4)
  const file = join(juanie.home, 'person/config/juanie/login.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).not.toContain(admin.password)
})

test('a token is shown once, works for commands and is refused after it is revoked', async () => {
  const made = await juanie.json<{ id: string; token: string }>(['token', 'create', 'script'])
  expect(made).toEqual({ id, token: expect.stringMatching(/^jua_/) })
  const env = { JUANIE_TOKEN: made.token, JUANIE_URL: juanie.url }
  expect(JSON.parse((await juanie.juanie(['whoami', '--json'], { env })).stdout)).toMatchObject({ email: admin.email })
  expect(JSON.stringify(await juanie.json(['token', 'list']))).not.toContain(made.token)
  expect((await juanie.juanie(['token', 'revoke', made.id])).code).toBe(0)
  expect((await juanie.juanie(['whoami'], { env })).code).toBe(4)
})

test('a folder is deployed, promoted and rolled back, and JSON says so in the promised shapes', async () => {
  const folder = join(juanie.home, 'folder')
  const app = (text: string) => ({
    '../folder/server.js': `require('http').createServer((q, s) => s.end('${text} ' + process.env.GREETING)).listen(process.env.PORT, process.env.HOST)`,
    '../folder/Procfile': 'web: node server.js\n',
  })
  shop.write(app('one'))
  await shop.run(['variable', 'set', 'GREETING'], { input: 'hello' })
  const first = await shop.json<Record<string, unknown>>(['deploy', 'dev', '--from', folder], { limitMs: 60_000 })
  expect(first).toEqual({
    id,
    number: 1,
    status: 'succeeded',
    reason: null,
    url: `http://shop-dev.localhost:${juanie.edgePort}`,
    release: { id, number: 1, digest, commit: null },
  })
  expect((await visit(juanie.edgePort, 'shop-dev.localhost')).body).toBe('one hello')

  await shop.run(['variable', 'set', 'GREETING'], { input: 'good day' })
  shop.write(app('two'))
  const second = await shop.json<{ number: number; status: string }>(['deploy', 'dev', '--from', folder])
  expect(second).toMatchObject({ number: 2, status: 'succeeded' })
  expect((await visit(juanie.edgePort, 'shop-dev.localhost')).body).toBe('two good day')

  const plan = await shop.json<{ changes: { path: string }[] }>(['rollback', 'dev', '--plan'])
  expect(plan.changes.map(({ path }) => path).sort()).toEqual(['bundle', 'variables.GREETING'])
  const back = await shop.json<{ status: string; release: { number: number } }>(['rollback', 'dev'])
  expect(back).toMatchObject({ status: 'succeeded', release: { number: 1 } })
  expect((await visit(juanie.edgePort, 'shop-dev.localhost')).body).toBe('one hello')

  const promoted = await shop.json<{ status: string; url: string }>(['promote', 'dev'])
  expect(promoted).toMatchObject({
    status: 'succeeded',
    url: `http://shop-staging.localhost:${juanie.edgePort}`,
    release: { number: 1 },
  })
  expect(await shop.json(['env', 'list'])).toEqual([
    expect.objectContaining({
      id,
      name: 'dev',
      url: `http://shop-dev.localhost:${juanie.edgePort}`,
      health: 'healthy',
      release: expect.objectContaining({ number: 1, digest, commit: null }),
      deployment: expect.objectContaining({ id, number: 3, status: 'succeeded' }),
      last: expect.objectContaining({ id, number: 3, status: 'succeeded', reason: null }),
    }),
    expect.objectContaining({ name: 'staging', release: expect.objectContaining({ number: 1 }) }),
    expect.objectContaining({ name: 'production', health: 'missing', release: null, deployment: null, last: null }),
  ])
  const queued = await shop.json<{ status: string; number: number }>(['deploy', 'dev', '--release', '2', '--no-wait'])
  expect(queued.status).toBe('queued')
  expect((await shop.ended(queued.number - 1)).last).toMatchObject({ status: 'succeeded' })
}, 120_000)

test('deploying what cannot get healthy ends with 1 and says why, and the old version goes on', async () => {
  const before = (await visit(juanie.edgePort, 'shop-dev.localhost')).body
  await shop.json(['env', 'edit', 'dev', '--start-limit', '1500ms'])
  shop.write({
    '../dead/server.js': 'console.error("no database"); process.exit(7)',
    '../dead/Procfile': 'web: node server.js\n',
  })
  const dead = await shop.run(['deploy', 'dev', '--from', join(juanie.home, 'dead')])
  expect(dead.code).toBe(1)
  expect(dead.stderr).toMatch(/failed\..*exited with code 7/)
  shop.write({
    '../deaf/server.js': "require('http').createServer((q, s) => s.end('x')).listen(18080)",
    '../deaf/Procfile': 'web: node server.js\n',
  })
  const deaf = await shop.run(['deploy', 'dev', '--from', join(juanie.home, 'deaf')])
  expect(deaf.stderr).toMatch(/18080/)
  shop.write({ '../images/compose.yaml': 'services:\n  db:\n    image: postgres\n' })
  const images = await shop.run(['deploy', 'dev', '--from', join(juanie.home, 'images')])
  expect(images.code).not.toBe(0)
  expect(images.stderr).toMatch(/db/)
  expect((await visit(juanie.edgePort, 'shop-dev.localhost')).body).toBe(before)
  await shop.json(['env', 'edit', 'dev', '--start-limit', 'default'])
}, 120_000)

test('a secret reaches the application and shows nowhere else', async () => {
  const canary = 'canary-4b1d-secret-value'
  expect((await shop.run(['secret', 'set', 'API_KEY', '--env', 'dev'], { input: canary })).code).toBe(0)
  const folder = join(juanie.home, 'canary')
  shop.write({
    '../canary/server.js': `console.log('key ' + process.env.API_KEY); require('http').createServer((q, s) => s.end(String(process.env.API_KEY.length))).listen(process.env.PORT, process.env.HOST)`,
    '../canary/Procfile': 'web: node server.js\n',
  })
  const deployed = await shop.run(['deploy', 'dev', '--from', folder, '--json'])
  expect((await visit(juanie.edgePort, 'shop-dev.localhost')).body).toBe(String(canary.length))
  await expect.poll(async () => (await shop.run(['logs', 'dev'])).stdout, { timeout: 10_000 }).toContain('key ***')
  const outputs = [
    deployed.stdout,
    deployed.stderr,
    (await shop.run(['logs', 'dev'])).stdout,
    (await shop.run(['secret', 'list', '--json'])).stdout,
    (await shop.run(['rollback', 'dev', '--plan'])).stdout,
    (await shop.run(['status', '--json'])).stdout,
    (await shop.run(['release', 'view', '1', '--json'])).stdout,
    juanie.output,
  ]
  expect(outputs.join('\n')).not.toContain(canary)
  for (const { command } of juanie.processes()) expect(command).not.toContain(canary)
}, 60_000)

test('somebody invited as a viewer sees and may not change, and a stranger finds nothing', async () => {
  const { url } = await juanie.json<{ url: string }>(['org', 'invite', 'vic@example.com', '--role', 'viewer'])
  expect(url).toMatch(/\/invite\//)
  const page = await fetch(url)
  expect(page.status).toBe(200)
  const accepted = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: juanie.url },
    body: new URLSearchParams({ email: 'vic@example.com', name: 'Vic', password: 'a password of vic' }),
  })
  expect(accepted.status).toBeLessThan(400)
  const env = { XDG_CONFIG_HOME: join(juanie.home, 'vic') }
  const login = await juanie.juanie(['login', '--url', juanie.url, '--email', 'vic@example.com', '--password-stdin'], {
    input: 'a password of vic\n',
    env,
  })
  expect(login.code, login.stderr).toBe(0)
  expect((await shop.run(['env', 'list'], { env })).code).toBe(0)
  const refused = await shop.run(['deploy', 'dev'], { env })
  expect(refused.code).toBe(1)
  expect((await juanie.juanie(['project', 'view', 'main/other'], { env })).stderr).toContain('no such project')
  // The link works once.
  expect((await fetch(url)).status).toBeGreaterThanOrEqual(400)
}, 60_000)

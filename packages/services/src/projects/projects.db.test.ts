import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { uuidv7 } from '@juanie/core/ids'
import type { Scope } from '@juanie/core/scope'
import { freePort, type TestDb, testDb } from '@juanie/core/testing/index'
import { expect, onTestFinished, test } from 'vitest'
import { Environments } from '../environments/index.ts'
import { createOrganization, Organizations } from '../organizations/index.ts'
import { EdgeUrls } from '../routes/index.ts'
import { routes } from '../routes/tables.ts'
import type { TemplateName } from '../templates/contract.ts'
import { templates } from '../templates/index.ts'
import { createUser } from '../users/index.ts'
import { Projects } from './index.ts'
import type { ProjectPart } from './port.ts'

async function owner(t: TestDb, slug = 'main') {
  const user = await t.db.transaction((tx) =>
    createUser(tx, { email: `${slug}@example.com`, name: slug, passwordHash: 'none', isSuperAdmin: false }),
  )
  const organization = await t.db.transaction((tx) => createOrganization(tx, { slug }, user))
  const scope: Scope = {
    organizationId: organization.id,
    projectId: null,
    actor: { kind: 'user', id: user.id, name: user.name },
  }
  return { user, scope }
}

const defaults = { healthy: 3, soakMs: 1, drainMs: 2, startLimitMs: 3, probeTimeoutMs: 4, replicas: 1 }

function services(t: TestDb, parts: ProjectPart[] = []) {
  const urls = new EdgeUrls({ db: t.db, port: 8080 })
  const environments = new Environments({
    db: t.db,
    baseDomain: 'localhost',
    reserved: 'juanie-ui.localhost',
    urls,
    defaults,
  })
  return {
    environments,
    projects: new Projects({ db: t.db, url: 'http://127.0.0.1:3000', parts: [environments, ...parts] }),
  }
}

test('a project begins with three environments, each at a hostname of its own', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const { projects, environments } = services(t)
  const project = await projects.create(scope, { slug: 'shop', template: 'node' })
  expect(project).toMatchObject({ slug: 'shop', name: 'shop', cloneUrl: 'http://127.0.0.1:3000/git/main/shop.git' })
  const own = { ...scope, projectId: project.id }
  expect(await projects.view(own)).toEqual(project)
  const rows = await environments.list(own)
  expect(rows.map(({ name, position, url, config }) => [name, position, url, config])).toEqual([
    ['dev', 1, 'http://shop-dev.localhost:8080', { follows: { default: true } }],
    ['staging', 2, 'http://shop-staging.localhost:8080', { follows: null }],
    ['production', 3, 'http://shop-production.localhost:8080', { follows: null }],
  ])
})

test('a failure halfway leaves no row, and what was made outside is taken back', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const calls: string[] = []
  const part = (name: string, fails: boolean): ProjectPart => ({
    begin: async (_tx, _scope, project) => {
      calls.push(`begin ${name} ${Object.keys(project.files).length > 0}`)
      if (fails) throw new Error('the disk is full')
    },
    undo: async () => {
      calls.push(`undo ${name}`)
      throw new Error('and stays so')
    },
  })
  const { projects } = services(t, [part('first', false), part('second', true), part('third', false)])
  await expect(projects.create(scope, { slug: 'shop', template: 'node' })).rejects.toThrow('the disk is full')
  expect(calls).toEqual(['begin first true', 'begin second true', 'undo second', 'undo first'])
  for (const table of ['projects', 'environments', 'routes']) {
    expect((await t.pool.query(`select 1 from ${table}`)).rowCount, table).toBe(0)
  }
  expect((await t.pool.query(`select 1 from project_events where type like 'project.%'`)).rowCount).toBe(0)
  await services(t).projects.create(scope, { slug: 'shop', template: 'node' })
})

test('what was made outside stays when the commit went through and only its answer was lost', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const calls: string[] = []
  const part: ProjectPart = {
    begin: async () => void calls.push('begin'),
    undo: async () => void calls.push('undo'),
  }
  // The connection is lost right after PostgreSQL has committed.
  const db: TestDb['db'] = Object.assign(Object.create(t.db), {
    transaction: async (work: Parameters<TestDb['db']['transaction']>[0]) => {
      await t.db.transaction(work)
      throw new Error('Connection terminated unexpectedly')
    },
  })
  const projects = new Projects({ db, url: 'http://127.0.0.1:3000', parts: [part] })
  await expect(projects.create(scope, { slug: 'shop', template: 'empty' })).rejects.toThrow('terminated')
  expect(calls).toEqual(['begin'])
  expect((await projects.list(scope, { limit: 10 })).rows).toHaveLength(1)
})

test('names are taken within an organization, and free again after a deletion', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const { scope: other } = await owner(t, 'other')
  const { projects } = services(t)
  const { id } = await projects.create(scope, { slug: 'shop', template: 'empty' })
  await expect(projects.create(scope, { slug: 'shop', template: 'empty' })).rejects.toMatchObject({
    reason: 'project.slug_taken',
  })
  await projects.create(other, { slug: 'shop', template: 'empty' })
  await projects.delete({ ...scope, projectId: id })
  await expect(projects.delete({ ...scope, projectId: id })).rejects.toMatchObject({ code: 'not_found' })
  await expect(projects.view({ ...scope, projectId: id })).rejects.toMatchObject({ code: 'not_found' })
  await projects.create(scope, { slug: 'shop', template: 'empty' })
  expect(await t.db.select().from(routes)).toHaveLength(6)
})

test('hostnames are unique: the organization is added, then a mark', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const { scope: other } = await owner(t, 'other')
  const { projects, environments } = services(t)
  const hostname = async (whose: Scope, slug: string, name: string) => {
    const page = await projects.list(whose, { limit: 100 })
    const found = page.rows.find((row) => row.slug === slug)
    const project = found ?? (await projects.create(whose, { slug, template: 'empty' }))
    const own = { ...whose, projectId: project.id }
    const rows = await environments.list(own)
    return (rows.find((row) => row.name === name) ?? (await environments.create(own, { name }))).hostname
  }
  expect(await hostname(scope, 'shop', 'dev')).toBe('shop-dev.localhost')
  expect(await hostname(other, 'shop', 'dev')).toBe('shop-dev-other.localhost')
  expect(await hostname(scope, 'a', 'b-c')).toBe('a-b-c.localhost')
  expect(await hostname(scope, 'a-b', 'c')).toBe('a-b-c-main.localhost')
  expect(await hostname(scope, 'juanie', 'ui')).toBe('juanie-ui-main.localhost')
  const long = 'x'.repeat(40)
  const name = await hostname(scope, long, 'y'.repeat(32))
  expect(name.split('.')[0]!.length).toBeLessThanOrEqual(63)
  expect(name).toMatch(/^x{40}-y+-[0-9a-f]{8}\.localhost$/)
})

test('two projects that ask for one hostname at once get two', async () => {
  await using t = await testDb()
  const people = await Promise.all(['one', 'two', 'three'].map((slug) => owner(t, slug)))
  const { projects } = services(t)
  await Promise.all(people.map(({ scope }) => projects.create(scope, { slug: 'shop', template: 'empty' })))
  const rows = await t.db.select({ hostname: routes.hostname }).from(routes)
  expect(new Set(rows.map((row) => row.hostname)).size).toBe(9)
})

test('a list of projects comes in pages and is the organization’s own', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const { scope: other } = await owner(t, 'other')
  const { projects } = services(t)
  for (const slug of ['a', 'b', 'c']) await projects.create(scope, { slug, template: 'empty' })
  await projects.create(other, { slug: 'd', template: 'empty' })
  const first = await projects.list(scope, { limit: 2 })
  const second = await projects.list(scope, { limit: 2, after: first.next! })
  expect([...first.rows, ...second.rows].map((row) => row.slug)).toEqual(['a', 'b', 'c'])
  expect(second.next).toBeNull()
})

test('an environment is edited one setting at a time, and null takes a setting away', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const { projects, environments } = services(t)
  const own = { ...scope, projectId: (await projects.create(scope, { slug: 'shop', template: 'empty' })).id }
  await environments.edit(own, { environment: 'dev', config: { soakMs: 5000, replicas: 2 } })
  await environments.edit(own, {
    environment: 'dev',
    position: 7,
    config: { soakMs: null, follows: { branch: 'next' } },
  })
  const dev = await environments.view(own, 'dev')
  expect(dev.defaults).toEqual(defaults)
  expect(dev).toMatchObject({ position: 7, config: { follows: { branch: 'next' }, replicas: 2 } })
  expect(dev.config).not.toHaveProperty('soakMs')
  await environments.edit(own, { environment: dev.id, config: { follows: null } })
  expect((await environments.view(own, dev.id)).config).toEqual({ follows: null, replicas: 2 })
  expect(await environments.create(own, { name: 'qa' })).toMatchObject({ position: 8, samePosition: [] })
  await expect(environments.create(own, { name: 'qa' })).rejects.toMatchObject({ reason: 'environment.name_taken' })
  await expect(environments.view(own, 'nowhere')).rejects.toThrow('"nowhere"')
  await expect(environments.view({ ...own, projectId: uuidv7() }, dev.id)).rejects.toMatchObject({ code: 'not_found' })
})

test('an environment at the position of another is told which one that is', async () => {
  await using t = await testDb()
  const { scope } = await owner(t)
  const { projects, environments } = services(t)
  const own = { ...scope, projectId: (await projects.create(scope, { slug: 'shop', template: 'empty' })).id }
  await projects.create(scope, { slug: 'other', template: 'empty' })
  expect((await environments.create(own, { name: 'qa', position: 2 })).samePosition).toEqual(['staging'])
  expect((await environments.edit(own, { environment: 'dev', position: 2 })).samePosition).toEqual(['qa', 'staging'])
  expect((await environments.edit(own, { environment: 'dev', position: 1 })).samePosition).toEqual([])
  expect((await environments.edit(own, { environment: 'qa', config: { replicas: 2 } })).samePosition).toEqual([
    'staging',
  ])
})

test('organizations are made by administrators and owners, not by those who were only invited', async () => {
  await using t = await testDb()
  const { user, scope } = await owner(t)
  const organizations = new Organizations({ db: t.db })
  const session = (person: { id: string; email: string; name: string }) => ({
    userId: person.id,
    email: person.email,
    name: person.name,
    credential: { kind: 'token' as const, id: person.id },
  })
  const guest = await t.db.transaction((tx) =>
    createUser(tx, { email: 'guest@example.com', name: 'Guest', passwordHash: 'none', isSuperAdmin: false }),
  )
  await t.pool.query(`insert into organization_members values ($1, $2, 'developer')`, [scope.organizationId, guest.id])
  await expect(organizations.create(session(guest), { slug: 'mine' })).rejects.toMatchObject({ code: 'forbidden' })
  await organizations.create(session(user), { slug: 'second' })
  await expect(organizations.create(session(user), { slug: 'second' })).rejects.toMatchObject({
    reason: 'organization.slug_taken',
  })
  expect((await organizations.list(session(user), { limit: 10 })).rows.map(({ slug, role }) => [slug, role])).toEqual([
    ['main', 'owner'],
    ['second', 'owner'],
  ])
  await expect(organizations.find(session(guest), 'second')).rejects.toMatchObject({ code: 'not_found' })
})

test('the last owner stays, however many owners remove each other at once', async () => {
  await using t = await testDb()
  const { user, scope } = await owner(t)
  const organizations = new Organizations({ db: t.db })
  await expect(organizations.removeMember(scope, user.id)).rejects.toMatchObject({ reason: 'organization.last_owner' })
  const others = await Promise.all(
    ['b', 'c'].map((name) =>
      t.db.transaction((tx) =>
        createUser(tx, { email: `${name}@example.com`, name, passwordHash: 'none', isSuperAdmin: false }),
      ),
    ),
  )
  for (const { id } of others) {
    await t.pool.query(`insert into organization_members values ($1, $2, 'owner')`, [scope.organizationId, id])
  }
  const ends = await Promise.allSettled([user, ...others].map(({ id }) => organizations.removeMember(scope, id)))
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect((await organizations.members(scope, { limit: 10 })).rows).toHaveLength(1)
})

test.for(['node', 'python'] as const)(
  'the %s template tests itself, answers, and ends on request',
  async (name, { skip }) => {
    if (name === 'python' && spawnSync('python3', ['--version']).error) skip('python3 is not installed')
    const folder = unpack(name)
    const command = name === 'node' ? ['node', 'server.js'] : ['python3', 'server.py']
    const check = name === 'node' ? ['node', '--test'] : ['python3', '-m', 'unittest']
    await run(check, folder)
    const port = await freePort()
    const [program = '', ...args] = command
    const child = spawn(program, args, {
      cwd: folder,
      env: { PATH: process.env.PATH, PORT: String(port), HOST: '127.0.0.1' },
      stdio: 'ignore',
    })
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    onTestFinished(() => void child.kill('SIGKILL'))
    const health = () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(health, { timeout: 10_000 }).toBe(200)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('Hello from Juanie!\n')
    expect((await fetch(`http://127.0.0.1:${port}/nothing`)).status).toBe(404)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  },
)

test('every template is small, and the scripts of the node one pass', async () => {
  expect(templates.empty('shop')).toEqual({})
  for (const name of ['node', 'python', 'static'] as const) {
    const files = templates[name]('shop')
    expect(Object.keys(files)).toContain('README.md')
    expect(Object.values(files).join('').length).toBeLessThan(8_000)
  }
  const folder = unpack('node')
  await run(['npm', 'ci', '--offline', '--no-audit', '--no-fund'], folder)
  await run(['npm', 'run', 'build'], folder)
})

function unpack(name: TemplateName): string {
  const folder = mkdtempSync(join(tmpdir(), 'juanie-template-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(templates[name]('shop'))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

function run([program = '', ...args]: string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}: ${output}`)),
    )
  })
}

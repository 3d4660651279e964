import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Juanie, until } from './lib/juanie.ts'
import { Project } from './lib/project.ts'
import { visit } from './lib/visitor.ts'

/** Root may, unless it is one inside a container without that right. */
function canMount(): boolean {
  const trial = mkdtempSync(join(tmpdir(), 'juanie-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', trial], { stdio: 'ignore' })
    execFileSync('umount', [trial])
    return true
  } catch {
    return false
  } finally {
    rmdirSync(trial)
  }
}

const isPossible = canMount()
const why = 'It mounts small disks, which needs root.'
if (!isPossible) console.warn(`Nothing of what a full disk does is shown. ${why}`)

let juanie: Juanie
let shop: Project
const disks: string[] = []

function mount(name: string, megabytes: number, mode: string): void {
  const path = join(juanie.home, 'data', name)
  mkdirSync(path, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=${mode}`, 'tmpfs', path])
  disks.push(path)
}

beforeAll(async () => {
  if (!isPossible) return
  juanie = await Juanie.prepare()
  mount('database', 160, '700')
  mount('agent', 24, '711')
  await juanie.up()
  await juanie.login()
  shop = await Project.create(juanie, 'shop', 'empty')
  await shop.json(['env', 'edit', 'dev', '--soak', '200ms', '--drain', '200ms'])
  shop.write({
    '../app/server.js': `let n = 0
process.stdout.on('error', () => {})
require('http').createServer((q, s) => { console.log('request ' + ++n + ' ' + 'x'.repeat(2000)); s.end('fine') }).listen(process.env.PORT, process.env.HOST)`,
    '../app/Procfile': 'web: node server.js\n',
  })
  const deployed = await shop.run(['deploy', 'dev', '--from', join(juanie.home, 'app')])
  expect(deployed.code, deployed.stderr).toBe(0)
})
afterAll(async () => {
  if (!isPossible) return
  await juanie.juanie(['down'], { limitMs: 60_000 })
  for (const path of disks) execFileSync('umount', ['--lazy', path])
  await juanie[Symbol.asyncDispose]()
})

/** Takes what is left of a disk; gives back how to give it back. */
function fill(name: string): () => void {
  const path = join(juanie.home, 'data', name, 'filler')
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4096))
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  }
  closeSync(file)
  return () => rmSync(path)
}

interface View {
  status: string
  jobs: { status: string; steps: { status: string; reason: string | null }[] }[]
}

async function run(steps: string): Promise<View> {
  const commit = await shop.commit('workflow', {
    '.juanie/workflows/ci.yml': `on: push\njobs:\n  a:\n    runs-on: linux\n    steps:\n${steps}`,
  })
  await shop.push()
  const { number } = await shop.runOf(commit)
  return shop.json<View>(['run', 'view', String(number)])
}

const page = async () => (await visit(juanie.edgePort, 'shop-dev.localhost')).body

test('a step that fills the disk fails, the next ones say that it is full, and the next run has room again', async ({
  skip,
}) => {
  skip(!isPossible, why)
  const full = await run(
    '      - run: cat /dev/zero > large\n      - if: always()\n        run: echo never\n      - if: always()\n        run: echo never\n',
  )
  expect(full.status).toBe('failed')
  const [first, second, third] = full.jobs[0]!.steps
  expect(first!.status).toBe('failed')
  expect([second!.reason, third!.reason]).toContainEqual(expect.stringContaining('The disk of the host is full.'))
  expect(await page()).toBe('fine')
  expect(await run('      - run: echo fine\n')).toMatchObject({ status: 'succeeded' })
}, 90_000)

test('with the disk of the host full what serves goes on serving, a deployment says why it fails, and then all goes on', async ({
  skip,
}) => {
  skip(!isPossible, why)
  const free = fill('agent')
  for (let i = 0; i < 50; i++) expect(await page()).toBe('fine')
  shop.write({
    '../next/server.js': `${readFileSync(join(juanie.home, 'app/server.js'), 'utf8')}\n// ${'y'.repeat(50_000)}`,
  })
  shop.write({ '../next/Procfile': 'web: node server.js\n' })
  const failed = await shop.run(['deploy', 'dev', '--from', join(juanie.home, 'next')], { limitMs: 60_000 })
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(/disk of the host is full/)
  expect(await page()).toBe('fine')
  free()
  const succeeded = await shop.run(['deploy', 'dev', '--from', join(juanie.home, 'next')], { limitMs: 60_000 })
  expect(succeeded.code, succeeded.stderr).toBe(0)
  for (let i = 0; i < 3; i++) expect(await page()).toBe('fine')
  await expect.poll(async () => (await shop.run(['logs', 'dev'])).stdout, { timeout: 15_000 }).toContain('request 3 ')
}, 120_000)

test('with the disk of the database full writing is refused in words, and goes on when there is room', async ({
  skip,
}) => {
  skip(!isPossible, why)
  const free = fill('database')
  const set = (name: string) => shop.run(['variable', 'set', name], { input: name.repeat(10_000) })
  const refused = await until('a refusal', async () => {
    const answer = await set('LARGE')
    return answer.code !== 0 && answer
  })
  expect(refused.stderr).toMatch(/disk of Juanie's database is full/)
  expect(await page()).toBe('fine')
  expect((await juanie.juanie(['doctor'])).stdout).toMatch(/WRONG +disk +0 MB free for \S+database/)
  free()
  expect(await set('AFTER')).toMatchObject({ code: 0 })
}, 90_000)

test('a database that ended because its disk is full is back by itself when there is room, with all that it had', async ({
  skip,
}) => {
  skip(!isPossible, why)
  const before = await shop.runs()
  const free = fill('database')
  // What fills its log ends PostgreSQL: it must not go on without writing.
  const database = join(juanie.home, 'data/database')
  const port = readFileSync(join(database, 'data/postmaster.pid'), 'utf8').split('\n')[3]
  const password = readFileSync(join(database, 'password'), 'utf8').trim()
  const client = new pg.Client({ connectionString: `postgres://juanie:${password}@127.0.0.1:${port}/postgres` })
  client.on('error', () => {})
  await client.connect()
  const writing = (async () => {
    for (let i = 0; i < 50; i++) {
      await client.query('select pg_switch_wal()')
      await client.query(`create table filler_${i} (a int)`)
    }
  })()
  await expect(writing).rejects.toThrow()
  await client.end().catch(() => {})

  const ready = () => fetch(`${juanie.url}/readyz`).then((answer) => answer.status)
  await expect.poll(ready, { timeout: 15_000 }).toBe(503)
  const refused = await shop.run(['run', 'list'])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/database cannot be reached|disk of Juanie's database is full/)
  expect(await page()).toBe('fine')
  await until('the log to say why', () => /the disk that holds \S+ is full/.test(juanie.output), 20_000)
  free()
  await expect.poll(ready, { timeout: 30_000 }).toBe(200)
  expect(await shop.runs()).toEqual(before)
  expect(await run('      - run: echo fine\n')).toMatchObject({ status: 'succeeded' })
}, 120_000)

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { freePort, leftBehind, tempHome, testDb } from './index.ts'

test('each test has a database of its own with the schema, and it is gone afterwards', async () => {
  let name: string
  {
    await using first = await testDb()
    await using second = await testDb()
    await first.pool.query('create table only_here (id int)')
    const { rows } = await second.pool.query(`select to_regclass('only_here') as found, current_database() as name`)
    expect(rows[0].found).toBeNull()
    name = rows[0].name
    const { rowCount } = await second.pool.query(
      `select from information_schema.schemata where schema_name = 'drizzle'`,
    )
    expect(rowCount).toBe(1)
  }
  const client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  await client.end()
  expect(rowCount).toBe(0)
})

test('many tests get their databases at once', async () => {
  const databases = await Promise.all(Array.from({ length: 8 }, () => testDb()))
  expect(new Set(databases.map(({ url }) => url)).size).toBe(8)
  await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()))
})

test('a process and the files of a home are gone when it is disposed of', async () => {
  const home = tempHome()
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${await freePort()})`], {
    cwd: home.path,
    detached: true,
    stdio: 'ignore',
  })
  await once(child, 'spawn')
  expect(leftBehind(home.path)).toContainEqual(expect.stringContaining(`process ${child.pid} runs`))
  const ended = once(child, 'exit')
  await home[Symbol.asyncDispose]()
  await ended
  expect(leftBehind(home.path)).toEqual([])
})

test('a home and its processes go when the test run is killed with -9', async () => {
  const parent = tempHome()
  const guard = join(import.meta.dirname, 'guard.mjs')
  // The program stands for a test run: it holds the pipe to its guard, starts something in the home, and is killed.
  const program = `
    const { spawn } = require('node:child_process')
    const guard = spawn(process.execPath, [${JSON.stringify(guard)}], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] })
    guard.stdin.write('+' + process.argv[1] + '\\n')
    const child = spawn('sleep', ['60'], { cwd: process.argv[1], detached: true, stdio: 'ignore' })
    child.on('spawn', () => console.log('ready'))
    setInterval(() => {}, 1000)`
  const home = join(parent.path, 'home')
  fs.mkdirSync(home)
  const run = spawn(process.execPath, ['-e', program, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(run.stdout, 'data')
  expect(leftBehind(home).length).toBeGreaterThan(1)
  run.kill('SIGKILL')
  await expect.poll(() => leftBehind(home), { timeout: 5_000 }).toEqual([])
  await parent[Symbol.asyncDispose]()
})

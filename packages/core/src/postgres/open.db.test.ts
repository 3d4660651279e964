import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { openHome } from '../home.ts'
import { identify, waitUntilGone } from '../process-identity.ts'
import { tempHome } from '../testing/index.ts'
import { openPostgres, stopLeftPostgres } from './open.ts'

async function query<T>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows as T[]
  } finally {
    await client.end()
  }
}

/** Root may, unless it is one inside a container without that right. */
function canMount(): boolean {
  const trial = fs.mkdtempSync(join(tmpdir(), 'juanie-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', trial], { stdio: 'ignore' })
    execFileSync('umount', [trial])
    return true
  } catch {
    return false
  } finally {
    fs.rmdirSync(trial)
  }
}

const settings = { fsync: 'off' }

test('the database is made at the first start, stopped clean, and has its rows at the next', async () => {
  await using folder = tempHome()
  const home = openHome(folder.path)
  const first = await openPostgres(home, { settings })
  expect(first).toMatchObject({ isAdopted: false, isEmbedded: true })
  await query(first.url, 'create table kept as select 7 as n')
  const [facts] = await query<Record<string, string>>(
    first.url,
    `select current_setting('server_encoding') as encoding, current_setting('password_encryption') as password,
       (select datlocale from pg_database where datname = current_database()) as locale`,
  )
  expect(facts).toEqual({ encoding: 'UTF8', password: 'scram-sha-256', locale: 'C.UTF-8' })
  const pid = first.pid()
  await first.stop()
  expect(identify(pid)).toBeNull()
  expect(fs.existsSync(join(home.database, 'data', 'postmaster.pid'))).toBe(false)

  await using second = await openPostgres(home, { settings })
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }])
})

test('nobody gets in without the password, which only its owner can read', async () => {
  await using folder = tempHome()
  const home = openHome(folder.path)
  await using postgres = await openPostgres(home, { settings })
  const wrong = Object.assign(new URL(postgres.url), { password: 'password' }).href
  await expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed')
  expect(fs.statSync(join(home.database, 'password')).mode & 0o777).toBe(0o600)
  expect(fs.statSync(join(home.database, 'data')).mode & 0o777).toBe(0o700)
})

test('a database that outlived its server is adopted, and one without a server can be stopped', async () => {
  await using folder = tempHome()
  const home = openHome(folder.path)
  const first = await openPostgres(home, { settings })
  const second = await openPostgres(home, { settings })
  expect(second).toMatchObject({ isAdopted: true, url: first.url })
  expect(second.pid()).toBe(first.pid())
  // The first supervisor stands for a server that was killed: it must not bring the database back.
  const stopping = first.stop()
  await stopping
  await second.stop()
  const third = await openPostgres(home, { settings })
  const pid = third.pid()
  expect(await stopLeftPostgres(home)).toBe(true)
  await third.stop()
  expect(identify(pid)).toBeNull()
  expect(await stopLeftPostgres(home)).toBe(false)
})

test('a database that is killed with -9 comes back on the same port with what was committed', async () => {
  await using folder = tempHome()
  const home = openHome(folder.path)
  const told: (Error | null)[] = []
  await using postgres = await openPostgres(home, { onRestart: (error) => told.push(error) })
  await query(postgres.url, 'create table kept as select 7 as n')
  const killed = identify(postgres.pid())!
  process.kill(killed.pid, 'SIGKILL')
  await waitUntilGone(killed, 2_000)
  await expect
    .poll(() => query(postgres.url, 'select n from kept').catch(() => []), { timeout: 10_000 })
    .toEqual([{ n: 7 }])
  await expect.poll(() => told, { timeout: 5_000 }).toEqual([null])
  expect(postgres.pid()).not.toBe(killed.pid)
})

test('a file of a dead postmaster whose number another process has now does not prevent the start', async () => {
  await using folder = tempHome()
  const home = openHome(folder.path)
  await (await openPostgres(home, { settings })).stop()
  fs.writeFileSync(
    join(home.database, 'data', 'postmaster.pid'),
    `${process.pid}\n${join(home.database, 'data')}\n1700000000\n54330\n\n127.0.0.1\n  1  1\nready   \n`,
  )
  await using postgres = await openPostgres(home, { settings })
  expect(postgres.isAdopted).toBe(false)
  expect(await query(postgres.url, 'select 1 as n')).toEqual([{ n: 1 }])
})

test('what an interrupted first start left is thrown away', async () => {
  await using folder = tempHome()
  const home = openHome(folder.path)
  fs.mkdirSync(join(home.database, 'data.new', 'base'), { recursive: true })
  fs.writeFileSync(join(home.database, 'data.new', 'PG_VERSION'), '18')
  await using postgres = await openPostgres(home, { settings })
  expect(await query(postgres.url, 'select 1 as n')).toEqual([{ n: 1 }])
  expect(fs.existsSync(join(home.database, 'data.new'))).toBe(false)
})

test('the usual port being taken does not matter', async () => {
  const blocker = createServer()
  // Another PostgreSQL of this machine may have it already, which is as good.
  const isTaken = new Promise((resolve) => blocker.once('listening', resolve).once('error', resolve))
  blocker.listen(54_330, '127.0.0.1')
  await isTaken
  await using folder = tempHome()
  await using postgres = await openPostgres(openHome(folder.path), { settings })
  expect(new URL(postgres.url).port).not.toBe('54330')
  blocker.close()
})

test('a full disk is named at the first start and at a later one', async ({ skip }) => {
  skip(!canMount(), 'It mounts a small tmpfs, which needs root.')
  await using folder = tempHome()
  const disk = join(folder.path, 'disk')
  fs.mkdirSync(disk, { mode: 0o711 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m,mode=711', 'tmpfs', disk])
  try {
    const home = openHome(join(disk, 'home'))
    await expect(openPostgres(home, { settings })).rejects.toThrow(`the disk that holds ${home.path} is full`)
    expect(fs.readdirSync(home.database)).toEqual(['password'])
    execFileSync('mount', ['-o', 'remount,size=160m', disk])
    await (await openPostgres(home, { settings })).stop()
    const ballast = join(disk, 'ballast')
    expect(() => fs.writeFileSync(ballast, Buffer.alloc(170 * 1024 * 1024))).toThrow('ENOSPC')
    await expect(openPostgres(home, { settings })).rejects.toThrow(`the disk that holds ${home.path} is full`)
    fs.rmSync(ballast)
    await using postgres = await openPostgres(home, { settings })
    expect(await query(postgres.url, 'select 1 as n')).toEqual([{ n: 1 }])
  } finally {
    execFileSync('umount', ['-l', disk])
  }
})

test('an external database is used as it is, and one that cannot be reached is named without its password', async () => {
  await using folder = tempHome()
  const home = openHome(folder.path)
  const url = inject('postgresUrl')
  await using external = await openPostgres(home, { databaseUrl: url })
  expect(external).toMatchObject({ url, isEmbedded: false })
  const gone = openPostgres(home, { databaseUrl: 'postgres://ada:hunter2@127.0.0.1:1/juanie' })
  await expect(gone).rejects.toThrow('DATABASE_URL: the PostgreSQL at 127.0.0.1:1, database juanie cannot be used')
  await expect(gone).rejects.not.toThrow('hunter2')
})

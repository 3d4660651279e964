import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { builtStamp, currentStamp, parts, programs } from './build-stamp.mjs'

/** A clone in little: the folders and files that a stamp is made of. */
function clone() {
  const root = fs.mkdtempSync(join(tmpdir(), 'juanie-stamp-'))
  for (const { folders, files } of Object.values(parts)) {
    for (const folder of folders) {
      fs.mkdirSync(join(root, folder, 'deep'), { recursive: true })
      for (const name of ['one.ts', 'contract.ts'])
        fs.writeFileSync(join(root, folder, 'deep', name), `export const from = '${folder}'`)
    }
    for (const file of files) {
      fs.mkdirSync(join(root, dirname(file)), { recursive: true })
      fs.writeFileSync(join(root, file), file)
    }
  }
  return { root, [Symbol.dispose]: () => fs.rmSync(root, { recursive: true }) }
}

test('a changed, renamed or added source asks for a build, a changed test does not', () => {
  using temporary = clone()
  const { root } = temporary
  const file = join(root, 'packages/core/src/deep/one.ts')
  const stamps = [currentStamp(root, 'programs')]
  fs.writeFileSync(join(root, 'packages/core/src/deep/one.test.ts'), 'x')
  expect(currentStamp(root, 'programs')).toBe(stamps[0])
  fs.appendFileSync(file, ' ')
  stamps.push(currentStamp(root, 'programs'))
  fs.renameSync(file, join(root, 'packages/core/src/deep/two.ts'))
  stamps.push(currentStamp(root, 'programs'))
  fs.writeFileSync(file, '')
  stamps.push(currentStamp(root, 'programs'))
  fs.appendFileSync(join(root, 'package-lock.json'), ' ')
  stamps.push(currentStamp(root, 'programs'))
  expect(new Set(stamps).size).toBe(stamps.length)
})

test('the console is built again for its own sources and for the tables that it shares, and for no other', () => {
  using temporary = clone()
  const { root } = temporary
  const stamp = currentStamp(root, 'web')
  fs.appendFileSync(join(root, 'packages/services/src/deep/one.ts'), ' ')
  fs.appendFileSync(join(root, 'apps/server/src/deep/one.ts'), ' ')
  expect(currentStamp(root, 'web')).toBe(stamp)
  fs.appendFileSync(join(root, 'packages/services/src/deep/contract.ts'), ' ')
  const shared = currentStamp(root, 'web')
  fs.appendFileSync(join(root, 'apps/web/src/deep/one.ts'), ' ')
  expect(new Set([stamp, shared, currentStamp(root, 'web')]).size).toBe(3)
})

test('a build that lacks a program counts for nothing', () => {
  using temporary = clone()
  const { root } = temporary
  fs.mkdirSync(join(root, 'dist'))
  fs.writeFileSync(join(root, 'dist', 'stamp'), 'abc')
  expect(builtStamp(root, 'programs')).toBeNull()
  for (const name of Object.keys(programs)) fs.writeFileSync(join(root, 'dist', `${name}.mjs`), '')
  expect(builtStamp(root, 'programs')).toBe('abc')
})

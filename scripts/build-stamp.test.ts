import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { builtStamp, currentStamp, programs } from './build-stamp.mjs'

/** A clone in little: the folders and files that a stamp is made of. */
function clone() {
  const root = fs.mkdtempSync(join(tmpdir(), 'juanie-stamp-'))
  for (const folder of [
    'apps/agent',
    'apps/cli',
    'apps/server',
    'packages/core',
    'packages/services',
    'packages/workflow',
  ]) {
    fs.mkdirSync(join(root, folder, 'src', 'deep'), { recursive: true })
    fs.writeFileSync(join(root, folder, 'src', 'deep', 'one.ts'), `export const from = '${folder}'`)
  }
  fs.mkdirSync(join(root, 'scripts'))
  for (const file of ['package-lock.json', 'scripts/build.mjs', 'scripts/build-stamp.mjs'])
    fs.writeFileSync(join(root, file), file)
  return { root, [Symbol.dispose]: () => fs.rmSync(root, { recursive: true }) }
}

test('a changed, renamed or added source asks for a build, a changed test does not', () => {
  using temporary = clone()
  const { root } = temporary
  const file = join(root, 'packages/core/src/deep/one.ts')
  const stamps = [currentStamp(root)]
  fs.writeFileSync(join(root, 'packages/core/src/deep/one.test.ts'), 'x')
  expect(currentStamp(root)).toBe(stamps[0])
  fs.appendFileSync(file, ' ')
  stamps.push(currentStamp(root))
  fs.renameSync(file, join(root, 'packages/core/src/deep/two.ts'))
  stamps.push(currentStamp(root))
  fs.writeFileSync(file, '')
  stamps.push(currentStamp(root))
  fs.appendFileSync(join(root, 'package-lock.json'), ' ')
  stamps.push(currentStamp(root))
  expect(new Set(stamps).size).toBe(stamps.length)
})

test('a build that lacks a program counts for nothing', () => {
  using temporary = clone()
  const { root } = temporary
  fs.mkdirSync(join(root, 'dist'))
  fs.writeFileSync(join(root, 'dist', 'stamp'), 'abc')
  expect(builtStamp(root)).toBeNull()
  for (const name of Object.keys(programs)) fs.writeFileSync(join(root, 'dist', `${name}.mjs`), '')
  expect(builtStamp(root)).toBe('abc')
})

test('it is known within 60 ms whether this clone needs a build', () => {
  const root = join(import.meta.dirname, '..')
  currentStamp(root)
  const began = performance.now()
  currentStamp(root)
  expect(performance.now() - began).toBeLessThan(60)
})

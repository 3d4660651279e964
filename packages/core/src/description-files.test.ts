import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describedBy } from './description-files.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-described-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a Compose file brings the files that it names', () => {
  mkdirSync(join(folder, 'api'))
  writeFileSync(join(folder, 'compose.yaml'), 'include: [api/compose.yaml]\nservices: {web: {env_file: settings}}\n')
  writeFileSync(join(folder, 'api/compose.yaml'), 'services: {}\n')
  writeFileSync(join(folder, 'settings'), 'A=1\n')
  writeFileSync(join(folder, 'other'), 'B=1\n')
  expect(Object.keys(describedBy(folder)).sort()).toEqual(['api/compose.yaml', 'compose.yaml', 'settings'])
})

test('a Compose file with a long key, a NUL or the name of a circle of links is packed all the same', () => {
  symlinkSync('b', join(folder, 'a'))
  symlinkSync('a', join(folder, 'b'))
  const text = `services: {web: {environment: {KEY: ${'k'.repeat(400)}, CIRCLE: a, NUL: x\0y}}}\n`
  writeFileSync(join(folder, 'compose.yaml'), text)
  expect(describedBy(folder)).toEqual({ 'compose.yaml': text })
})

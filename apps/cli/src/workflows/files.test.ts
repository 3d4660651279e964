import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rootOf } from './files.ts'

test('from anywhere in a repository its top is found, and outside of one the current folder', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'juanie-root-')))
  try {
    mkdirSync(join(folder, 'a', 'b'), { recursive: true })
    expect(rootOf(join(folder, 'a', 'b'))).toBe(process.cwd())
    mkdirSync(join(folder, '.git'))
    expect(rootOf(join(folder, 'a', 'b'))).toBe(folder)
    expect(rootOf(folder)).toBe(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zip } from '@juanie/core/testing/zip'
import { expect, test } from 'vitest'
import { folderOf, unpack } from './unpack.ts'

test('an artifact gets a folder of its name, and none that leads elsewhere', () => {
  expect(folderOf('/srv/in', 'build ü')).toBe('/srv/in/build ü')
  expect(folderOf('/', 'build')).toBe('/build')
  expect(folderOf('/srv/in', '.hidden')).toBe('/srv/in/.hidden')
  for (const name of ['..', '.', '', '../in2', 'a/b', '/etc', '.git', '.GIT']) {
    expect(() => folderOf('/srv/in', name), name).toThrow('is no name for a folder here')
  }
})

test('an archive writes into no repository that lies there already, and may bring one along', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'juanie-unpack-'))
  try {
    const file = join(folder, 'a.zip')
    writeFileSync(
      file,
      zip([
        { path: 'a.txt', content: 'a' },
        { path: 'sub/.GIT/hooks/post-checkout', content: 'evil' },
      ]),
    )
    const mine = join(folder, 'mine')
    mkdirSync(join(mine, 'sub', '.git'), { recursive: true })
    await expect(unpack(file, mine)).rejects.toThrow('git repository')
    expect(existsSync(join(mine, 'a.txt'))).toBe(false)
    const fresh = join(folder, 'fresh')
    mkdirSync(fresh)
    expect(await unpack(file, fresh)).toBe(2)
    expect(readFileSync(join(fresh, 'a.txt'), 'utf8')).toBe('a')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

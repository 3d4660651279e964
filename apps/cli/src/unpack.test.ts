import { expect, test } from 'vitest'
import { folderOf } from './unpack.ts'

test('an artifact gets a folder of its name, and none that leads elsewhere', () => {
  expect(folderOf('/srv/in', 'build ü')).toBe('/srv/in/build ü')
  expect(folderOf('/', 'build')).toBe('/build')
  expect(folderOf('/srv/in', '.hidden')).toBe('/srv/in/.hidden')
  for (const name of ['..', '.', '', '../in2', 'a/b', '/etc', '.git', '.GIT']) {
    expect(() => folderOf('/srv/in', name), name).toThrow('is no name for a folder here')
  }
})

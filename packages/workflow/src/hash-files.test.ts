import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashFiles } from './hash-files.ts'

let root: string
let outside: string
const files = [
  'package-lock.json',
  'a/package-lock.json',
  'a/b/package-lock.json',
  'a/b/.hidden/package-lock.json',
  'a/[x].txt',
  'a/x.txt',
  'go.sum',
  'src/z.js',
  'src/A.js',
  'src/a.js',
  'src/a/b.js',
]

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'juanie-hash-')))
  outside = mkdtempSync(join(tmpdir(), 'juanie-outside-'))
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), `content of ${file}`)
  }
  writeFileSync(join(outside, 'secret.txt'), 'outside')
  mkdirSync(join(outside, 'folder'))
  writeFileSync(join(outside, 'folder', 'secret.txt'), 'outside')
  symlinkSync(join(outside, 'secret.txt'), join(root, 'src/link.js'))
  symlinkSync(join(outside, 'folder'), join(root, 'linked'))
  symlinkSync('x.txt', join(root, 'a/inside.txt'))
  symlinkSync('nowhere', join(root, 'a/broken.txt'))
  execFileSync('/usr/bin/mkfifo', [join(root, 'src/pipe.js')])
})

afterAll(() => {
  rmSync(root, { recursive: true })
  rmSync(outside, { recursive: true })
})

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()
const hashOf = (...names: string[]) =>
  names.length === 0 ? '' : sha256(Buffer.concat(names.map((name) => sha256(`content of ${name}`)))).toString('hex')

test.each<[string[], string[]]>([
  [['package-lock.json'], ['package-lock.json']],
  [
    ['**/package-lock.json'],
    ['a/b/.hidden/package-lock.json', 'a/b/package-lock.json', 'a/package-lock.json', 'package-lock.json'],
  ],
  [['./go.sum'], ['go.sum']],
  [
    ['go.sum', 'package-lock.json'],
    ['go.sum', 'package-lock.json'],
  ],
  [
    ['package-lock.json', 'go.sum'],
    ['package-lock.json', 'go.sum'],
  ],
  [['package-lock.json\ngo.sum'], ['package-lock.json', 'go.sum']],
  [['*.json', '# a comment', ''], ['package-lock.json']],
  [['**/package-lock.json', '!a/**'], ['package-lock.json']],
  [
    ['**/package-lock.json', '!a/**', 'a/package-lock.json'],
    ['a/package-lock.json', 'package-lock.json'],
  ],
  [['src/*.js'], ['src/A.js', 'src/a.js', 'src/z.js']],
  [['src'], ['src/A.js', 'src/a/b.js', 'src/a.js', 'src/z.js']],
  [['src/'], ['src/A.js', 'src/a/b.js', 'src/a.js', 'src/z.js']],
  [['src/**'], ['src/A.js', 'src/a/b.js', 'src/a.js', 'src/z.js']],
  [['src/**/b.js'], ['src/a/b.js']],
  [['**/a/b.js'], ['src/a/b.js']],
  [['src/[a-z].js'], ['src/a.js', 'src/z.js']],
  [['src/[!a-z].js'], ['src/A.js']],
  [
    ['src/?.js', '!src/A.js'],
    ['src/a.js', 'src/z.js'],
  ],
  [['a/\\[x\\].txt'], ['a/[x].txt']],
  [['a/[[]x].txt'], ['a/[x].txt']],
  [['!go.sum'], []],
  [['none', 'src/*.ts'], []],
  [['go.sum/'], []],
  [['../**'], []],
])('the patterns %j', (patterns, names) => {
  if (patterns[0] === '../**') expect(() => hashFiles(root, patterns)).toThrow("'..'")
  else expect(hashFiles(root, patterns)).toBe(hashOf(...names))
})

test('links to files are read while they stay in the workspace, links to folders never', () => {
  expect(hashFiles(root, ['a/inside.txt'])).toBe(hashOf('a/x.txt'))
  expect(hashFiles(root, ['src/link.js'])).toBe('')
  expect(hashFiles(root, ['linked/**'])).toBe('')
  expect(hashFiles(root, ['a/broken.txt'])).toBe('')
})

test('absolute patterns outside the workspace match nothing', () => {
  expect(hashFiles(root, [`${outside}/**`])).toBe('')
  expect(hashFiles(root, [`${root}/go.sum`])).toBe(hashOf('go.sum'))
})

test('a pipe is no file and is not waited for', () => {
  expect(hashFiles(root, ['src/pipe.js'])).toBe('')
})

test('options and endless patterns are refused', () => {
  expect(() => hashFiles(root, ['--follow-symbolic-links', '**'])).toThrow('option')
  expect(() => hashFiles(root, ['x'.repeat(5000)])).toThrow('4096')
  expect(() =>
    hashFiles(
      root,
      Array.from({ length: 300 }, () => 'x'),
    ),
  ).toThrow('256')
  expect(() => hashFiles(join(root, 'missing'), ['x'])).toThrow('cannot read')
})

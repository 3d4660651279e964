import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packFolder, unpackBundle } from './bundle.ts'
import { encodeHeader, padding, type TarEntry } from './tar-format.ts'

let root: string
let bundle: string
let source: string

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'juanie-bundle-'))
  source = join(root, 'source')
  bundle = join(root, 'bundle.tar')
  fs.mkdirSync(source)
})
afterEach(() => fs.rmSync(root, { recursive: true, force: true }))

const put = (path: string, content: string | Buffer = '', mode = 0o644) => {
  fs.mkdirSync(join(source, path, '..'), { recursive: true })
  fs.writeFileSync(join(source, path), content)
  fs.chmodSync(join(source, path), mode)
}

const forge = (...entries: [Partial<TarEntry>, string?][]) => {
  const parts = entries.map(([entry, content = '']) => {
    const full: TarEntry = { kind: 'file', path: 'x', isExecutable: false, target: '', bytes: 0, ...entry }
    if (full.kind === 'file') full.bytes = content.length
    return Buffer.concat([encodeHeader(full), Buffer.from(content), Buffer.alloc(padding(content.length))])
  })
  fs.writeFileSync(bundle, Buffer.concat([...parts, Buffer.alloc(1024)]))
}

test('a folder comes out as it went in', async () => {
  const long = `${'deep/'.repeat(40)}${'n'.repeat(120)}.txt`
  put('a.txt', 'one')
  put('bin/run', '#!/bin/sh\n', 0o700)
  put(long, 'long')
  put('文件/名字.txt', 'utf8')
  put('big.bin', Buffer.alloc(700_001, 7))
  fs.mkdirSync(join(source, 'empty'))
  fs.symlinkSync('../a.txt', join(source, 'bin/link'))
  fs.symlinkSync(`nowhere/${'t'.repeat(150)}`, join(source, 'dangling'))
  const packed = await packFolder(source, bundle)
  await unpackBundle(bundle, join(root, 'out'), { digest: packed.digest })

  expect(packed.listing).toEqual(['a.txt', 'big.bin', 'bin/', 'dangling', 'deep/', 'empty/', '文件/'])
  expect(packed.bytes).toBe(fs.statSync(bundle).size)
  expect(() => execFileSync('diff', ['-r', '--no-dereference', source, join(root, 'out')])).not.toThrow()
  expect(fs.statSync(join(root, 'out/bin/run')).mode & 0o777).toBe(0o755)
  expect(fs.statSync(join(root, 'out/a.txt')).mode & 0o777).toBe(0o644)
  expect(fs.readlinkSync(join(root, 'out/bin/link'))).toBe('../a.txt')
  expect(execFileSync('tar', ['-tf', bundle], { encoding: 'utf8' })).toContain(long)
})

test('a file whose name is not UTF-8 is refused by name', async () => {
  fs.writeFileSync(Buffer.concat([Buffer.from(`${source}/caf`), Buffer.from([0xe9])]), '')
  await expect(packFolder(source, bundle)).rejects.toThrow('cannot hold "caf\ufffd": its name is not UTF-8')
})

test('the same files make the same bytes, whenever and by whomever they were written', async () => {
  put('b', '2')
  put('a', '1')
  const first = await packFolder(source, bundle)
  fs.utimesSync(join(source, 'a'), 1, 1)
  fs.chmodSync(join(source, 'a'), 0o600)
  expect((await packFolder(source, join(root, 'again.tar'))).digest).toBe(first.digest)
  put('a', '1', 0o755)
  expect((await packFolder(source, join(root, 'again.tar'))).digest).not.toBe(first.digest)
})

test('what is excluded is left out, and the history always is', async () => {
  for (const path of ['.git/HEAD', 'src/.git/HEAD', 'src/a.ts', 'src/a.test.ts', 'x/node_modules/m', 'docs/one/two.md'])
    put(path)
  put('docs/keep.md')
  await packFolder(source, bundle, { exclude: ['node_modules', '*.test.ts', 'docs/*/**'] })
  await unpackBundle(bundle, join(root, 'out'))
  const left = fs.readdirSync(join(root, 'out'), { recursive: true }).sort()
  expect(left).toEqual(['docs', 'docs/keep.md', 'docs/one', 'src', 'src/a.ts', 'x'])
})

test.each([
  ['link', '/etc/passwd'],
  ['at/link', '../../x'],
  ['link', 'inside/../../x'],
])('a link that leads outside is refused by name (%s to %s)', async (path, target) => {
  fs.mkdirSync(join(source, 'at'))
  fs.symlinkSync(target, join(source, path))
  await expect(packFolder(source, bundle)).rejects.toThrow(`cannot hold the link "${path}"`)
  expect(fs.existsSync(bundle)).toBe(false)
})

test('a pipe is refused by name', async () => {
  execFileSync('mkfifo', [join(source, 'pipe')])
  await expect(packFolder(source, bundle)).rejects.toThrow('"pipe"')
})

test('a bundle over its limit is refused', async () => {
  put('a', Buffer.alloc(5000))
  await expect(packFolder(source, bundle, { maxBytes: 4000 })).rejects.toThrow('larger than 4000 bytes')
  await packFolder(source, bundle)
  await expect(unpackBundle(bundle, join(root, 'out'), { maxBytes: 4000 })).rejects.toThrow('too large')
})

test.each<[string, Parameters<typeof forge>]>([
  ['leads outside', [[{ path: '../x' }]]],
  ['leads outside', [[{ path: '/x' }]]],
  ['without its folder', [[{ path: 'a/x' }]]],
  ['without its folder', [[{ kind: 'link', path: 'a', target: '.' }], [{ path: 'a/x' }]]],
  ['twice or out of order', [[{ path: 'b' }], [{ path: 'a' }]]],
  ['twice or out of order', [[{ path: 'b' }], [{ path: 'b' }, 'again']]],
  ['outside', [[{ kind: 'link', path: 'a', target: '../x' }]]],
  ['outside', [[{ kind: 'link', path: 'a', target: '/etc' }]]],
])('a forged bundle is refused: %s', async (why, entries) => {
  forge(...entries)
  await expect(unpackBundle(bundle, join(root, 'out'))).rejects.toThrow(why)
  expect(fs.existsSync(join(root, 'x'))).toBe(false)
})

test('a damaged bundle is refused before anything is written', async () => {
  put('a', 'content')
  const { digest } = await packFolder(source, bundle)
  const bytes = fs.readFileSync(bundle)
  bytes[600]! ^= 1
  fs.writeFileSync(bundle, bytes)
  await expect(unpackBundle(bundle, join(root, 'out'), { digest })).rejects.toThrow('is damaged: its digest is sha256:')
  expect(fs.existsSync(join(root, 'out'))).toBe(false)

  fs.writeFileSync(bundle, bytes.subarray(0, 700))
  await expect(unpackBundle(bundle, join(root, 'out'))).rejects.toThrow('cut short')
})

import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { type Written, zip } from './testing/zip.ts'
import { openZipEntry, readZip, type ZipSource } from './zip.ts'

const sourceOf = (bytes: Buffer): ZipSource => ({
  bytes: bytes.length,
  read: async (start, end) => bytes.subarray(start, end),
  stream: (start, end) => Readable.from([bytes.subarray(start, end)]),
})

const read = (files: Written[]) => readZip(sourceOf(zip(files)), { maxEntries: 100 })

async function text(bytes: Buffer, path: string): Promise<string> {
  const source = sourceOf(bytes)
  const entry = (await readZip(source, { maxEntries: 100 })).find((each) => each.path === path)!
  const chunks: Buffer[] = []
  for await (const chunk of await openZipEntry(source, entry)) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

test('entries are listed and unpacked, stored or deflated', async () => {
  const archive = zip([
    { path: 'a/b.txt', content: 'hello '.repeat(1000) },
    { path: 'c.sh', content: '#!/bin/sh', mode: 0o100755, method: 0 },
    { path: 'empty/', mode: 0o040755, method: 0 },
  ])
  expect(await readZip(sourceOf(archive), { maxEntries: 3 })).toMatchObject([
    { path: 'a/b.txt', bytes: 6000, isExecutable: false },
    { path: 'c.sh', isExecutable: true, isFolder: false },
    { path: 'empty/', isFolder: true },
  ])
  expect(await text(archive, 'a/b.txt')).toBe('hello '.repeat(1000))
  expect(await text(archive, 'c.sh')).toBe('#!/bin/sh')
})

test.each(['../up', 'a/../../up', '/etc/passwd', 'C:/windows', 'a\\..\\up', '..', './a', 'a//b', ''])(
  'a path that leads out is refused: %o',
  async (path) => {
    await expect(read([{ path, content: 'x' }])).rejects.toThrow('leads out')
  },
)

test.each([
  ['a link', [{ path: 'link', content: '/etc/passwd', mode: 0o120777, method: 0 }]],
  ['a device', [{ path: 'null', mode: 0o020666, method: 0 }]],
  [
    'a name twice',
    [
      { path: 'a', content: 'x' },
      { path: 'a', content: 'y' },
    ],
  ],
  ['a file that is a folder too', [{ path: 'a' }, { path: 'a/' }]],
  ['something encrypted', [{ path: 'a', content: 'x', says: { flags: 1 } }]],
  ['a foreign compression', [{ path: 'a', content: 'x', method: 12 }]],
  [
    'files that share bytes',
    [
      { path: 'a', content: 'x'.repeat(99), method: 0 },
      { path: 'b', content: 'x'.repeat(99), method: 0, says: { offset: 0 } },
    ],
  ],
  ['a size that no packing reaches', [{ path: 'a', content: 'x', says: { bytes: 0xfffffff0 } }]],
] as [string, Written[]][])('%s is refused', async (_what, files) => {
  await expect(read(files)).rejects.toThrow(/^(holds|uses|would)/)
})

test('a file that unpacks to more than the directory says is cut off', async () => {
  const archive = zip([{ path: 'bomb', content: Buffer.alloc(10_000_000), says: { bytes: 1000 } }])
  await expect(text(archive, 'bomb')).rejects.toThrow('than it says')
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['no archive', Buffer.from('hello'.repeat(100))],
  ['a cut one', zip([{ path: 'a', content: 'x' }]).subarray(10)],
  ['too many entries', zip(Array.from({ length: 101 }, (_, index) => ({ path: String(index) })))],
])('%s is refused', async (_what, bytes) => {
  await expect(readZip(sourceOf(bytes), { maxEntries: 100 })).rejects.toThrow()
})

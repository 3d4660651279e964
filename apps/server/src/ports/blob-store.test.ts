import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileBlobStore } from './blob-store.ts'

const digestOf = (content: Buffer | string) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const big = Buffer.alloc(3_000_000, 'juanie')
const mostBytes = 10_000_000

let folder: string
let store: FileBlobStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'juanie-blobs-'))
  store = new FileBlobStore(folder)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const put = async (content: Buffer, digest = digestOf(content)) => {
  await using staged = await store.stage(
    digest,
    Readable.from([content.subarray(0, 100), content.subarray(100)]),
    mostBytes,
  )
  await staged.commit()
  return digest
}
const fileOf = (digest: string) => join(folder, digest.slice(7, 9), digest.slice(7))
const files = async () =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile())

test('what was stored is read back as it was', async () => {
  const digest = await put(big)
  expect(await store.stat(digest)).toEqual({ bytes: big.length })
  const found = await store.read(digest)
  expect((await buffer(found!.content)).equals(big)).toBe(true)
  expect(await store.verify(digest)).toBe('intact')
})

test('an empty bundle is content like any other', async () => {
  const digest = await put(Buffer.alloc(0))
  expect(await store.verify(digest)).toBe('intact')
  expect(await buffer((await store.read(digest))!.content)).toHaveLength(0)
})

test('what was staged and not committed leaves nothing behind', async () => {
  const digest = digestOf(big)
  {
    await using staged = await store.stage(digest, Readable.from([big]), mostBytes)
    expect(staged.bytes).toBe(big.length)
  }
  expect(await store.stat(digest)).toBeNull()
  expect(await files()).toEqual([])
})

test('content that is not what its digest says is refused, and nothing of it is kept', async () => {
  const wrong = store.stage(digestOf('something else'), Readable.from([big]), mostBytes)
  await expect(wrong).rejects.toMatchObject({ code: 'invalid', reason: 'blob.digest_mismatch' })
  expect(await files()).toEqual([])
})

test('a bundle above the limit is refused before it was read whole', async () => {
  let given = 0
  const endless = Readable.from(
    (function* () {
      for (; given < 1000; given++) yield big
    })(),
  )
  await expect(store.stage(digestOf(big), endless, mostBytes)).rejects.toMatchObject({ reason: 'blob.too_large' })
  expect(given).toBeLessThan(20)
  expect(await files()).toEqual([])
})

test('a damaged bundle is noticed before its last bytes were given out', async () => {
  const digest = await put(big)
  const content = await readFile(fileOf(digest))
  content[1_500_000] = 0
  await writeFile(fileOf(digest), content)
  const pieces: Buffer[] = []
  const reading = (async () => {
    for await (const piece of (await store.read(digest))!.content) pieces.push(piece as Buffer)
  })()
  await expect(reading).rejects.toMatchObject({ reason: 'blob.digest_mismatch' })
  expect(Buffer.concat(pieces).length).toBeLessThan(big.length)
  expect(await store.verify(digest)).toBe('damaged')
  await expect(store.read(digest)).rejects.toMatchObject({ code: 'conflict', reason: 'blob.damaged' })
  await put(big)
  expect(await store.verify(digest)).toBe('intact')
  expect(await store.read(digest)).toMatchObject({ bytes: big.length })
})

test('the same content can be stored by two at once', async () => {
  const digests = await Promise.all([put(big), put(big), put(big)])
  expect(new Set(digests).size).toBe(1)
  expect(await files()).toHaveLength(1)
})

test('what is not there is null, and removing it again is no mistake', async () => {
  const digest = await put(big)
  await store.remove(digest)
  await store.remove(digest)
  expect(await store.stat(digest)).toBeNull()
  expect(await store.read(digest)).toBeNull()
  expect(await store.verify(digest)).toBe('missing')
})

test('a digest that is none never becomes a path', async () => {
  for (const digest of ['sha256:../../../etc/passwd', 'md5:abc', '']) {
    await expect(store.stat(digest)).rejects.toMatchObject({ code: 'invalid' })
  }
})

test('an upload that breaks off is refused and leaves nothing', async () => {
  const broken = new Readable({ read() {} })
  broken.push(big)
  setTimeout(() => broken.destroy(Object.assign(new Error('gone'), { code: 'ECONNRESET' })), 20)
  await expect(store.stage(digestOf(big), broken, mostBytes)).rejects.toMatchObject({ reason: 'blob.cut_short' })
  expect(await files()).toEqual([])
})

test('left-overs of uploads that died are removed after a day and not before', async () => {
  await put(big)
  const old = join(folder, 'incoming', 'old')
  const young = join(folder, 'incoming', 'young')
  await writeFile(old, 'x')
  await writeFile(young, 'x')
  const before = new Date(Date.now() - 25 * 3_600_000)
  await utimes(old, before, before)
  await store.clean()
  expect(await readdir(join(folder, 'incoming'))).toEqual(['young'])
})

const isRoot = process.getuid?.() === 0 && process.platform === 'linux'

// Only root may mount a small file system; .ci/run is root.
test.skipIf(!isRoot)('a full disk refuses the upload in words, and what was there is still there', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder])
  try {
    const digest = await put(big)
    const more = Buffer.alloc(3_000_000, 'other')
    const refused = store.stage(digestOf(more), Readable.from([more]), mostBytes)
    await expect(refused).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'blob.disk_full',
      message: expect.stringContaining('Free some space'),
    })
    expect(await store.verify(digest)).toBe('intact')
    expect(await files()).toHaveLength(1)
  } finally {
    execFileSync('umount', [folder])
  }
})

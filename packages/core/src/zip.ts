import type { Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'

/**
 * Reads zip archives that strangers wrote (APPNOTE 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT).
 * Only the central directory counts; what the entries say of themselves beside their content is not looked at.
 */
export interface ZipSource {
  bytes: number
  /** Bytes from `start` up to and without `end`. */
  read(start: number, end: number): Promise<Buffer>
  stream(start: number, end: number): Readable | Promise<Readable>
}

export interface ZipEntry {
  /** Relative, with `/`, nothing of it leads out. Ends with a slash for a folder. */
  path: string
  isFolder: boolean
  isExecutable: boolean
  /** Unpacked. */
  bytes: number
  packedBytes: number
  isDeflated: boolean
  offset: number
}

/** What is wrong with an archive. The message completes the sentence "The archive …". */
export class ZipError extends Error {
  override readonly name = 'ZipError'
}

const endMinBytes = 22
const maxCommentBytes = 65_535
const directoryEntryBytes = 46
const localHeaderBytes = 30
const maxDirectoryBytes = 64 * 1024 * 1024
const maxNameBytes = 4_096
/** Honest archives of text come to 20; zeros alone to 1,030. */
const maxRatio = 200
const freeBytes = 1024 ** 3

/** The entries, checked: none leads out, none is a link, no two share bytes, and together they are not absurdly large. */
export async function readZip(source: ZipSource, options: { maxEntries: number }): Promise<ZipEntry[]> {
  const { offset, bytes, count } = await findDirectory(source)
  if (count > options.maxEntries) throw new ZipError(`has more than ${options.maxEntries} entries.`)
  if (bytes > maxDirectoryBytes || offset + bytes > source.bytes) throw new ZipError('has a damaged directory.')
  const directory = await source.read(offset, offset + bytes)
  const entries: ZipEntry[] = []
  const paths = new Set<string>()
  let at = 0
  for (let index = 0; index < count; index++) {
    const { entry, next } = readEntry(directory, at)
    at = next
    const path = entry.path.replace(/\/$/, '')
    if (paths.has(path)) throw new ZipError(`holds "${shown(path)}" twice.`)
    paths.add(path)
    entries.push(entry)
  }
  refuseBomb(entries, offset, source.bytes)
  return entries
}

/** The unpacked content of a file. Ends in an error when it is longer than the directory says. */
export async function openZipEntry(source: ZipSource, entry: ZipEntry): Promise<Readable> {
  const header = await source.read(entry.offset, entry.offset + localHeaderBytes)
  if (header.length < localHeaderBytes || header.readUInt32LE(0) !== 0x04034b50) throw new ZipError('is damaged.')
  const start = entry.offset + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28)
  const end = start + entry.packedBytes
  if (end > source.bytes) throw new ZipError('ends too early.')
  const packed = await source.stream(start, end)
  if (!entry.isDeflated) return packed
  const inflate = createInflateRaw()
  let bytes = 0
  inflate.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > entry.bytes) inflate.destroy(new ZipError(`holds more in "${shown(entry.path)}" than it says.`))
  })
  inflate.pause()
  inflate.once('close', () => packed.destroy())
  packed.once('error', (error) => inflate.destroy(error))
  return packed.pipe(inflate)
}

async function findDirectory(source: ZipSource): Promise<{ offset: number; bytes: number; count: number }> {
  const start = Math.max(0, source.bytes - endMinBytes - maxCommentBytes)
  const tail = await source.read(start, source.bytes)
  for (let at = tail.length - endMinBytes; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== 0x06054b50) continue
    const end = {
      count: tail.readUInt16LE(at + 10),
      bytes: tail.readUInt32LE(at + 12),
      offset: tail.readUInt32LE(at + 16),
    }
    if (end.count < 0xffff && end.bytes < 0xffffffff && end.offset < 0xffffffff) return end
    return findLargeDirectory(source, tail, at)
  }
  throw new ZipError('is no zip archive.')
}

/** Zip64, for archives beyond 4 GiB and 65,535 entries. */
async function findLargeDirectory(source: ZipSource, tail: Buffer, at: number) {
  const locator = at - 20
  if (locator < 0 || tail.readUInt32LE(locator) !== 0x07064b50) throw new ZipError('has a damaged directory.')
  const offset = safe(tail.readBigUInt64LE(locator + 8))
  const record = await source.read(offset, Math.min(source.bytes, offset + 56))
  if (record.length < 56 || record.readUInt32LE(0) !== 0x06064b50) throw new ZipError('has a damaged directory.')
  return {
    count: safe(record.readBigUInt64LE(32)),
    bytes: safe(record.readBigUInt64LE(40)),
    offset: safe(record.readBigUInt64LE(48)),
  }
}

function readEntry(directory: Buffer, at: number): { entry: ZipEntry; next: number } {
  if (at + directoryEntryBytes > directory.length || directory.readUInt32LE(at) !== 0x02014b50) {
    throw new ZipError('has a damaged directory.')
  }
  const madeBy = directory.readUInt16LE(at + 4) >> 8
  const flags = directory.readUInt16LE(at + 8)
  const method = directory.readUInt16LE(at + 10)
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) => directory.readUInt16LE(at + place))
  const mode = directory.readUInt32LE(at + 38) >>> 16
  const nameAt = at + directoryEntryBytes
  const extraAt = nameAt + nameBytes!
  const next = extraAt + extraBytes! + commentBytes!
  if (next > directory.length || nameBytes! > maxNameBytes) throw new ZipError('has a damaged directory.')
  const path = directory.toString('utf8', nameAt, extraAt)
  refusePath(path)
  if (flags & 1) throw new ZipError(`holds "${shown(path)}" encrypted.`)
  if (method !== 0 && method !== 8)
    throw new ZipError(`holds "${shown(path)}" in a compression that is not understood.`)
  const kind = mode & 0o170000
  // Written on Unix: a link, or a device.
  if (madeBy === 3 && kind !== 0 && kind !== 0o100000 && kind !== 0o040000) {
    throw new ZipError(`holds "${shown(path)}", which is neither a file nor a folder.`)
  }
  const sizes = [directory.readUInt32LE(at + 24), directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 42)]
  const [bytes, packedBytes, offset] = large(sizes, directory.subarray(extraAt, extraAt + extraBytes!))
  if (method === 0 && bytes !== packedBytes) throw new ZipError('has a damaged directory.')
  const isFolder = path.endsWith('/')
  const isExecutable = madeBy === 3 && (mode & 0o100) !== 0
  return {
    entry: {
      path,
      isFolder,
      isExecutable,
      bytes: bytes!,
      packedBytes: packedBytes!,
      isDeflated: method === 8,
      offset: offset!,
    },
    next,
  }
}

/** What does not fit into 32 bits stands in an extra field, in this order. */
function large(sizes: number[], extra: Buffer): number[] {
  if (!sizes.includes(0xffffffff)) return sizes
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === 1) {
      let value = at + 4
      return sizes.map((size) => {
        if (size !== 0xffffffff) return size
        if (value + 8 > Math.min(extra.length, at + 4 + length)) throw new ZipError('has a damaged directory.')
        value += 8
        return safe(extra.readBigUInt64LE(value - 8))
      })
    }
    at += 4 + length
  }
  throw new ZipError('has a damaged directory.')
}

function refusePath(path: string): void {
  const parts = path.replace(/\/$/, '').split('/')
  const isWrong =
    path === '' ||
    path.includes('\0') ||
    path.includes('\\') ||
    path.includes('\uFFFD') ||
    /^[A-Za-z]:/.test(path) ||
    parts.some((part) => part === '' || part === '.' || part === '..')
  if (isWrong) throw new ZipError(`holds "${shown(path)}", which leads out of its folder.`)
}

function refuseBomb(entries: ZipEntry[], directoryAt: number, archiveBytes: number): void {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  if (bytes > Math.max(freeBytes, archiveBytes * maxRatio)) {
    throw new ZipError(`would be ${bytes} bytes, more than ${maxRatio} times its own size.`)
  }
  let reached = 0
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset)) {
    if (entry.offset < reached) throw new ZipError('uses the same bytes for several files.')
    reached = entry.offset + localHeaderBytes + entry.packedBytes
  }
  if (reached > directoryAt) throw new ZipError('has a damaged directory.')
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ZipError('has a damaged directory.')
  return Number(value)
}

/** Without what a terminal would obey. */
const shown = (path: string): string => path.replace(/[\u0000-\u001f\u007f]/g, '?').slice(0, 200)

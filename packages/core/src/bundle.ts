import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import {
  BundleError,
  blockBytes,
  decodeHeader,
  type Extended,
  encodeHeader,
  padding,
  parseExtended,
  type TarEntry,
} from './tar-format.ts'

export { BundleError } from './tar-format.ts'

/**
 * A bundle is an uncompressed tar: sorted paths, modes 644 and 755, links that stay inside, no times and no owners. It
 * is not compressed because what a compressor writes differs between its versions, and the digest must not.
 */
export interface PackOptions {
  /**
   * What to leave out, `.git` always. A pattern without a slash names a file or folder at any depth, one with a slash
   * a path from the root; `*` and `?` stay within one name, `**` does not.
   */
  exclude?: readonly string[]
  maxBytes?: number
  maxEntries?: number
}

export interface Packed {
  /** `sha256:<hex>` over the bytes of the bundle. */
  digest: string
  bytes: number
  entries: number
  /** Names at the root of the folder; folders end with a slash. */
  listing: string[]
}

const defaults = { maxBytes: 1024 ** 3, maxEntries: 500_000 }
const chunkBytes = 256 * 1024
/** How long files are handled before other work gets its turn. */
const turnMs = 8

/** Writes the folder into a file as a bundle. Throws `BundleError` that names the file that cannot be in one. */
export async function packFolder(root: string, into: string, options: PackOptions = {}): Promise<Packed> {
  const { maxBytes, maxEntries } = { ...defaults, ...options }
  const real = fs.realpathSync(root)
  const isExcluded = exclusion(options.exclude ?? [])
  const hash = createHash('sha256')
  const out = fs.openSync(into, 'w', 0o600)
  let bytes = 0
  let entries = 0
  const write = (data: Buffer) => {
    bytes += data.length
    if (bytes > maxBytes) throw new BundleError(`is larger than ${maxBytes} bytes`)
    hash.update(data)
    for (let done = 0; done < data.length; ) done += fs.writeSync(out, data, done)
  }
  try {
    let turn = performance.now()
    for (const entry of walk(real, '', isExcluded)) {
      entries += 1
      if (entries > maxEntries) throw new BundleError(`has more than ${maxEntries} files`)
      write(encodeHeader(entry))
      if (entry.kind === 'file') copyIn(join(real, entry.path), entry, write)
      if (performance.now() - turn > turnMs) {
        await breathe()
        turn = performance.now()
      }
    }
    write(Buffer.alloc(2 * blockBytes))
  } catch (error) {
    fs.closeSync(out)
    fs.rmSync(into, { force: true })
    throw error
  }
  fs.closeSync(out)
  const listing = namesAt(real)
    .filter((name) => !isExcluded(name))
    .map((name) => (fs.lstatSync(join(real, name)).isDirectory() ? `${name}/` : name))
  return { digest: `sha256:${hash.digest('hex')}`, bytes, entries, listing }
}

export interface UnpackOptions {
  /** Who gets the files; default: whoever runs this. */
  owner?: { uid: number; gid: number } | null
  maxBytes?: number
  maxEntries?: number
  /** What the bytes must have as their digest; it is checked before anything is written. */
  digest?: string
}

/**
 * Unpacks a bundle into a folder that is empty or does not exist. Everything that is not as `packFolder` writes it is
 * refused by name with a `BundleError`: a path or link that leads outside, one that comes twice or out of order, a
 * device. What was written until then stays, for the caller to remove.
 */
export async function unpackBundle(file: string, into: string, options: UnpackOptions = {}): Promise<void> {
  if (options.digest) {
    const found = await fileDigest(file)
    if (found !== options.digest) throw new BundleError(`is damaged: its digest is ${found}, not ${options.digest}`)
  }
  fs.mkdirSync(into, { recursive: true, mode: 0o755 })
  const writer = new Writer(fs.realpathSync(into), options)
  const input = fs.openSync(file, 'r')
  try {
    await new Reader(input).each((entry, content) => writer.put(entry, content))
  } finally {
    writer.close()
    fs.closeSync(input)
  }
}

/** `sha256:<hex>` of a file's content. */
export async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256')
  const handle = await open(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return `sha256:${hash.digest('hex')}`
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
}

const namesAt = (folder: string): string[] =>
  fs.readdirSync(folder).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

function* walk(root: string, inside: string, isExcluded: (path: string) => boolean): Generator<TarEntry> {
  for (const name of namesAt(join(root, inside))) {
    const path = inside ? `${inside}/${name}` : name
    if (isExcluded(path)) continue
    if (name.includes('\ufffd')) throw new BundleError(`cannot hold ${JSON.stringify(path)}: its name is not UTF-8`)
    const stat = fs.lstatSync(join(root, path))
    const plain = { path, isExecutable: false, bytes: 0, target: '' }
    if (stat.isDirectory()) {
      yield { ...plain, kind: 'folder' }
      yield* walk(root, path, isExcluded)
    } else if (stat.isSymbolicLink()) {
      const target = fs.readlinkSync(join(root, path))
      checkLink(path, target)
      yield { ...plain, kind: 'link', target }
    } else if (stat.isFile()) {
      yield { ...plain, kind: 'file', isExecutable: (stat.mode & 0o111) !== 0, bytes: stat.size }
    } else {
      throw new BundleError(`cannot hold ${JSON.stringify(path)}: it is neither a file, a folder nor a link`)
    }
  }
}

function copyIn(path: string, entry: TarEntry, write: (data: Buffer) => void): void {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, entry.bytes)))
  const input = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
  try {
    let left = entry.bytes
    while (left > 0) {
      const count = fs.readSync(input, buffer, 0, Math.min(buffer.length, left), null)
      if (count === 0) break
      left -= count
      write(buffer.subarray(0, count))
    }
    if (left > 0 || fs.readSync(input, buffer, 0, 1, null) > 0) {
      throw new BundleError(`cannot be made: ${JSON.stringify(entry.path)} changed while it was packed`)
    }
  } finally {
    fs.closeSync(input)
  }
  const rest = padding(entry.bytes)
  if (rest > 0) write(Buffer.alloc(rest))
}

/**
 * Stays inside: relative, and `..` only in front, no more of them than the link lies deep. Since the folders above a
 * link are real ones, such a path cannot climb out, whatever other links it passes on its way down.
 */
function checkLink(path: string, target: string): void {
  const parts = target.split('/')
  const climbs = parts.findIndex((part) => part !== '..')
  const up = climbs < 0 ? parts.length : climbs
  const isInside =
    target !== '' && !target.includes('\0') && !parts.slice(up).includes('..') && up <= path.split('/').length - 1
  if (!isInside || target.startsWith('/')) {
    throw new BundleError(
      `cannot hold the link ${JSON.stringify(path)}: it leads to ${JSON.stringify(target)}, outside`,
    )
  }
}

function exclusion(patterns: readonly string[]): (path: string) => boolean {
  const matchers = patterns
    .map((pattern) => pattern.trim().replace(/^\.\//, '').replace(/\/+$/, ''))
    .filter((pattern) => pattern !== '' && pattern !== '.')
    .map((pattern) => ({ hasSlash: pattern.includes('/'), pattern: globPattern(pattern.replace(/^\//, '')) }))
  return (path) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return name === '.git' || matchers.some((one) => one.pattern.test(one.hasSlash ? path : name))
  }
}

function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*\*\/|\*\*|\*|\?|[^*?]+/g, (part) => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    return part.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${source}$`, 's')
}

/** Reads the blocks of an archive one after the other. */
class Reader {
  readonly #input: number
  readonly #buffer = Buffer.allocUnsafe(chunkBytes)

  constructor(input: number) {
    this.#input = input
  }

  /** `visit` gets the content piece by piece, and is called with null when there is no more. */
  async each(visit: (entry: TarEntry, content: Buffer | null) => void): Promise<void> {
    let extended: Extended | null = null
    let turn = performance.now()
    for (;;) {
      const found = decodeHeader(this.#exactly(blockBytes), extended)
      if (found.kind === 'end') return
      if (found.kind === 'extended') {
        extended = parseExtended(Buffer.from(this.#exactly(found.bytes)))
        this.#exactly(padding(found.bytes))
        continue
      }
      extended = null
      for (let left = found.entry.bytes; left > 0; ) {
        const piece = this.#exactly(Math.min(left, chunkBytes))
        left -= piece.length
        visit(found.entry, piece)
      }
      visit(found.entry, null)
      this.#exactly(padding(found.entry.bytes))
      if (performance.now() - turn > turnMs) {
        await breathe()
        turn = performance.now()
      }
    }
  }

  #exactly(bytes: number): Buffer {
    for (let done = 0; done < bytes; ) {
      const count = fs.readSync(this.#input, this.#buffer, done, bytes - done, null)
      if (count === 0) throw new BundleError('is cut short')
      done += count
    }
    return this.#buffer.subarray(0, bytes)
  }
}

class Writer {
  readonly #root: string
  readonly #owner: { uid: number; gid: number } | null
  readonly #folders = new Set<string>([''])
  readonly #left: { bytes: number; entries: number }
  #last: string[] = []
  #open: { path: string; descriptor: number } | null = null

  constructor(root: string, options: UnpackOptions) {
    this.#root = root
    this.#owner = options.owner ?? null
    this.#left = { bytes: options.maxBytes ?? defaults.maxBytes, entries: options.maxEntries ?? defaults.maxEntries }
  }

  /** Lets go of a file that an error left half written. */
  close(): void {
    if (this.#open) fs.closeSync(this.#open.descriptor)
    this.#open = null
  }

  put(entry: TarEntry, content: Buffer | null): void {
    const path = join(this.#root, entry.path)
    if (this.#open?.path !== entry.path) {
      this.#check(entry)
      if (entry.kind === 'folder') {
        fs.mkdirSync(path, { mode: 0o755 })
        fs.chmodSync(path, 0o755)
        this.#folders.add(entry.path)
      } else if (entry.kind === 'link') {
        fs.symlinkSync(entry.target, path)
      } else {
        this.#open = { path: entry.path, descriptor: fs.openSync(path, 'wx', 0o600) }
      }
      if (this.#owner && entry.kind !== 'file') fs.lchownSync(path, this.#owner.uid, this.#owner.gid)
    }
    if (!this.#open) return
    if (content) {
      for (let done = 0; done < content.length; ) done += fs.writeSync(this.#open.descriptor, content, done)
      return
    }
    if (this.#owner) fs.fchownSync(this.#open.descriptor, this.#owner.uid, this.#owner.gid)
    fs.fchmodSync(this.#open.descriptor, entry.isExecutable ? 0o755 : 0o644)
    fs.closeSync(this.#open.descriptor)
    this.#open = null
  }

  #check(entry: TarEntry): void {
    const shown = JSON.stringify(entry.path)
    const parts = entry.path.split('/')
    if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) {
      throw new BundleError(`holds ${shown}, which leads outside`)
    }
    if (Buffer.byteLength(entry.path) > 4096 || parts.some((part) => Buffer.byteLength(part) > 255)) {
      throw new BundleError(`holds ${shown}, whose name is too long`)
    }
    if (!isAfter(parts, this.#last)) throw new BundleError(`holds ${shown} twice or out of order`)
    this.#last = parts
    const parent = dirname(entry.path)
    if (!this.#folders.has(parent === '.' ? '' : parent)) throw new BundleError(`holds ${shown} without its folder`)
    if (entry.kind === 'link') checkLink(entry.path, entry.target)
    this.#left.entries -= 1
    this.#left.bytes -= entry.bytes
    if (this.#left.entries < 0) throw new BundleError('has too many files')
    if (this.#left.bytes < 0) throw new BundleError('is too large')
  }
}

/** The order in which `walk` comes to its entries: name by name along the path, by their bytes. */
function isAfter(path: string[], last: string[]): boolean {
  for (let i = 0; i < path.length && i < last.length; i++) {
    const order = Buffer.compare(Buffer.from(path[i]!), Buffer.from(last[i]!))
    if (order !== 0) return order > 0
  }
  return path.length > last.length
}

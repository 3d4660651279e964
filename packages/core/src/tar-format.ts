/**
 * The part of the tar format that bundles use: POSIX ustar headers of 512 bytes, with a pax extended header (`path`,
 * `linkpath`, `size`) in front where a value does not fit. See pax(1), "ustar Interchange Format". Times and owners
 * are always zero, so that the same files make the same bytes.
 */
export const blockBytes = 512

type EntryKind = 'file' | 'folder' | 'link'

export interface TarEntry {
  kind: EntryKind
  /** Relative, with `/`, without a slash at the end. */
  path: string
  isExecutable: boolean
  /** Of the content that follows; zero unless it is a file. */
  bytes: number
  /** Where a link points to, as written; empty otherwise. */
  target: string
}

/** What was read is not a bundle that this code wrote. The message completes the sentence "The bundle …". */
export class BundleError extends Error {
  override readonly name = 'BundleError'
}

const typeFlags: Record<EntryKind, string> = { file: '0', link: '2', folder: '5' }
const largestOctalSize = 0o77777777777
const limits = { name: 100, prefix: 155, target: 100, extended: 64 * 1024 }

export const padding = (bytes: number): number => (blockBytes - (bytes % blockBytes)) % blockBytes

/** The header of one entry, with its extended header when one is needed. */
export function encodeHeader(entry: TarEntry): Buffer {
  const path = entry.kind === 'folder' ? `${entry.path}/` : entry.path
  const extended: [string, string][] = []
  const place = split(path)
  if (!place) extended.push(['path', path])
  if (Buffer.byteLength(entry.target) > limits.target) extended.push(['linkpath', entry.target])
  if (entry.bytes > largestOctalSize) extended.push(['size', String(entry.bytes)])
  const own = block({
    ...(place ?? { name: truncated(path, limits.name), prefix: '' }),
    flag: typeFlags[entry.kind],
    mode: entry.kind === 'folder' || entry.isExecutable ? 0o755 : 0o644,
    bytes: Math.min(entry.bytes, largestOctalSize),
    target: truncated(entry.target, limits.target),
  })
  if (extended.length === 0) return own
  const records = Buffer.from(extended.map(([key, value]) => record(key, value)).join(''))
  const header = block({ name: 'pax', prefix: '', flag: 'x', mode: 0o644, bytes: records.length, target: '' })
  return Buffer.concat([header, records, Buffer.alloc(padding(records.length)), own])
}

export type Decoded =
  | { kind: 'entry'; entry: TarEntry }
  /** An extended header whose records follow; hand them to `parseExtended` and give the result to the next block. */
  | { kind: 'extended'; bytes: number }
  | { kind: 'end' }

export type Extended = ReadonlyMap<string, string>

/** Reads one block of 512 bytes. Throws `BundleError` on anything that `encodeHeader` does not write. */
export function decodeHeader(header: Buffer, extended: Extended | null): Decoded {
  if (header.every((byte) => byte === 0)) return { kind: 'end' }
  const sum = octal(header, 148, 8)
  if (sum !== checksum(header)) throw new BundleError('is damaged: a header has a wrong checksum')
  if (header.toString('latin1', 257, 263) !== 'ustar\0') throw new BundleError('is not a ustar archive')
  const flag = String.fromCharCode(header[156]!)
  const bytes = Number(extended?.get('size') ?? octal(header, 124, 12))
  if (flag === 'x') {
    if (extended || bytes > limits.extended) throw new BundleError('has an extended header that is out of place')
    return { kind: 'extended', bytes }
  }
  const kind = (Object.keys(typeFlags) as EntryKind[]).find((one) => typeFlags[one] === flag)
  const prefix = text(header, 345, limits.prefix)
  const name = text(header, 0, limits.name)
  const path = extended?.get('path') ?? (prefix ? `${prefix}/${name}` : name)
  if (!kind) throw new BundleError(`holds ${JSON.stringify(path)}, which is neither a file, a folder nor a link`)
  if (!Number.isSafeInteger(bytes) || bytes < 0 || (kind !== 'file' && bytes > 0)) {
    throw new BundleError(`says a wrong size of ${JSON.stringify(path)}`)
  }
  if ((kind === 'folder') !== path.endsWith('/')) throw new BundleError(`names ${JSON.stringify(path)} in a wrong way`)
  const mode = octal(header, 100, 8)
  if (mode !== 0o644 && mode !== 0o755) throw new BundleError(`gives ${JSON.stringify(path)} a mode it must not have`)
  return {
    kind: 'entry',
    entry: {
      kind,
      path: kind === 'folder' ? path.slice(0, -1) : path,
      isExecutable: kind === 'file' && mode === 0o755,
      bytes,
      target: kind === 'link' ? (extended?.get('linkpath') ?? text(header, 157, limits.target)) : '',
    },
  }
}

/** Records are `<length> <key>=<value>\n`, the length in decimal and of the whole record. */
export function parseExtended(records: Buffer): Extended {
  const found = new Map<string, string>()
  for (let at = 0; at < records.length; ) {
    const space = records.indexOf(0x20, at)
    const length = Number(records.toString('latin1', at, space))
    const end = at + length
    if (space < 0 || !Number.isSafeInteger(length) || length <= space - at + 2 || end > records.length) {
      throw new BundleError('is damaged: an extended header cannot be read')
    }
    const [, key, value] = /^([a-z]+)=(.*)\n$/s.exec(records.toString('utf8', space + 1, end)) ?? []
    if (!key || value === undefined || !['path', 'linkpath', 'size'].includes(key)) {
      throw new BundleError('has an extended header that bundles do not use')
    }
    found.set(key, value)
    at = end
  }
  return found
}

interface Fields {
  name: string
  prefix: string
  flag: string
  mode: number
  bytes: number
  target: string
}

function block(fields: Fields): Buffer {
  const header = Buffer.alloc(blockBytes)
  header.write(fields.name, 0, limits.name, 'utf8')
  header.write(`${fields.mode.toString(8).padStart(7, '0')}\0`, 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  header.write(`${fields.bytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  header.write('00000000000\0', 136, 'latin1')
  header.write(fields.flag, 156, 'latin1')
  header.write(fields.target, 157, limits.target, 'utf8')
  header.write('ustar\x0000', 257, 'latin1')
  header.write(fields.prefix, 345, limits.prefix, 'utf8')
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** The sum of all bytes, those of the checksum itself taken as spaces. */
function checksum(header: Buffer): number {
  let sum = 0
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!
  return sum
}

function octal(header: Buffer, at: number, length: number): number {
  const digits = /^([0-7]+)[\0 ]*$/.exec(header.toString('latin1', at, at + length))?.[1]
  if (digits === undefined) throw new BundleError('is damaged: a header cannot be read')
  return Number.parseInt(digits, 8)
}

function text(header: Buffer, at: number, length: number): string {
  const end = header.indexOf(0, at)
  return header.toString('utf8', at, end < 0 || end > at + length ? at + length : end)
}

/** A long path is split at a slash into prefix and name; null when no slash lies in the right place. */
function split(path: string): { name: string; prefix: string } | null {
  if (Buffer.byteLength(path) <= limits.name) return { name: path, prefix: '' }
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)]
    if (Buffer.byteLength(prefix) > limits.prefix) return null
    if (name && Buffer.byteLength(name) <= limits.name) return { name, prefix }
  }
  return null
}

function truncated(value: string, most: number): string {
  let short = value
  while (Buffer.byteLength(short) > most) short = short.slice(0, Math.min(short.length - 1, most))
  return short
}

function record(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + 1
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

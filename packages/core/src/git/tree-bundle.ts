import { Readable } from 'node:stream'
import { AppError } from '../errors.ts'
import { blockBytes, encodeHeader, padding, type TarEntry } from '../tar-format.ts'
import type { GitObject } from './object-reader.ts'
import { runGit } from './run-git.ts'

const bundleLimits = { files: 50_000, bytes: 512 * 1024 * 1024, fileBytes: 128 * 1024 * 1024, linkBytes: 4096 }

/** One commit as a bundle, see `bundle.ts`. */
export interface TreeBundle {
  bytes: number
  content: Readable
}

interface TreeFile {
  entry: TarEntry
  blob: string
}

/**
 * A commit of a stranger's repository as a bundle: files, folders and links that stay inside. Submodules are left
 * out. Throws `invalid` that names what cannot be in one.
 */
export async function treeBundle(
  folder: string,
  commit: string,
  read: (name: string, maxBytes: number) => Promise<GitObject | null>,
): Promise<TreeBundle> {
  const files = await listTree(folder, commit, read)
  const entries = withFolders(files)
  const headers = entries.map(({ entry }) => encodeHeader(entry))
  let bytes = 2 * blockBytes
  for (const [index, { entry }] of entries.entries()) {
    bytes += headers[index]!.length + entry.bytes + padding(entry.bytes)
  }
  async function* content() {
    for (const [index, { entry, blob }] of entries.entries()) {
      yield headers[index]!
      if (entry.kind !== 'file' || entry.bytes === 0) continue
      const object = await read(blob, bundleLimits.fileBytes)
      if (object?.body?.length !== entry.bytes) throw new Error(`the object ${blob} cannot be read`)
      yield object.body
      yield Buffer.alloc(padding(entry.bytes))
    }
    yield Buffer.alloc(2 * blockBytes)
  }
  return { bytes, content: Readable.from(content(), { objectMode: false }) }
}

async function listTree(
  folder: string,
  commit: string,
  read: (name: string, maxBytes: number) => Promise<GitObject | null>,
): Promise<TreeFile[]> {
  const { stdout } = await runGit(folder, ['ls-tree', '-r', '-l', '-z', '--full-tree', commit])
  const files: TreeFile[] = []
  let bytes = 0
  for (const line of stdout.toString('utf8').split('\0')) {
    // <mode> <type> <object> <size>\t<path>
    const found = /^(\d{6}) (blob|commit) ([0-9a-f]{40}) +(\d+|-)\t(.+)$/s.exec(line)
    if (!found) continue
    const [, mode, type, blob, size, path] = found as unknown as [string, string, string, string, string, string]
    if (type === 'commit') continue
    checkPath(path)
    const isLink = mode === '120000'
    bytes += isLink ? 0 : Number(size)
    if (files.length >= bundleLimits.files) throw refused(`it has more than ${bundleLimits.files} files`)
    if (bytes > bundleLimits.bytes || Number(size) > bundleLimits.fileBytes) throw refused('it is too large')
    const entry: TarEntry = {
      kind: isLink ? 'link' : 'file',
      path,
      isExecutable: mode === '100755',
      bytes: isLink ? 0 : Number(size),
      target: isLink ? await linkTarget(path, blob, read) : '',
    }
    files.push({ entry, blob })
  }
  return files
}

async function linkTarget(
  path: string,
  blob: string,
  read: (name: string, maxBytes: number) => Promise<GitObject | null>,
): Promise<string> {
  const target = (await read(blob, bundleLimits.linkBytes))?.body?.toString('utf8') ?? ''
  const parts = target.split('/')
  const climbs = parts.findIndex((part) => part !== '..')
  const up = climbs < 0 ? parts.length : climbs
  const isInside = target !== '' && !target.startsWith('/') && !target.includes('\0') && !parts.slice(up).includes('..')
  if (isInside && up <= path.split('/').length - 1) return target
  throw refused(`its link ${JSON.stringify(path)} leads out of it`)
}

function checkPath(path: string): void {
  const parts = path.split('/')
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && part.toLowerCase() !== '.git')
  if (!isPlain || path.includes('\uFFFD')) throw refused(`it holds ${JSON.stringify(path)}, which no folder can hold`)
}

/** With the folders above them, in the order that a bundle has: name by name along the path, by their bytes. */
function withFolders(files: TreeFile[]): TreeFile[] {
  const folders = new Set<string>()
  for (const { entry } of files) {
    for (let slash = entry.path.lastIndexOf('/'); slash > 0; slash = entry.path.lastIndexOf('/', slash - 1)) {
      folders.add(entry.path.slice(0, slash))
    }
  }
  const all = [
    ...files,
    ...[...folders].map((path) => ({
      entry: { kind: 'folder' as const, path, isExecutable: false, bytes: 0, target: '' },
      blob: '',
    })),
  ]
  // A slash sorts before every other byte of a name: as a NUL it does.
  const key = new Map(all.map((each) => [each, Buffer.from(each.entry.path.replaceAll('/', '\0'))]))
  return all.sort((a, b) => Buffer.compare(key.get(a)!, key.get(b)!))
}

const refused = (why: string) =>
  new AppError('invalid', 'action.unusable', { message: `The repository of the action cannot be used: ${why}.` })

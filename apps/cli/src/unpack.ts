import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { lstat, mkdir, open, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { openZipEntry, readZip, ZipError, type ZipSource } from '@juanie/core/zip'
import { CommandError } from './exit.ts'

const maxEntries = 200_000

/** Where an artifact is put that gets a folder of its name; a name that would lead elsewhere, or into git, is refused. */
export function folderOf(into: string, name: string): string {
  const folder = resolve(into, name)
  if (dirname(folder) === resolve(into) && name.toLowerCase() !== '.git') return folder
  throw new CommandError(`"${name}" is no name for a folder here. Download it by itself: --name with --dir.`)
}

/** Unpacks an archive of a stranger below a folder; answers how many files it wrote. */
export async function unpack(file: string, into: string): Promise<number> {
  const handle = await open(file, 'r')
  try {
    const { size: bytes } = await handle.stat()
    const source: ZipSource = {
      bytes,
      read: async (start, end) => {
        const buffer = Buffer.alloc(Math.max(0, Math.min(end, bytes) - start))
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, start)
        return buffer.subarray(0, bytesRead)
      },
      stream: (start, end) =>
        end > start ? createReadStream(file, { start, end: end - 1 }) : createReadStream('/dev/null'),
    }
    const entries = await readZip(source, { maxEntries })
    for (const { path } of entries) refuseIntoGit(into, path)
    let count = 0
    for (const entry of entries) {
      const path = join(into, entry.path)
      await mkdir(entry.isFolder ? path : dirname(path), { recursive: true })
      if (entry.isFolder) continue
      // A link that lies there already is replaced and never followed.
      if (await lstat(path).catch(() => null)) await rm(path)
      const mode = entry.isExecutable ? 0o755 : 0o644
      await pipeline(await openZipEntry(source, entry), createWriteStream(path, { flags: 'wx', mode }))
      count++
    }
    return count
  } catch (error) {
    if (error instanceof ZipError) throw new CommandError(`The archive ${error.message}`)
    throw error
  } finally {
    await handle.close()
  }
}

/** The hooks and settings of a repository that lies there already would be a stranger's. */
function refuseIntoGit(into: string, path: string): void {
  const parts = path.split('/')
  const at = parts.findIndex((part) => part.toLowerCase() === '.git')
  if (at < 0 || !existsSync(join(into, ...parts.slice(0, at), '.git'))) return
  throw new CommandError(
    `The archive writes into the git repository that lies in ${join(into, ...parts.slice(0, at))}. Give an empty folder: --dir.`,
  )
}

import { randomUUID } from 'node:crypto'
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '@juanie/core/errors'

const digestPattern = /^sha256:[0-9a-f]{64}$/
const leftOverMs = 24 * 3_600_000

export const isDigest = (text: string): boolean => digestPattern.test(text)

/** Files by the digest of their content: `<folder>/<first two hex digits>/<hex>`; what comes in lies beside them. */
export class DigestFolder {
  readonly path: string
  readonly incoming: string

  constructor(path: string) {
    this.path = path
    this.incoming = join(path, 'incoming')
  }

  /** Where a file comes in, before its digest is known to be right. */
  temporary(): string {
    return join(this.incoming, randomUUID())
  }

  /** `digest` is one: whoever calls has made sure. */
  pathOf(digest: string): string {
    const hex = digest.slice('sha256:'.length)
    return join(this.path, hex.slice(0, 2), hex)
  }

  async *list(): AsyncGenerator<{ digest: string; storedAt: Date }> {
    for (const folder of (await readdir(this.path).catch(absent)) ?? []) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue
      for (const name of (await readdir(join(this.path, folder)).catch(absent)) ?? []) {
        const found = await stat(join(this.path, folder, name)).catch(absent)
        const digest = `sha256:${name}`
        if (found && isDigest(digest)) yield { digest, storedAt: found.mtime }
      }
    }
  }

  /** Removes what came in and was forgotten. */
  async clean(): Promise<void> {
    for (const name of (await readdir(this.incoming).catch(absent)) ?? []) {
      const path = join(this.incoming, name)
      const found = await stat(path).catch(absent)
      if (found && Date.now() - found.mtimeMs > leftOverMs) await rm(path, { force: true })
    }
  }
}

export const absent = (error: NodeJS.ErrnoException): null => {
  if (error.code === 'ENOENT') return null
  throw diskRefusalOf(error)
}

export function diskRefusalOf(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('unavailable', 'blob.disk_full', {
      message: 'The disk that holds the bundles is full. Free some space, then try again; nothing was stored.',
      cause: error,
    })
  }
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET') {
    return new AppError('invalid', 'blob.cut_short', { message: 'The upload ended before its end.', cause: error })
  }
  if (code === 'EACCES' || code === 'EIO' || code === 'EROFS') {
    return new AppError('unavailable', 'blob.unreadable', {
      message: `The folder of the bundles cannot be used (${code}).`,
      cause: error,
    })
  }
  return error
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

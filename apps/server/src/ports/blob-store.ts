import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Readable, Transform, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@juanie/core/errors'
import type { BlobStore, StagedBlob } from '@juanie/services/releases/port'
import { absent, DigestFolder, diskRefusalOf, isDigest, syncFolder } from './digest-folder.ts'

/**
 * Bundles as files: `<folder>/<first two hex digits>/<hex>`, 0600. A file is written beside, synced, and renamed, and
 * then its folder is synced, so that after a crash it is there whole or not at all.
 */
export class FileBlobStore implements BlobStore {
  readonly #folder: DigestFolder
  /** Found while somebody read them, whose reading ended in the middle and says nothing of why. */
  readonly #damaged = new Set<string>()

  constructor(folder: string) {
    this.#folder = new DigestFolder(folder)
  }

  async stage(digest: string, content: Readable, maxBytes: number): Promise<StagedBlob> {
    const path = this.#pathOf(digest)
    const temporary = this.#folder.temporary()
    const checked = new Checked(digest, { maxBytes })
    try {
      await mkdir(this.#folder.incoming, { recursive: true, mode: 0o700 })
      await pipeline(content, checked, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }))
    } catch (error) {
      await rm(temporary, { force: true })
      throw diskRefusalOf(error)
    }
    let isCommitted = false
    return {
      bytes: checked.bytes,
      commit: async () => {
        if (isCommitted) return
        try {
          await mkdir(dirname(path), { recursive: true, mode: 0o700 })
          await rename(temporary, path)
          await syncFolder(dirname(path))
          await syncFolder(this.#folder.path)
        } catch (error) {
          throw diskRefusalOf(error)
        }
        isCommitted = true
        this.#damaged.delete(digest)
      },
      [Symbol.asyncDispose]: async () => {
        if (!isCommitted) await rm(temporary, { force: true })
      },
    }
  }

  async stat(digest: string): Promise<{ bytes: number } | null> {
    const found = await stat(this.#pathOf(digest)).catch(absent)
    return found ? { bytes: found.size } : null
  }

  async read(digest: string): Promise<{ bytes: number; content: Readable } | null> {
    if (this.#damaged.has(digest)) {
      if ((await this.verify(digest)) === 'damaged') throw damaged(digest)
      this.#damaged.delete(digest)
    }
    return this.#open(digest)
  }

  async #open(digest: string): Promise<{ bytes: number; content: Checked } | null> {
    const path = this.#pathOf(digest)
    const found = await this.stat(digest)
    if (!found) return null
    const checked = new Checked(digest, { maxBytes: Number.MAX_SAFE_INTEGER })
    const file = createReadStream(path, { highWaterMark: 256 * 1024 })
    file.once('error', (error) => checked.destroy(diskRefusalOf(error) as Error))
    checked.once('close', () => file.destroy())
    checked.once('error', (error) => {
      if (isMismatch(error)) this.#damaged.add(digest)
    })
    file.pipe(checked)
    return { bytes: found.bytes, content: checked }
  }

  async verify(digest: string): Promise<'intact' | 'damaged' | 'missing'> {
    const found = await this.#open(digest)
    if (!found) return 'missing'
    try {
      for await (const _ of found.content);
      return 'intact'
    } catch (error) {
      if (isMismatch(error)) return 'damaged'
      throw error
    }
  }

  async remove(digest: string): Promise<void> {
    await rm(this.#pathOf(digest), { force: true })
  }

  list(): AsyncGenerator<{ digest: string; storedAt: Date }> {
    return this.#folder.list()
  }

  clean(): Promise<void> {
    return this.#folder.clean()
  }

  #pathOf(digest: string): string {
    if (!isDigest(digest)) {
      throw new AppError('invalid', 'input.invalid', {
        message: `digest: give sha256: and 64 hex digits, not "${digest.slice(0, 100)}".`,
        details: { field: 'digest' },
      })
    }
    return this.#folder.pathOf(digest)
  }
}

/** Lets content through while it counts and digests it; the last piece only once the digest is right. */
class Checked extends Transform {
  bytes = 0
  readonly #digest: string
  readonly #maxBytes: number
  readonly #hash = createHash('sha256')
  #last: Buffer | null = null

  constructor(digest: string, limits: { maxBytes: number }) {
    super({ highWaterMark: 256 * 1024 })
    this.#digest = digest
    this.#maxBytes = limits.maxBytes
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += piece.length
    if (this.bytes > this.#maxBytes) {
      const most = `${Math.floor(this.#maxBytes / (1024 * 1024))} MiB`
      done(
        new AppError('invalid', 'blob.too_large', {
          message: `The bundle is larger than ${most}. Leave files out with \`exclude\`, or raise JUANIE_BUNDLE_MAX_BYTES.`,
          details: { maxBytes: this.#maxBytes },
        }),
      )
      return
    }
    this.#hash.update(piece)
    const before = this.#last
    this.#last = piece
    done(null, before ?? undefined)
  }

  override _flush(done: TransformCallback): void {
    if (`sha256:${this.#hash.digest('hex')}` === this.#digest) {
      done(null, this.#last ?? undefined)
      return
    }
    done(
      new AppError('invalid', 'blob.digest_mismatch', {
        message: `The content is not what ${this.#digest} says: it was damaged on its way or on the disk.`,
        details: { digest: this.#digest },
      }),
    )
  }
}

const isMismatch = (error: unknown): boolean => error instanceof AppError && error.reason === 'blob.digest_mismatch'

const damaged = (digest: string) =>
  new AppError('conflict', 'blob.damaged', {
    message: `${digest} is damaged on the server's disk. Giving the same content again repairs it: rerun its run, or deploy its folder.`,
    details: { digest },
  })

import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Readable, Transform, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@juanie/core/errors'
import type { PieceStore, StagedPiece } from '@juanie/services/storage/port'
import { DigestFolder, diskRefusalOf, isDigest, syncFolder } from './digest-folder.ts'

const chunkBytes = 1024 * 1024
/** What came while the disk was busy is written together: one call for each packet costs more than the disk. */
const waitingBytes = 4 * 1024 * 1024
const settledAtOnce = 8

/** Pieces as files: `<folder>/<first two hex digits>/<hex>`, 0600, written beside and renamed. */
export class FilePieceStore implements PieceStore {
  readonly #folder: DigestFolder
  readonly #made = new Set<string>()

  constructor(folder: string) {
    this.#folder = new DigestFolder(folder)
  }

  async stage(content: Readable, maxBytes: number): Promise<StagedPiece> {
    const temporary = this.#folder.temporary()
    const measured = new Measured(maxBytes)
    try {
      await this.#make(this.#folder.incoming)
      await pipeline(
        content,
        measured,
        createWriteStream(temporary, { flags: 'wx', mode: 0o600, highWaterMark: waitingBytes }),
      )
    } catch (error) {
      await rm(temporary, { force: true })
      throw diskRefusalOf(error)
    }
    const digest = `sha256:${measured.hash.digest('hex')}`
    const path = this.#pathOf(digest)
    let isCommitted = false
    return {
      digest,
      bytes: measured.bytes,
      commit: async () => {
        try {
          await this.#make(dirname(path))
          await rename(temporary, path)
        } catch (error) {
          throw diskRefusalOf(error)
        }
        isCommitted = true
      },
      [Symbol.asyncDispose]: async () => {
        if (!isCommitted) await rm(temporary, { force: true })
      },
    }
  }

  async digest(digests: string[]): Promise<string> {
    const hash = createHash('sha256')
    try {
      for (const digest of digests) {
        const file = createReadStream(this.#pathOf(digest), { highWaterMark: chunkBytes })
        for await (const chunk of file as AsyncIterable<Buffer>) hash.update(chunk)
      }
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing() : diskRefusalOf(error)
    }
    return `sha256:${hash.digest('hex')}`
  }

  async settle(digests: string[]): Promise<void> {
    const paths = [...new Set(digests)].map((digest) => this.#pathOf(digest))
    try {
      for (let from = 0; from < paths.length; from += settledAtOnce) {
        await Promise.all(paths.slice(from, from + settledAtOnce).map(syncFile))
      }
      await Promise.all([...new Set(paths.map((path) => dirname(path)))].map(syncFolder))
      await syncFolder(this.#folder.path)
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing() : diskRefusalOf(error)
    }
  }

  async *read(piece: { digest: string; bytes: number }, start: number, end: number): AsyncGenerator<Buffer> {
    const isWhole = start === 0 && end === piece.bytes
    const hash = isWhole ? createHash('sha256') : null
    const file = createReadStream(this.#pathOf(piece.digest), { start, end: end - 1, highWaterMark: chunkBytes })
    let read = 0
    let last: Buffer | null = null
    try {
      for await (const chunk of file as AsyncIterable<Buffer>) {
        read += chunk.length
        hash?.update(chunk)
        if (last) yield last
        last = chunk
      }
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing() : diskRefusalOf(error)
    }
    if (read !== end - start || (hash && `sha256:${hash.digest('hex')}` !== piece.digest)) throw damaged(piece.digest)
    if (last) yield last
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

  async #make(folder: string): Promise<void> {
    if (this.#made.has(folder)) return
    await mkdir(folder, { recursive: true, mode: 0o700 })
    this.#made.add(folder)
  }

  #pathOf(digest: string): string {
    if (!isDigest(digest)) throw new Error(`no digest of a piece: ${digest.slice(0, 100)}`)
    return this.#folder.pathOf(digest)
  }
}

/** Lets content through while it counts and digests it. */
class Measured extends Transform {
  bytes = 0
  readonly hash: Hash = createHash('sha256')
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    super({ highWaterMark: chunkBytes })
    this.#maxBytes = maxBytes
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += piece.length
    if (this.bytes > this.#maxBytes) {
      const message = `The upload is larger than the limit of ${this.#maxBytes} bytes.`
      done(new AppError('invalid', 'upload.too_large', { message, details: { maxBytes: this.#maxBytes } }))
      return
    }
    this.hash.update(piece)
    done(null, piece)
  }
}

const damaged = (digest: string) =>
  new AppError('conflict', 'blob.damaged', {
    message: `${digest} is damaged on the server's disk.`,
    details: { digest },
  })

const missing = () =>
  new AppError('not_found', 'upload.not_found', { message: 'A part of this file is missing on the disk.' })

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}

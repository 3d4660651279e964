import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { AppError } from '@juanie/core/errors'
import type { BlobStore, StagedBlob } from '../port.ts'

const digestOf = (content: Buffer | string): string => `sha256:${createHash('sha256').update(content).digest('hex')}`

/** The store as a map. `contents` may be changed by a test, to damage a bundle. */
export class MemoryBlobs implements BlobStore {
  readonly contents = new Map<string, Buffer>()

  /** Puts content in and answers its digest. */
  add(content: string): string {
    const digest = digestOf(content)
    this.contents.set(digest, Buffer.from(content))
    return digest
  }

  async stage(digest: string, content: Readable, maxBytes: number): Promise<StagedBlob> {
    const bytes = await buffer(content)
    if (bytes.length > maxBytes) throw new AppError('invalid', 'blob.too_large')
    if (digestOf(bytes) !== digest) throw new AppError('invalid', 'blob.digest_mismatch')
    return {
      bytes: bytes.length,
      commit: async () => void this.contents.set(digest, bytes),
      [Symbol.asyncDispose]: async () => {},
    }
  }

  async stat(digest: string) {
    const content = this.contents.get(digest)
    return content ? { bytes: content.length } : null
  }

  async read(digest: string) {
    const content = this.contents.get(digest)
    if (!content) return null
    if (digestOf(content) === digest) return { bytes: content.length, content: Readable.from([content]) }
    const broken = new Readable({ read() {} })
    queueMicrotask(() => broken.destroy(new AppError('invalid', 'blob.digest_mismatch')))
    return { bytes: content.length, content: broken }
  }

  async verify(digest: string) {
    const content = this.contents.get(digest)
    if (!content) return 'missing'
    return digestOf(content) === digest ? 'intact' : 'damaged'
  }

  async remove(digest: string) {
    this.contents.delete(digest)
  }

  async *list() {
    for (const digest of this.contents.keys()) yield { digest, storedAt: new Date(0) }
  }

  async clean() {}
}

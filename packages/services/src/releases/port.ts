import type { Readable } from 'node:stream'

/** A bundle that was received whole and is as its digest says, but is not yet in the store. */
export interface StagedBlob extends AsyncDisposable {
  bytes: number
  /** Puts it into the store for good: afterwards it survives a crash of the machine. Safe to repeat. */
  commit(): Promise<void>
}

/**
 * Where bundles lie, known by the digest of their content (`sha256:<hex>`). Nothing is ever changed in place, so all
 * calls may run at the same time, from several servers. A store that cannot be used now throws `unavailable`
 * (`blob.disk_full`, `blob.unreadable`).
 */
export interface BlobStore {
  /**
   * Reads the whole stream beside the store. Refuses with `invalid`: `blob.digest_mismatch` for other content than the
   * digest says, `blob.too_large` as soon as there are more than `maxBytes`. Disposing it without `commit` leaves
   * nothing behind.
   */
  stage(digest: string, content: Readable, maxBytes: number): Promise<StagedBlob>
  /** Null when there is no such blob. Says nothing of its content. */
  stat(digest: string): Promise<{ bytes: number } | null>
  /**
   * The content, checked while it is read: a damaged one ends in an error before its last bytes were given out, and is
   * refused with `conflict` (`blob.damaged`) from then on, until it is stored again. Null when there is no such blob.
   */
  read(digest: string): Promise<{ bytes: number; content: Readable } | null>
  /** Reads it whole. */
  verify(digest: string): Promise<'intact' | 'damaged' | 'missing'>
  /** Safe to repeat. */
  remove(digest: string): Promise<void>
  /** Every blob of the store with when it was put there, in no order. */
  list(): AsyncIterable<{ digest: string; storedAt: Date }>
  /** Removes what uploads that died left beside the store, when it is older than a day. */
  clean(): Promise<void>
}

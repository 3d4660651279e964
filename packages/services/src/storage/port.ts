import type { Readable } from 'node:stream'

/** A piece that was received whole but is not in the store yet. */
export interface StagedPiece extends AsyncDisposable {
  /** `sha256:<hex>` of what came. */
  digest: string
  bytes: number
  /** Puts it into the store, where it replaces one of the same content. It survives a crash only once settled. */
  commit(): Promise<void>
}

/**
 * Where pieces of files lie, known by the digest of their content. Nothing is ever changed in place, so all calls may
 * run at the same time, from several servers. A store that cannot be used now throws `unavailable`.
 */
export interface PieceStore {
  /**
   * Reads the whole stream beside the store and digests it on its way. Refuses with `invalid` (`upload.too_large`) as
   * soon as there are more than `maxBytes`. Disposing it without `commit` leaves nothing behind.
   */
  stage(content: Readable, maxBytes: number): Promise<StagedPiece>
  /** `sha256:<hex>` of these after each other. Throws `not_found` when one is missing. */
  digest(digests: string[]): Promise<string>
  /** Afterwards these survive a crash of the machine. Throws `not_found` when one is missing. */
  settle(digests: string[]): Promise<void>
  /**
   * Bytes from `start` up to and without `end`. A piece that is read whole is checked, and a damaged one ends in an
   * error before its last bytes were given out.
   */
  read(piece: { digest: string; bytes: number }, start: number, end: number): AsyncIterable<Buffer>
  /** Safe to repeat. */
  remove(digest: string): Promise<void>
  /** Every piece of the store with when it was put there, in no order. */
  list(): AsyncIterable<{ digest: string; storedAt: Date }>
  /** Removes what uploads that died left beside the store, when it is older than a day. */
  clean(): Promise<void>
}

import { randomBytes } from 'node:crypto'
import { deriveKey, seal, unseal } from '@juanie/core/crypto'
import { maybeOne, type Queryable } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { uuidv7 } from '@juanie/core/ids'
import { and, desc, eq } from 'drizzle-orm'
import { dataKeys } from './tables.ts'

/** Data keys, opened once and kept in memory: the master key seals nothing but them. */
export class DataKeys {
  readonly #key: Buffer
  readonly #opened = new Map<string, Buffer>()

  constructor(masterKey: Buffer) {
    this.#key = deriveKey(masterKey, 'data-keys')
  }

  /** The key of an organization, made when it has none. Two that are made at once both serve. */
  async current(db: Queryable, organizationId: string): Promise<{ id: string; key: Buffer }> {
    const row = await maybeOne(
      db
        .select({ id: dataKeys.id, sealed: dataKeys.sealed })
        .from(dataKeys)
        .where(eq(dataKeys.organizationId, organizationId))
        .orderBy(desc(dataKeys.id))
        .limit(1),
    )
    if (row) return { id: row.id, key: this.#open(row.id, organizationId, row.sealed) }
    const id = uuidv7()
    const key = randomBytes(32)
    await db
      .insert(dataKeys)
      .values({ id, organizationId, sealed: seal(this.#key, key, contextOf(id, organizationId)) })
    // Kept only when somebody reads it back: this transaction may yet come to nothing.
    return { id, key }
  }

  /** Only of this organization: a version that points to the key of another one does not open. */
  async byId(db: Queryable, id: string, organizationId: string): Promise<Buffer> {
    const opened = this.#opened.get(`${organizationId}/${id}`)
    if (opened) return opened
    const row = await maybeOne(
      db
        .select({ sealed: dataKeys.sealed })
        .from(dataKeys)
        .where(and(eq(dataKeys.id, id), eq(dataKeys.organizationId, organizationId))),
    )
    if (!row) {
      throw new AppError('unavailable', 'secret.undecryptable', { message: 'The key of a stored secret is missing.' })
    }
    return this.#open(id, organizationId, row.sealed)
  }

  #open(id: string, organizationId: string, sealed: string): Buffer {
    const place = `${organizationId}/${id}`
    const key = this.#opened.get(place) ?? unseal(this.#key, sealed, contextOf(id, organizationId))
    this.#opened.set(place, key)
    return key
  }
}

const contextOf = (id: string, organizationId: string) => `data-key|${organizationId}|${id}`

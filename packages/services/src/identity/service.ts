import { createPrivateKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { deriveKey, seal, unseal } from '@juanie/core/crypto'
import type { Database } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { uuidv7 } from '@juanie/core/ids'
import { desc, lt, sql } from 'drizzle-orm'
import { granted, type JobCaller } from '../runs/index.ts'
import { claimsOf } from './plan.ts'
import { signingKeys } from './tables.ts'

/** So long a key signs; one day later nobody may be shown a token of it any more. */
const signsDays = 30
const publishedDays = signsDays + 1
const tokenSeconds = 300
/** Clocks of those who check it may be behind. */
const earlySeconds = 600
const maxAudience = 1_000
const cachedMs = 60_000

interface SigningKey {
  id: string
  key: KeyObject
  until: number
}

/** Proves to others which job speaks, by tokens that they can check with the published keys. */
export class IdTokens {
  readonly #db: Database
  readonly #sealKey: Buffer
  readonly #url: () => string
  #current: SigningKey | null = null

  /** `url` is that of the installation; the issuer lies below it. */
  constructor(parts: { db: Database; masterKey: Buffer; url: () => string }) {
    this.#db = parts.db
    this.#sealKey = deriveKey(parts.masterKey, 'signing-keys')
    this.#url = parts.url
  }

  get issuer(): string {
    return `${this.#url()}/api/oidc`
  }

  /** A token for whoever is meant by `audience`; without one, for the owner of the repository, as on GitHub. */
  async issue(caller: JobCaller, audience: string | null): Promise<string> {
    if (granted(caller.job, 'id-token') !== 'write') {
      throw new AppError('forbidden', 'id_token.permissions', {
        message: 'This job gets no id token. Give it `permissions: { id-token: write }`.',
      })
    }
    if (audience !== null && (audience === '' || audience.length > maxAudience)) {
      throw new AppError('invalid', 'input.invalid', {
        message: `audience: give 1 to ${maxAudience} characters.`,
        details: { field: 'audience' },
      })
    }
    const { id, key } = await this.#signing()
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      ...claimsOf(caller),
      jti: uuidv7(),
      iss: this.issuer,
      aud: audience ?? `${this.#url()}/${caller.organization}`,
      iat: now,
      nbf: now - earlySeconds,
      exp: now + tokenSeconds,
    }
    const text = `${encoded({ alg: 'RS256', typ: 'JWT', kid: id })}.${encoded(claims)}`
    return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
  }

  /** RFC 7517. */
  async keys(): Promise<{ keys: Record<string, string>[] }> {
    await this.#signing()
    const rows = await this.#db
      .select({ id: signingKeys.id, publicKey: signingKeys.publicKey })
      .from(signingKeys)
      .where(sql`${signingKeys.createdAt} > now() - ${`${publishedDays} days`}::interval`)
      .orderBy(desc(signingKeys.id))
      .limit(100)
    return { keys: rows.map(({ id, publicKey }) => ({ ...publicKey, kid: id, use: 'sig', alg: 'RS256' })) }
  }

  /** OpenID Connect Discovery 1.0. */
  configuration(): Record<string, string | string[]> {
    return {
      issuer: this.issuer,
      jwks_uri: `${this.issuer}/.well-known/jwks`,
      subject_types_supported: ['public', 'pairwise'],
      response_types_supported: ['id_token'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid'],
      claims_supported: ['sub', 'aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'ref', 'sha', 'repository', 'workflow_ref'],
    }
  }

  /** Forgets keys that nobody needs to check anything with. */
  async clean(): Promise<void> {
    await this.#db
      .delete(signingKeys)
      .where(lt(signingKeys.createdAt, sql`now() - ${`${publishedDays} days`}::interval`))
  }

  async #signing(): Promise<SigningKey> {
    if (this.#current && this.#current.until > Date.now()) return this.#current
    const found = (await this.#newest()) ?? (await this.#make())
    const key = createPrivateKey({
      key: unseal(this.#sealKey, found.sealedKey, found.id),
      format: 'der',
      type: 'pkcs8',
    })
    this.#current = { id: found.id, key, until: Date.now() + cachedMs }
    return this.#current
  }

  async #newest() {
    const [row] = await this.#db
      .select()
      .from(signingKeys)
      .where(sql`${signingKeys.createdAt} > now() - ${`${signsDays} days`}::interval`)
      .orderBy(desc(signingKeys.createdAt))
      .limit(1)
    return row ?? null
  }

  /** Several servers may find none at the same time: each makes one, and all of them are published. */
  async #make() {
    const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
    const id = uuidv7()
    const sealedKey = seal(this.#sealKey, privateKey.export({ format: 'der', type: 'pkcs8' }), id)
    const [row] = await this.#db
      .insert(signingKeys)
      .values({ id, publicKey: publicKey.export({ format: 'jwk' }) as Record<string, string>, sealedKey })
      .returning()
    return row!
  }
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

import { deriveKey } from '@juanie/core/crypto'
import { isUuid } from '@juanie/core/ids'
import type { AccessClaims, AccessSigner } from '@juanie/services/auth/port'
import { jwtVerify, SignJWT } from 'jose'

const issuer = 'juanie'

/** HS256 with a key of its own, derived from the master key. */
export class JwtAccessSigner implements AccessSigner {
  readonly #key: Buffer

  constructor(masterKey: Buffer) {
    this.#key = deriveKey(masterKey, 'access-token')
  }

  sign({ sessionId, userId }: AccessClaims, seconds: number): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(issuer)
      .setSubject(userId)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(this.#key)
  }

  async open(token: string): Promise<AccessClaims | null> {
    try {
      const { payload } = await jwtVerify(token, this.#key, { algorithms: ['HS256'], issuer })
      const { sid, sub } = payload
      if (typeof sid !== 'string' || !isUuid(sid) || typeof sub !== 'string') return null
      return { sessionId: sid, userId: sub }
    } catch {
      return null
    }
  }
}

import { createHmac, timingSafeEqual } from 'node:crypto'

const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url')

const signatureOf = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** A JSON Web Token (RFC 7519) with HS256. `claims.exp` is in seconds since the epoch. */
export function signToken(key: Buffer, claims: { exp: number } & Record<string, unknown>): string {
  const text = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  return `${text}.${signatureOf(key, text).toString('base64url')}`
}

/** The claims of a token that this key signed and whose time is not over; null for every other text. */
export function openToken(key: Buffer, token: string): Record<string, unknown> | null {
  if (token.length > 8_192) return null
  const [head, body, signature, ...rest] = token.split('.')
  // The header is compared whole: there is no other algorithm to talk anybody into.
  if (head !== header || !body || !signature || rest.length > 0) return null
  if (!isSame(Buffer.from(signature, 'base64url'), signatureOf(key, `${head}.${body}`))) return null
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Record<string, unknown>
  return typeof claims.exp === 'number' && claims.exp * 1000 > Date.now() ? claims : null
}

/** In constant time. */
export const isSame = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)

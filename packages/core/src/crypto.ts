import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { AppError } from './errors.ts'

/**
 * AES-256-GCM. The text form is `v1.<nonce>.<tag>.<ciphertext>` in base64url; `context` is authenticated with it, so
 * that a sealed value moved to another row does not open.
 */
export function seal(key: Buffer, plain: Buffer, context: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return [
    'v1',
    nonce.toString('base64url'),
    cipher.getAuthTag().toString('base64url'),
    body.toString('base64url'),
  ].join('.')
}

/** Fails closed: anything but the exact sealed value under the exact key and context is refused. */
export function unseal(key: Buffer, sealed: string, context: string): Buffer {
  const [version, nonce, tag, body, ...rest] = sealed.split('.')
  if (version !== 'v1' || !nonce || !tag || body === undefined || rest.length > 0) throw undecryptable()
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), { authTagLength: 16 })
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(Buffer.from(tag, 'base64url'))
    return Buffer.concat([decipher.update(Buffer.from(body, 'base64url')), decipher.final()])
  } catch (cause) {
    throw undecryptable(cause)
  }
}

const undecryptable = (cause?: unknown) =>
  new AppError('unavailable', 'secret.undecryptable', {
    message: 'A stored secret cannot be decrypted. Check that the master key is the one it was written with.',
    cause,
  })

/** A key for one purpose from the master key, so that no key serves two. */
export const deriveKey = (master: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), `juanie/${purpose}`, 32))

import { createHash, randomBytes } from 'node:crypto'

export { v7 as uuidv7 } from 'uuid'

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
export const isUuid = (text: string): boolean => uuidPattern.test(text)

/** A random bearer secret of 256 bits, e.g. `jua_…`. Only its `secretHash` is ever stored. */
export const newSecret = (prefix: string): string => `${prefix}_${randomBytes(32).toString('base64url')}`

/** SHA-256 in hex. Enough for secrets of full entropy; passwords go through argon2id instead. */
export const secretHash = (secret: string): string => createHash('sha256').update(secret).digest('hex')

import { isIP } from 'node:net'
import { z } from 'zod'

/** The kinds of values that variables hold. Each message completes the sentence "PORT: …, not "x"". */

type Check<T> = { value: T } | { problem: string }

const parsed = <T>(check: (text: string) => Check<T>) =>
  z.string().transform((text, context): T => {
    const result = check(text)
    if ('value' in result) return result.value
    context.addIssue({ code: 'custom', message: result.problem })
    return z.NEVER
  })

const matching = (pattern: RegExp, problem: string) =>
  parsed((text) => (pattern.test(text) ? { value: text } : { problem }))

export const oneOf = {
  error: (issue: { values?: readonly unknown[] }) => `must be one of ${(issue.values ?? []).join(', ')}`,
} as unknown as z.core.$ZodEnumParams

export const text = z.string()

export const absolutePath = matching(/^\//, 'must be a path that begins with /')

/** A whole number in decimal digits, so that "1e3", "0x10" and "3000 " with letters are not taken for one. */
export const count = (least: number, most: number) =>
  parsed((text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return number >= least && number <= most
      ? { value: number }
      : { problem: `must be a whole number from ${least} to ${most}` }
  })

export const port = count(0, 65_535)

export const host = parsed((text) =>
  isIP(text) || text === 'localhost'
    ? { value: text }
    : { problem: 'must be an IP address of this machine, or localhost' },
)

const address = (protocols: readonly string[], problem: string) =>
  parsed((text): Check<URL> => {
    const url = URL.canParse(text) ? new URL(text) : null
    return url && protocols.includes(url.protocol) && url.hostname ? { value: url } : { problem }
  })

/** Kept without a trailing slash, so that paths can be appended. */
export const httpUrl = address(
  ['http:', 'https:'],
  'must be an address that starts with http:// or https://',
).transform((url, context) => {
  if (url.username || url.search || url.hash || url.pathname !== '/') {
    context.addIssue({ code: 'custom', message: 'must be scheme, host and port alone' })
    return z.NEVER
  }
  return url.origin
})

export const postgresUrl = parsed((text) => {
  const url = URL.canParse(text) ? new URL(text) : null
  const fits = url && ['postgres:', 'postgresql:'].includes(url.protocol) && url.pathname.length > 1
  return fits ? { value: text } : { problem: 'must be a postgres:// address with the name of a database' }
})

export const redisUrl = parsed((text) => {
  const url = URL.canParse(text) ? new URL(text) : null
  return url && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname
    ? { value: text }
    : { problem: 'must be a redis:// or rediss:// address' }
})

export const email = matching(/^[^\s@]{1,64}@[^\s@]{1,255}$/, 'must be an e-mail address')

export const password = parsed((text) =>
  text.length >= 8 && text.length <= 256 ? { value: text } : { problem: 'must have 8 to 256 characters' },
)

export const token = matching(/^[\x21-\x7e]{16,512}$/, 'must have 16 to 512 visible characters without spaces')

export const slug = matching(
  /^[a-z0-9](?:[a-z0-9-]{0,37}[a-z0-9])?$/,
  'must be 1 to 39 lower-case letters, digits and hyphens, and not start or end with a hyphen',
)

export const domain = matching(
  /^(?=.{1,180}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/,
  'must be a lower-case domain name',
)

/** 32 bytes in base64 (with or without padding, either alphabet) or hex. */
export const key = parsed((text): Check<Buffer> => {
  const bytes = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
      ? Buffer.from(text, 'base64')
      : null
  return bytes?.length === 32 ? { value: bytes } : { problem: 'must be 32 bytes, as base64 or as 64 hex digits' }
})

const isNetwork = (text: string) => {
  const [ip = '', bits, ...rest] = text.split('/')
  const version = isIP(ip)
  if (!version || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

const list = (text: string) =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)

export const networks = parsed((text): Check<string[]> => {
  const entries = list(text)
  const wrong = entries.find((entry) => !isNetwork(entry))
  return wrong === undefined
    ? { value: entries }
    : { problem: `must be addresses or networks with commas between them; "${wrong}" is neither` }
})

/** What Juanie itself sets for a job, or must not reach one. */
const ownVariable = /^(PATH|HOME|TMPDIR|USER|CI|DATABASE_URL|REDIS_URL|(JUANIE|GITHUB|RUNNER|ACTIONS)_.*)$/

/** Names of environment variables that jobs may get. */
export const passedNames = parsed((text): Check<string[]> => {
  const entries = list(text)
  const wrong = entries.find((entry) => !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(entry) || ownVariable.test(entry))
  return wrong === undefined
    ? { value: entries }
    : { problem: `must be names of variables with commas between them; "${wrong}" is none that jobs can get` }
})

const sourceProtocols = ['https:', 'http:', 'file:']

/** Bases of addresses, to which `/<owner>/<name>` is appended. Kept without trailing slashes. */
export const sources = parsed((text): Check<string[]> => {
  const entries = list(text)
  const wrong = entries.find((entry) => {
    const url = URL.canParse(entry) ? new URL(entry) : null
    const isPlain = url && !url.username && !url.password && !url.search && !url.hash
    return !isPlain || !sourceProtocols.includes(url.protocol) || (url.protocol === 'file:' && url.hostname !== '')
  })
  if (wrong !== undefined)
    return {
      problem: `must be addresses with https://, http:// or file:// and commas between them; "${wrong}" is none`,
    }
  return { value: entries.map((entry) => entry.replace(/\/+$/, '')) }
})

export const trustProxy = parsed((text): Check<boolean | number | string[]> => {
  if (text === 'true' || text === 'false') return { value: text === 'true' }
  if (/^\d{1,2}$/.test(text)) return { value: Number(text) }
  const entries = list(text)
  return entries.length > 0 && entries.every(isNetwork)
    ? { value: entries }
    : { problem: 'must be true, false, a number of hops, or addresses and networks with commas between them' }
})

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** A whole number and its unit; the value is in milliseconds and at most a day. */
export const duration = parsed((text) => {
  const found = /^(\d{1,9})(ms|s|m|h)$/.exec(text)
  const ms = found ? Number(found[1]) * unitsMs[found[2] as keyof typeof unitsMs] : Number.NaN
  return ms <= 86_400_000 ? { value: ms } : { problem: 'must be a number with ms, s, m or h, at most 24h' }
})

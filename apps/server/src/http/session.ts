import type { Session } from '@juanie/core/scope'
import type { Credentials } from '@juanie/services/auth'
import type { FastifyReply, FastifyRequest } from 'fastify'

const accessCookie = 'juanie_access'
const refreshCookie = 'juanie_refresh'

const safeMethods = ['GET', 'HEAD', 'OPTIONS']

/**
 * Whether a browser sent this from one of our own pages. Browsers say where a request that changes something comes
 * from (`Origin`, https://fetch.spec.whatwg.org/#origin-header), and nothing else can set it in their name.
 */
function isOwnOrigin(request: FastifyRequest, url: string): boolean {
  const { origin } = request.headers
  if (typeof origin !== 'string' || !URL.canParse(origin)) return false
  return origin === url || new URL(origin).host === request.headers.host
}

/** A page elsewhere makes this browser act. A request without `Origin` is no browser's, or asks for the page itself. */
export function isForeign(request: FastifyRequest, url: string): boolean {
  if (safeMethods.includes(request.method)) return false
  return request.headers.origin !== undefined && !isOwnOrigin(request, url)
}

export const sessionReader =
  (credentials: Credentials, url: () => string) =>
  async (request: FastifyRequest): Promise<Session | null> => {
    const { authorization } = request.headers
    if (authorization) {
      const token = tokenOf(authorization)
      return token ? credentials.bearer(token) : null
    }
    const access = request.cookies[accessCookie]
    if (!access) return null
    if (!safeMethods.includes(request.method) && !isOwnOrigin(request, url())) return null
    return credentials.cookie(access)
  }

/** `Bearer <token>`, or `Basic` with any user name and the token as the password, which is what git sends. */
function tokenOf(authorization: string): string | null {
  const [scheme = '', value = ''] = authorization.trim().split(/\s+/, 2)
  if (/^bearer$/i.test(scheme)) return value || null
  if (!/^basic$/i.test(scheme)) return null
  const pair = Buffer.from(value, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return colon < 0 ? null : pair.slice(colon + 1) || null
}

/** Cookies that no script reads and no other site sends along with what changes something. */
export const browserCookies = (request: FastifyRequest, reply: FastifyReply, url: string) => {
  const options = { path: '/', httpOnly: true, sameSite: 'lax', secure: url.startsWith('https:') } as const
  return {
    set: ({ access, refresh }: { access: string; refresh: string | null }) => {
      void reply.setCookie(accessCookie, access, { ...options, maxAge: 15 * 60 })
      if (refresh) void reply.setCookie(refreshCookie, refresh, { ...options, maxAge: 7 * 86_400 })
    },
    clear: () => {
      void reply.clearCookie(accessCookie, options).clearCookie(refreshCookie, options)
    },
    refresh: () => request.cookies[refreshCookie] ?? null,
  }
}

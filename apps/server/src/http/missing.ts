import { AppError } from '@juanie/core/errors'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The refusal of an address that leads nowhere; without its query, which may hold what is nobody else's. */
export const nothingAt = (request: FastifyRequest): AppError =>
  new AppError('not_found', 'route.not_found', {
    message: `There is nothing at ${request.method} ${request.url.split('?', 1)[0]!.slice(0, 200)}.`,
  })

/** Where a page says that an address cannot be read. No organization has a name like this. */
export const unreadablePath = '/-/unreadable'

/**
 * Leads an address that nothing can be read from (`%E0%A4%A`, or a NUL) to a page that says so, where a page is what may
 * be asked for; programs get their refusal from the router and the hooks.
 */
export function readableUrl(url: string): string {
  if (/^\/(api|git)\//.test(url)) return url
  try {
    decodeURIComponent(url.split('?', 1)[0]!)
    return url.includes('%00') ? unreadablePath : url
  } catch {
    return unreadablePath
  }
}

/** Everything that no other part answers. */
export function registerMissing(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  fastify.all('/*', async (request) => {
    throw nothingAt(request)
  })
}

import { AppError } from '@juanie/core/errors'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The refusal of an address that leads nowhere; without its query, which may hold what is nobody else's. */
export const nothingAt = (request: FastifyRequest): AppError =>
  new AppError('not_found', 'route.not_found', {
    message: `There is nothing at ${request.method} ${request.url.split('?', 1)[0]!.slice(0, 200)}.`,
  })

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

import { AppError } from '@juanie/core/errors'
import { type Context, translate } from '@juanie/core/trpc'
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify'
import type { FastifyInstance } from 'fastify'
import { appRouter } from '../router.ts'
import type { HttpDeps } from './deps.ts'
import { browserCookies, isForeign } from './session.ts'

const maxBatchSize = 20
const bodyLimit = 2 * 1024 * 1024

export function registerTrpc(fastify: FastifyInstance, { kernel, get, sessionOf, door }: HttpDeps): void {
  const router = appRouter(get)
  const { config } = kernel
  // tRPC reads the text of the body itself.
  fastify.removeContentTypeParser('application/json')
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))

  fastify.route<{ Params: { path: string } }>({
    method: ['GET', 'POST'],
    url: '/api/trpc/:path',
    bodyLimit,
    handler: (request, reply) => {
      if (isForeign(request, config.url)) {
        throw new AppError('forbidden', 'request.foreign_origin', {
          message: `This request comes from a page of ${request.headers.origin}, not from Juanie at ${config.url}.`,
        })
      }
      return fastifyRequestHandler({
        router,
        req: request,
        res: reply,
        path: request.params.path,
        maxBatchSize,
        allowMethodOverride: false,
        createContext: async (): Promise<Context> => ({
          session: await sessionOf(request).catch((error) => {
            throw translate(error)
          }),
          door,
          cookies: browserCookies(request, reply, config.url),
          address: request.ip,
          userAgent: request.headers['user-agent'] ?? null,
        }),
        onError: ({ error, path }) => {
          if (error.code === 'INTERNAL_SERVER_ERROR' || error.code === 'SERVICE_UNAVAILABLE') {
            request.log.error({ err: error.cause ?? error, procedure: path }, 'request failed')
          }
        },
      })
    },
  })
}

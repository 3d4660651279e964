import { AppError, notFound } from '@juanie/core/errors'
import { isUuid } from '@juanie/core/ids'
import { type WebhookProvider, webhookProviders } from '@juanie/services/connections'
import { Webhooks } from '@juanie/services/webhooks'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HttpDeps } from './deps.ts'

/** What GitHub sends at most; the other forges send less. */
const maxBodyBytes = 25 * 1024 * 1024

interface Params {
  provider: string
  connection?: string
}

/** Calls of forges. Whoever sends them proves itself by a signature over the bytes, and by nothing else. */
export function registerWebhooks(fastify: FastifyInstance, deps: HttpDeps): void {
  const webhooks = deps.get(Webhooks)
  const { log } = deps.kernel
  const refused = deps.kernel.metrics.counter(
    'juanie_webhooks_refused_total',
    'Webhook calls without a right signature, by provider.',
  )

  // The signature is of the bytes: nothing reads them before it was checked.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBodyBytes }, (_request, body, done) =>
    done(null, body),
  )

  const take = async (request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
    const { provider, connection } = request.params
    if (!isWebhookProvider(provider)) throw notFound('provider')
    if (connection !== undefined && !isUuid(connection)) throw notFound('connection')
    try {
      const { act } = await webhooks.receive({
        provider,
        connectionId: connection ?? null,
        headers: request.headers,
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      })
      void act().catch((error) => log.warn({ err: error }, 'a delivery is acted on later'))
      return await reply.code(202).send({ accepted: true })
    } catch (error) {
      if (error instanceof AppError && error.reason === 'webhook.unsigned') refused({ provider })
      throw error
    }
  }
  fastify.post<{ Params: Params }>('/api/webhooks/:provider', take)
  fastify.post<{ Params: Params }>('/api/webhooks/:provider/:connection', take)
}

const isWebhookProvider = (text: string): text is WebhookProvider => webhookProviders.some((each) => each === text)

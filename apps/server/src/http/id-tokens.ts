import { IdTokens } from '@juanie/services/identity'
import { JobPasses } from '@juanie/services/runs'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod/mini'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'
import { jobOf } from './job-caller.ts'

const Query = z.object({ audience: z.optional(z.string()) })
const kept = 'public, max-age=300'

/** Id tokens for jobs, and what others need to check them. */
export function registerIdTokens(fastify: FastifyInstance, { get }: HttpDeps): void {
  const passes = get(JobPasses)
  const tokens = get(IdTokens)

  fastify.get('/api/job/id-token', async (request, reply) => {
    const caller = await jobOf(request, passes, 'identity')
    const { audience } = readBody(Query, request.query)
    void reply.header('cache-control', 'no-store')
    return { value: await tokens.issue(caller, audience ?? null) }
  })
  fastify.get('/api/oidc/.well-known/openid-configuration', async (_request, reply) =>
    reply.header('cache-control', kept).send(tokens.configuration()),
  )
  fastify.get('/api/oidc/.well-known/jwks', async (_request, reply) =>
    reply.header('cache-control', kept).send(await tokens.keys()),
  )
}

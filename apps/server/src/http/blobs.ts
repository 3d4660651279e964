import type { Readable } from 'node:stream'
import { AppError } from '@juanie/core/errors'
import { Deployments } from '@juanie/services/deployments'
import { Hosts } from '@juanie/services/hosts'
import { Bundles } from '@juanie/services/releases'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { agentOf } from './agent-caller.ts'
import type { HttpDeps } from './deps.ts'

interface Blob {
  Params: { digest: string }
  Querystring: { job?: string }
}
interface Bundle {
  Params: { projectId: string; digest: string }
}

/** Beyond what any bundle may have; the service refuses earlier, in words. */
const slack = 1024 * 1024

/**
 * Bundles by digest. Agents: `HEAD` and `PUT /api/agent/blobs/<digest>?job=<id>`, `GET /api/agent/blobs/<digest>`.
 * People, for `deploy --from`: `HEAD` and `POST /api/projects/<id>/bundles/<digest>`.
 */
export function registerBlobs(fastify: FastifyInstance, { kernel, get, door, sessionOf }: HttpDeps): void {
  const hosts = get(Hosts)
  const bundles = get(Bundles)
  const deployments = get(Deployments)
  const options = { bodyLimit: kernel.config.bundleMaxBytes + slack }

  // The body goes to the store as it comes in, whatever it says it is.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, body, done) => done(null, body))

  fastify.head<Blob>('/api/agent/blobs/:digest', async (request, reply) => {
    const agent = await agentOf(request, hosts)
    const projectId = await bundles.projectOfJob(agent, jobOf(request))
    const found = await bundles.has(projectId, request.params.digest)
    return reply.code(found ? 200 : 404).send()
  })

  fastify.put<Blob>('/api/agent/blobs/:digest', options, async (request, reply) => {
    const agent = await agentOf(request, hosts)
    const projectId = await bundles.projectOfJob(agent, jobOf(request))
    const { bytes } = await bundles.store(projectId, request.params.digest, bodyOf(request))
    return reply.code(201).send({ digest: request.params.digest, bytes })
  })

  fastify.get<Blob>('/api/agent/blobs/:digest', { exposeHeadRoute: false }, async (request, reply) => {
    const agent = await agentOf(request, hosts)
    const { bytes, content } = await deployments.readBundle(agent, request.params.digest)
    return reply.type('application/octet-stream').header('content-length', bytes).send(content)
  })

  fastify.head<Bundle>('/api/projects/:projectId/bundles/:digest', async (request, reply) => {
    const scope = await door.project(await sessionOf(request), request.params.projectId, 'release.create')
    const found = await bundles.has(scope.projectId, request.params.digest)
    return reply.code(found ? 200 : 404).send()
  })

  fastify.post<Bundle>('/api/projects/:projectId/bundles/:digest', options, async (request, reply) => {
    const scope = await door.project(await sessionOf(request), request.params.projectId, 'release.create')
    const { bytes } = await bundles.store(scope.projectId, request.params.digest, bodyOf(request))
    return reply.code(201).send({ digest: request.params.digest, bytes })
  })
}

const bodyOf = (request: FastifyRequest): Readable => (request.body as Readable | undefined) ?? request.raw

function jobOf(request: FastifyRequest<Blob>): string {
  const { job } = request.query
  if (job && /^[0-9a-f-]{36}$/i.test(job)) return job
  throw new AppError('invalid', 'input.invalid', { message: 'job: name the job that the bundle is for.' })
}

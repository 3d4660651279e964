import { storable } from '@juanie/core/text'
import { Deployments } from '@juanie/services/deployments'
import { Hosts } from '@juanie/services/hosts'
import { AskDeployment, MakeRelease } from '@juanie/services/hosts/contract'
import { Releases } from '@juanie/services/releases'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod/mini'
import { agentOf } from './agent-caller.ts'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'

const maxDescriptionBytes = 16 * 1024 * 1024

const Watch = z.object({
  job: z.uuid(),
  fence: z.coerce.number().check(z.int(), z.minimum(0)),
  wait: z._default(z.coerce.number().check(z.minimum(0), z.maximum(25)), 0),
})

/** What the steps `juanie/release` and `juanie/deploy` ask for, in the name of the job that they belong to. */
export function registerAgentRelease(fastify: FastifyInstance, { get }: HttpDeps): void {
  const hosts = get(Hosts)
  const releases = get(Releases)
  const deployments = get(Deployments)

  fastify.post('/api/agent/release', { bodyLimit: maxDescriptionBytes }, async (request) => {
    const agent = await agentOf(request, hosts)
    return releases.makeFromRun(agent, readBody(MakeRelease, storable(request.body)))
  })

  fastify.post('/api/agent/deploy', async (request) => {
    const agent = await agentOf(request, hosts)
    return deployments.ask({ id: agent.id, name: agent.hostName }, readBody(AskDeployment, storable(request.body)))
  })

  fastify.get<{ Params: { id: string } }>('/api/agent/deployments/:id', async (request) => {
    const agent = await agentOf(request, hosts)
    const { job, fence, wait } = readBody(Watch, request.query)
    return deployments.progress(
      { id: agent.id, name: agent.hostName },
      { jobId: job, fence },
      { deploymentId: request.params.id, waitMs: wait * 1_000 },
    )
  })
}

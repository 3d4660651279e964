import { storable } from '@juanie/core/text'
import { Hosts } from '@juanie/services/hosts'
import { AskActions } from '@juanie/services/hosts/contract'
import { JobActions } from '@juanie/services/runs'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod/mini'
import { agentOf } from './agent-caller.ts'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'

const Held = z.object({ job: z.uuid(), fence: z.coerce.number().check(z.int(), z.minimum(0)) })
const Name = z.string().check(z.regex(/^(?![.-])[A-Za-z0-9_.-]{1,100}$/))
const Commit = z.object({ owner: Name, name: Name, commit: z.string().check(z.regex(/^[0-9a-f]{40}$/)) })

/** What the actions of a job's steps mean, and their files. */
export function registerAgentActions(fastify: FastifyInstance, { get }: HttpDeps): void {
  const hosts = get(Hosts)
  const actions = get(JobActions)

  fastify.post('/api/agent/actions', async (request) => {
    const agent = await agentOf(request, hosts)
    return { actions: await actions.resolve(agent, readBody(AskActions, storable(request.body))) }
  })

  fastify.get('/api/agent/actions/:owner/:name/:commit', { exposeHeadRoute: false }, async (request, reply) => {
    const agent = await agentOf(request, hosts)
    const { job, fence } = readBody(Held, request.query)
    const what = readBody(Commit, request.params)
    const { bytes, content } = await actions.bundle(agent, { jobId: job, fence }, what)
    return reply.type('application/octet-stream').header('content-length', bytes).send(content)
  })
}

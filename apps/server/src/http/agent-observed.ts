import { AppError } from '@juanie/core/errors'
import { storable } from '@juanie/core/text'
import { Deployments } from '@juanie/services/deployments'
import { Hosts } from '@juanie/services/hosts'
import { Measured, Observed } from '@juanie/services/hosts/contract'
import { Traffic } from '@juanie/services/routes'
import type { FastifyInstance } from 'fastify'
import type { ZodMiniType } from 'zod/mini'
import { agentOf } from './agent-caller.ts'
import type { HttpDeps } from './deps.ts'

const maxBytes = 16 * 1024 * 1024

/** `POST /api/agent/observed`: the whole truth of a host; `/measured`: what was counted and used there. */
export function registerAgentObserved(fastify: FastifyInstance, { get }: HttpDeps): void {
  const hosts = get(Hosts)
  const deployments = get(Deployments)
  const traffic = get(Traffic)
  fastify.post('/api/agent/observed', { bodyLimit: maxBytes }, async (request) => {
    const agent = await agentOf(request, hosts)
    return deployments.observe(agent, readBody(Observed, storable(request.body)))
  })
  fastify.post('/api/agent/measured', { bodyLimit: maxBytes }, async (request) => {
    const agent = await agentOf(request, hosts)
    const measured = readBody(Measured, storable(request.body))
    await traffic.store(agent, measured.traffic)
    await deployments.measure(agent, measured.usage)
    return {}
  })
}

/** Refuses with the field that is wrong. */
export function readBody<T>(schema: ZodMiniType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.') || 'body'
  throw new AppError('invalid', 'input.invalid', {
    message: `${field}: ${issue?.message ?? 'cannot be read'}`,
    details: { field },
  })
}

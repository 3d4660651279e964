import type { AgentIdentity, Hosts } from '@juanie/services/hosts'
import type { FastifyRequest } from 'fastify'

/** The agent that sent this request, by its `Bearer` token; refuses with `unauthenticated`. */
export function agentOf(request: FastifyRequest, hosts: Hosts): Promise<AgentIdentity> {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  return hosts.authenticate(scheme?.toLowerCase() === 'bearer' && token ? token : null)
}

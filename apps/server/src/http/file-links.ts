import { createHmac } from 'node:crypto'
import { isSame } from '@juanie/core/signed-token'
import { reachedAt } from '@juanie/services/hosts/contract'
import type { FastifyRequest } from 'fastify'

export type LinkUse = 'read' | 'write'

/** Of one file, for a while: whoever has it needs nothing else. */
export class FileLinks {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  /**
   * Under the address at which the caller reached this server, or the agent that passed it on. The clients of Azure's storage want an address with at
   * least three segments, of which they make an account, a container and a blob.
   */
  make(request: FastifyRequest, use: LinkUse, file: { id: string; name?: string }, ms: number): string {
    const until = Date.now() + ms
    const url = new URL(`/api/job/files/${file.id}`, baseOf(request))
    url.searchParams.set('use', use)
    url.searchParams.set('until', String(until))
    if (file.name !== undefined) url.searchParams.set('name', file.name)
    url.searchParams.set('sig', this.#sign(use, file.id, String(until), file.name ?? ''))
    return url.href
  }

  holds(use: LinkUse, id: string, query: { until?: string; name?: string; sig?: string; use?: string }): boolean {
    const { until = '', name = '', sig = '' } = query
    if (query.use !== use || !(Number(until) > Date.now())) return false
    return isSame(Buffer.from(sig, 'base64url'), Buffer.from(this.#sign(use, id, until, name), 'base64url'))
  }

  #sign(...parts: string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64url')
  }
}

/** Whoever asks gets the link, so a wrong word of theirs leads nobody else astray. */
function baseOf(request: FastifyRequest): string {
  const forwarder = String(request.headers[reachedAt] ?? '')
  return /^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(forwarder) ? forwarder : `${request.protocol}://${request.host}`
}

import type { Door, Session } from '@juanie/core/scope'
import type { FastifyRequest } from 'fastify'
import type { Kernel } from '../kernel.ts'
import type { Streams } from './streams.ts'

/** What every plain route gets to work with. */
export interface HttpDeps {
  kernel: Kernel
  /** A service by its class, as the modules built it. */
  get: <T>(service: abstract new (...args: never[]) => T) => T
  /**
   * Who sent this request, by `Bearer` token, `Basic` password (git) or the browser's cookies; null for nobody, which
   * a wrong, expired or revoked credential is too. A request that changes something by cookie must come from our own
   * pages, else it is nobody's.
   */
  sessionOf: (request: FastifyRequest) => Promise<Session | null>
  door: Door
  streams: Streams
}

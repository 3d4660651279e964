import type { Door, Session } from '@juanie/core/scope'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Kernel } from '../kernel.ts'
import { registerAgentObserved } from './agent-observed.ts'
import { registerAgentRelease } from './agent-release.ts'
import { registerAgentWork } from './agent-work.ts'
import { registerBlobs } from './blobs.ts'
import { registerEvents } from './events.ts'
import { registerGit } from './git.ts'
import { registerHealth } from './health.ts'
import { registerInstanceLogs } from './instance-logs.ts'
import { registerMetrics } from './metrics.ts'
import { registerMissing } from './missing.ts'
import { registerPages } from './pages.ts'
import { registerRunLogs } from './run-logs.ts'
import type { Streams } from './streams.ts'
import { registerTrpc } from './trpc.ts'

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

type HttpPart = (fastify: FastifyInstance, deps: HttpDeps) => void | Promise<void>

/** Plain routes. Each part gets a context of its own, so that it may change parsers and limits for itself alone. */
export const httpParts: HttpPart[] = [
  registerHealth,
  registerMetrics,
  registerTrpc,
  registerEvents,
  registerAgentObserved,
  registerAgentRelease,
  registerBlobs,
  registerInstanceLogs,
  registerGit,
  registerAgentWork,
  registerRunLogs,
  registerPages,
  registerMissing,
]

import type { FastifyInstance } from 'fastify'
import { registerAgentActions } from './agent-actions.ts'
import { registerAgentObserved } from './agent-observed.ts'
import { registerAgentRelease } from './agent-release.ts'
import { registerAgentWork } from './agent-work.ts'
import { registerArtifacts } from './artifacts.ts'
import { registerBlobs } from './blobs.ts'
import { registerConsole } from './console.ts'
import type { HttpDeps } from './deps.ts'
import { registerEvents } from './events.ts'
import { registerGit } from './git.ts'
import { registerHealth } from './health.ts'
import { registerIdTokens } from './id-tokens.ts'
import { registerInstanceLogs } from './instance-logs.ts'
import { registerJobCaches } from './job-caches.ts'
import { registerJobFiles } from './job-files.ts'
import { registerJobServices } from './job-services.ts'
import { registerMetrics } from './metrics.ts'
import { registerMissing } from './missing.ts'
import { registerPages } from './pages.ts'
import { registerRunLogs } from './run-logs.ts'
import { registerTrpc } from './trpc.ts'
import { registerWebhooks } from './webhooks.ts'

type HttpPart = (fastify: FastifyInstance, deps: HttpDeps) => void | Promise<void>

/** Plain routes. Each part gets a context of its own, so that it may change parsers and limits for itself alone. */
export const httpParts: HttpPart[] = [
  registerHealth,
  registerMetrics,
  registerTrpc,
  registerEvents,
  registerWebhooks,
  registerAgentObserved,
  registerAgentRelease,
  registerAgentActions,
  registerBlobs,
  registerArtifacts,
  registerJobServices,
  registerJobCaches,
  registerJobFiles,
  registerIdTokens,
  registerInstanceLogs,
  registerGit,
  registerAgentWork,
  registerRunLogs,
  registerConsole,
  registerPages,
  registerMissing,
]

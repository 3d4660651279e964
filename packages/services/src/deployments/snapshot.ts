import { createHash } from 'node:crypto'
import type { Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import type { ProjectScope } from '@juanie/core/scope'
import { and, eq } from 'drizzle-orm'
import {
  type Application,
  type ApplicationSource,
  defaultTimes,
  renderApplication,
  resolveTimes,
  type TimeSettings,
  type Times,
} from '../applications/index.ts'
import type { EnvironmentConfig } from '../environments/contract.ts'
import { routes } from '../routes/tables.ts'
import type { Secrets } from '../secrets/index.ts'
import type { Snapshot } from './contract.ts'

/** Times that this installation uses where nobody set any. */
export type InstallationTimes = Pick<TimeSettings, 'soakMs' | 'drainMs' | 'startLimitMs' | 'timeoutMs' | 'healthy'>

export interface Freezing {
  scope: ProjectScope
  environment: { id: string; name: string; config: EnvironmentConfig }
  release: { digest: string; application: ApplicationSource }
}

/**
 * Fixes all that will run: the description rendered for the environment, its times, its variables, the versions of its
 * secrets and its hostname. Refuses with `invalid` what cannot run there, naming the place in the description.
 */
export async function freeze(
  tx: Transaction,
  parts: { secrets: Secrets; times: InstallationTimes },
  { scope, environment, release }: Freezing,
): Promise<Snapshot> {
  const { variables, secrets } = await parts.secrets.freeze(tx, {
    organizationId: scope.organizationId,
    projectId: scope.projectId,
    environmentId: environment.id,
  })
  const [route] = await tx
    .select({ hostname: routes.hostname })
    .from(routes)
    .where(and(eq(routes.environmentId, environment.id), eq(routes.isDefault, true)))
    .limit(1)
  if (!route)
    throw new AppError('conflict', 'environment.no_hostname', { message: `${environment.name} has no hostname.` })
  const rendered = renderApplication(release.application, {
    environment: environment.name,
    variables,
    secrets: secrets.map(({ name }) => name),
  })
  const application = withReplicas(rendered, environment.config.replicas)
  const times = timesByService(application, environment.config, parts.times)
  return {
    bundle: release.digest,
    application,
    times,
    ...watched(application, times),
    hostname: route.hostname,
    variables,
    secrets: [...secrets].sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

/** The environment's own number counts for what has a route; workers and jobs keep the description's. */
function withReplicas(application: Application, replicas: number | undefined): Application {
  if (replicas === undefined) return application
  const routed = new Set(application.routes.map(({ service }) => service))
  return {
    ...application,
    services: application.services.map((one) => (routed.has(one.name) ? { ...one, replicas } : one)),
  }
}

function timesByService(
  application: Application,
  config: EnvironmentConfig,
  installation: InstallationTimes,
): Record<string, Times> {
  const environment: TimeSettings = {
    ...(config.healthy !== undefined && { healthy: config.healthy }),
    ...(config.soakMs !== undefined && { soakMs: config.soakMs }),
    ...(config.drainMs !== undefined && { drainMs: config.drainMs }),
    ...(config.startLimitMs !== undefined && { startLimitMs: config.startLimitMs }),
    ...(config.probeTimeoutMs !== undefined && { timeoutMs: config.probeTimeoutMs }),
  }
  return Object.fromEntries(
    application.services.map(({ name, health }) => [
      name,
      resolveTimes({
        environment,
        xJuanie: health?.times.xJuanie ?? {},
        // The installation's defaults rank below everything that somebody wrote for this application.
        compose: { ...installation, ...health?.times.compose },
      }),
    ]),
  )
}

/** One soak and one drain for the deployment: the longest that a service with traffic asks for. */
function watched(application: Application, times: Record<string, Times>): { soakMs: number; drainMs: number } {
  const routed = application.routes.map(({ service }) => service)
  const names = routed.length > 0 ? routed : application.services.map(({ name }) => name)
  const all = names.map((name) => times[name] ?? defaultTimes)
  return {
    soakMs: Math.max(0, ...all.map(({ soakMs }) => soakMs)),
    drainMs: Math.max(0, ...all.map(({ drainMs }) => drainMs)),
  }
}

/** One digest over all that runs: the bundle by its own digest, and everything that was frozen with it. */
export function digestOf(snapshot: Snapshot): string {
  // How a warning is told in other languages says nothing of what runs.
  const warnings = snapshot.application.warnings.map(({ key: _, values: __, ...warning }) => warning)
  const text = canonical({ ...snapshot, application: { ...snapshot.application, warnings } })
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** JSON with sorted keys, so that a value that went through PostgreSQL reads the same as before. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`
}

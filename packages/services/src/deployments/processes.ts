import type { Application, Health, Service } from '../applications/contract.ts'
import { defaultTimes } from '../applications/contract.ts'
import type { DesiredInstance, DesiredTask, InstanceHealth } from '../hosts/contract.ts'
import type { Snapshot } from './contract.ts'

/** A snapshot with the secrets in place. It is never stored. */
export interface FilledSnapshot {
  snapshot: Snapshot
  application: Application
  secrets: Record<string, string>
}

export interface ProcessRow {
  id: string
  projectId: string
  environmentId: string
  deploymentId: string
  service: string
  index: number
  want: 'running' | 'stopped' | 'gone'
}

/** A migration may take long, and must end some day. */
const migrationLimitMs = 30 * 60_000

export function desiredInstance(
  row: ProcessRow,
  filled: FilledSnapshot,
  idsOf: (service: string) => string[],
): DesiredInstance {
  const { snapshot } = filled
  const service = serviceOf(filled, row.service)
  const times = snapshot.times[service.name] ?? defaultTimes
  return {
    ...processOf(row, filled, service),
    command: service.command,
    workingDirectory: service.workingDirectory,
    index: row.index,
    port: service.hasPort ? { declared: service.declaredPort } : null,
    hostname: snapshot.hostname,
    health: {
      probe: probeOf(service),
      healthy: times.healthy,
      retries: times.retries,
      intervalMs: times.intervalMs,
      timeoutMs: times.timeoutMs,
      startIntervalMs: times.startIntervalMs,
      startPeriodMs: times.startPeriodMs,
      startLimitMs: times.startLimitMs,
    },
    stop: { signal: service.stopSignal, graceMs: service.stopGraceMs },
    restart: {
      policy: service.restart,
      maxRetries: service.maxRetries,
      minBackOffMs: times.backOffMinMs,
      maxBackOffMs: times.backOffMaxMs,
    },
    after: service.dependsOn.flatMap(({ service: name, condition }) =>
      idsOf(name).map((instanceId) => ({ instanceId, condition })),
    ),
    want: row.want === 'running' ? 'running' : 'stopped',
    drainMs: snapshot.drainMs,
  }
}

export function desiredTask(row: ProcessRow, filled: FilledSnapshot): DesiredTask {
  const { migrate } = filled.application
  const service = serviceOf(filled, row.service)
  if (!migrate) throw new Error(`deployment ${row.deploymentId} has a task and no migration`)
  return {
    ...processOf(row, filled, { ...service, environment: { ...service.environment, ...migrate.environment } }),
    command: migrate.command,
    workingDirectory: migrate.workingDirectory,
    timeoutMs: migrationLimitMs,
  }
}

/** What was set for the environment wins over what the description says, and a secret over a plain variable. */
function processOf(row: ProcessRow, { snapshot, secrets }: FilledSnapshot, service: Service) {
  const written = snapshot.application.services.find(({ name }) => name === row.service)?.environment ?? {}
  const holdsSecret = Object.entries(written)
    .filter(([, text]) => snapshot.application.secrets.some((name) => text.includes(`\${secret:${name}}`)))
    .map(([name]) => name)
  return {
    id: row.id,
    projectId: row.projectId,
    environmentId: row.environmentId,
    deploymentId: row.deploymentId,
    service: row.service,
    bundle: snapshot.bundle,
    environment: { ...service.environment, ...snapshot.variables, ...secrets },
    secretNames: [...new Set([...Object.keys(secrets), ...holdsSecret])].sort(),
    limits: service.limits,
  }
}

function serviceOf({ application }: FilledSnapshot, name: string): Service {
  const service = application.services.find((one) => one.name === name)
  if (!service) throw new Error(`the snapshot has no service ${name}`)
  return service
}

function probeOf({ health, hasPort }: Service): InstanceHealth['probe'] {
  if (health === null) return hasPort ? { kind: 'default' } : { kind: 'alive' }
  return probeKinds[health.kind](health as never)
}

const probeKinds = {
  http: ({ path, status }: Health & { kind: 'http' }) => ({
    kind: 'http' as const,
    path,
    status: status.map(({ from, to }): [number, number] => [from, to]),
  }),
  command: ({ command }: Health & { kind: 'command' }) => ({ kind: 'command' as const, command }),
  default: () => ({ kind: 'default' as const }),
}

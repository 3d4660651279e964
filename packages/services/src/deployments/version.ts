import type { Service } from '../applications/contract.ts'
import type { Details, Snapshot } from './contract.ts'

/** What is known of one process, as its host said last. */
export interface InstanceFacts {
  id: string
  service: string
  index: number
  kind: 'instance' | 'task'
  want: 'running' | 'stopped' | 'gone'
  state: string
  reason: string | null
  restarts: number
  exitCode: number | null
  exitSignal: string | null
  /** Good probes in a row at the end of what is stored. */
  good: number
}

export interface Place {
  kind: 'instance' | 'task'
  service: string
  index: number
}

/** Hostname → service, in the order of the description. */
export const routedHostnames = (snapshot: Snapshot): Map<string, string> =>
  new Map(
    snapshot.application.routes.map(({ hostname, service }) => [
      hostname === 'default' ? snapshot.hostname : hostname,
      service,
    ]),
  )

export const migration = (snapshot: Snapshot): Place | null =>
  snapshot.application.migrate ? { kind: 'task', service: snapshot.application.migrate.service, index: 0 } : null

/** Every process that the version consists of. */
export const placesOf = (snapshot: Snapshot): Place[] =>
  snapshot.application.services.flatMap((service) =>
    Array.from({ length: service.replicas }, (_, index) => ({
      kind: 'instance' as const,
      service: service.name,
      index,
    })),
  )

const serviceOf = (snapshot: Snapshot, name: string): Service | undefined =>
  snapshot.application.services.find((service) => service.name === name)

/** How many stored good probes in a row prove it; 0 where all the evidence there can be is that it runs. */
const probesNeeded = (snapshot: Snapshot, name: string): number => {
  const service = serviceOf(snapshot, name)
  if (!service || (service.health === null && !service.hasPort)) return 0
  return snapshot.times[name]?.healthy ?? 1
}

export function isVerified(one: InstanceFacts, snapshot: Snapshot): boolean {
  if (serviceOf(snapshot, one.service)?.kind === 'job') return one.state === 'completed'
  return one.state === 'healthy' && one.good >= probesNeeded(snapshot, one.service)
}

/** It will not become healthy any more. */
export function isBroken(one: InstanceFacts, snapshot: Snapshot): boolean {
  if (one.kind === 'task') return false
  if (one.state === 'failed') return true
  return one.state === 'completed' && serviceOf(snapshot, one.service)?.kind !== 'job'
}

export function isSick(one: InstanceFacts, snapshot: Snapshot): boolean {
  if (serviceOf(snapshot, one.service)?.kind === 'job') return one.state === 'failed'
  return ['failed', 'completed', 'unhealthy', 'backing_off'].includes(one.state)
}

const nameOf = ({ service, index }: { service: string; index: number }): string => `${service}.${index}`
export const names = (instances: InstanceFacts[]): string => instances.map(nameOf).join(', ')

export const whyBroken = (one: InstanceFacts): string => `${nameOf(one)}: ${endOf(one)}`

export function endOf(one: InstanceFacts): string {
  const end =
    one.exitSignal !== null
      ? `it was ended by ${one.exitSignal}`
      : one.exitCode !== null
        ? `it exited with code ${one.exitCode}`
        : null
  if (one.reason !== null) return one.reason
  return end ?? `it is ${readable(one.state)}`
}

/** The same in parts. `detail` is the agent's own sentence, which knows more than the exit does. */
export const failureOf = (one: InstanceFacts): Details => ({
  instance: nameOf(one),
  code: one.exitCode,
  signal: one.exitSignal,
  detail: one.reason,
})

export const readable = (status: string): string => status.replaceAll('_', ' ')

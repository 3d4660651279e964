import * as z from 'zod/mini'

export const healths = ['healthy', 'progressing', 'degraded', 'missing', 'unknown'] as const
export type Health = (typeof healths)[number]
export const syncs = ['synced', 'out_of_sync', 'unknown'] as const

const EnvironmentName = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
      'use 1 to 32 of a-z, 0-9 and -, beginning and ending with a letter or digit',
    ),
  )

const Milliseconds = (max: number) => z.int().check(z.minimum(0), z.maximum(max))

/** What an environment sets for every deployment into it; what is absent comes from the description or the default. */
export const EnvironmentConfig = z.object({
  /** `{ default: true }` follows the repository's default branch, `{ branch }` a named one, null none. */
  follows: z.nullable(
    z.union([
      z.object({ default: z.literal(true) }),
      z.object({ branch: z.string().check(z.minLength(1), z.maxLength(255)) }),
    ]),
  ),
  /** Good probes in a row before the switch. */
  healthy: z.optional(z.int().check(z.minimum(1), z.maximum(100))),
  soakMs: z.optional(Milliseconds(24 * 3_600_000)),
  drainMs: z.optional(Milliseconds(600_000)),
  startLimitMs: z.optional(z.int().check(z.minimum(100), z.maximum(3_600_000))),
  probeTimeoutMs: z.optional(z.int().check(z.minimum(50), z.maximum(60_000))),
  replicas: z.optional(z.int().check(z.minimum(1), z.maximum(100))),
})
export type EnvironmentConfig = z.infer<typeof EnvironmentConfig>

/** Changes of a configuration: absent stays, null goes back to what the description or the default says. */
const ConfigChanges = z.object({
  follows: z.optional(EnvironmentConfig.shape.follows),
  healthy: z.optional(z.nullable(EnvironmentConfig.shape.healthy)),
  soakMs: z.optional(z.nullable(EnvironmentConfig.shape.soakMs)),
  drainMs: z.optional(z.nullable(EnvironmentConfig.shape.drainMs)),
  startLimitMs: z.optional(z.nullable(EnvironmentConfig.shape.startLimitMs)),
  probeTimeoutMs: z.optional(z.nullable(EnvironmentConfig.shape.probeTimeoutMs)),
  replicas: z.optional(z.nullable(EnvironmentConfig.shape.replicas)),
})

const Position = z.int().check(z.minimum(1, 'positions begin with 1'), z.maximum(1000))

export const CreateEnvironment = z.object({
  name: EnvironmentName,
  /** Place in the order of promotion; the last one when absent. */
  position: z.optional(Position),
  config: z.optional(ConfigChanges),
})
export type CreateEnvironment = z.infer<typeof CreateEnvironment>

/** An environment by its name or its id. */
export const EnvironmentKey = z.string().check(z.minLength(1), z.maxLength(64))

export const EditEnvironment = z.object({
  environment: EnvironmentKey,
  position: z.optional(Position),
  config: z.optional(ConfigChanges),
})
export type EditEnvironment = z.infer<typeof EditEnvironment>

/** What holds where neither an environment nor a description says anything; of replicas it is always one. */
export type EnvironmentDefaults = Required<
  Pick<EnvironmentConfig, 'healthy' | 'soakMs' | 'drainMs' | 'startLimitMs' | 'probeTimeoutMs' | 'replicas'>
>

/** What every project begins with. */
export const firstEnvironments = [
  { name: 'dev', position: 1, config: { follows: { default: true } } },
  { name: 'staging', position: 2, config: { follows: null } },
  { name: 'production', position: 3, config: { follows: null } },
] as const satisfies { name: string; position: number; config: EnvironmentConfig }[]

export const maxEnvironments = 100

/** What was counted is kept for so long. */
export const trafficMinutes = 24 * 60

export const ReadTraffic = z.object({
  environment: EnvironmentKey,
  /** How far back. */
  minutes: z._default(z.int().check(z.minimum(10), z.maximum(trafficMinutes)), 60),
  /** Of this hostname alone; all of the environment's without it. */
  hostname: z.optional(z.string().check(z.maxLength(253))),
})
export type ReadTraffic = z.infer<typeof ReadTraffic>

/** Requests as the edge counted them. */
export interface TrafficCounts {
  requests: number
  /** Answers by class, 1xx first. */
  statuses: number[]
  /** Requests that the application broke: no answer, or one that broke off. */
  broken: number
  /** Clients that went away before they had their answer. */
  aborted: number
  /** Answers that the edge gave itself because nothing may serve. */
  unavailable: number
  /** Milliseconds from a request's head to the last byte of its answer; null without one. At most 12 % too high. */
  p50: number | null
  p95: number | null
  p99: number | null
  /** Some requests were not counted: the edge was killed. */
  isCut: boolean
}

interface TrafficPoint extends TrafficCounts {
  at: string
}

/** Points of equal length without a gap, oldest first; the last one is under way. */
export interface TrafficSeries {
  stepMinutes: number
  points: TrafficPoint[]
  total: TrafficCounts
  /** Those that had requests, the busiest first. */
  hostnames: { hostname: string; requests: number }[]
}

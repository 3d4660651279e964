import type { Said, SaidValues } from '@juanie/workflow/say'
import * as z from 'zod/mini'

/**
 * What an application is, whatever it was described with. The model is plain JSON, and the same source rendered with
 * the same values is byte for byte the same, because a deployment takes its digest over it.
 *
 * A value that is a secret never stands in the model. Where a description refers to one, the text holds
 * `${secret:NAME}`, and `fillSecrets` puts the value in at the last moment, in `environment` only.
 */

const told: z.ZodMiniType<Said> = z.object({ key: z.string(), values: z.lazy(() => toldValues) })
const toldValues: z.ZodMiniType<SaidValues> = z.record(z.string(), z.union([z.string(), z.number(), told]))

/** One sentence about one place in a description. Lines and columns count from one. */
export const Problem = z.object({
  severity: z.enum(['error', 'warning']),
  /** A stable dotted key, `application.image_only` for example. */
  reason: z.string(),
  message: z.string(),
  /** What is told, by a key of `sentences.ts` and its values; absent from what was stored without. */
  key: z.optional(z.string()),
  values: z.optional(toldValues),
  file: z.nullable(z.string()),
  line: z.nullable(z.number()),
  column: z.nullable(z.number()),
})
export type Problem = z.infer<typeof Problem>

/** A setting that is written in the description and changes nothing on the process runtime. */
export const NotHonoured = z.object({ path: z.string(), reason: z.string() })
export type NotHonoured = z.infer<typeof NotHonoured>

/**
 * `exec` is a program with its arguments. `shell` is a line for `sh -c`. `static` asks for Juanie's own file server
 * over that folder (relative to the working directory); with `fallback` set, a path without a file answers that file
 * with 200, as single-page applications need.
 */
export const Command = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exec'), argv: z.array(z.string()).check(z.minLength(1)) }),
  z.object({ kind: z.literal('shell'), line: z.string() }),
  z.object({ kind: z.literal('static'), root: z.string(), fallback: z.nullable(z.string()) }),
])
export type Command = z.infer<typeof Command>

const milliseconds = z.int().check(z.minimum(0), z.maximum(24 * 3_600_000))

/** Times that someone set. What is absent was not set, and the next source in line decides. */
export const TimeSettings = z.object({
  /** Between two probes once the instance was healthy. */
  intervalMs: z.optional(milliseconds),
  /** How long one probe may take. */
  timeoutMs: z.optional(milliseconds),
  /** So many bad probes in a row make a healthy instance unhealthy, and end a soak. */
  retries: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
  /** So many good probes in a row make a starting instance healthy. */
  healthy: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
  /** Failures within this time after the start do not count; the start limit is longer by it. */
  startPeriodMs: z.optional(milliseconds),
  /** Between two probes until the instance is healthy; absent, the agent probes at its own pace. */
  startIntervalMs: z.optional(milliseconds),
  /** How long an instance may take to become healthy. */
  startLimitMs: z.optional(milliseconds),
  /** How long the new version is watched, with the old one still up, after it got the traffic. */
  soakMs: z.optional(milliseconds),
  /** How long requests under way may still take after the switch. */
  drainMs: z.optional(milliseconds),
  backOffMinMs: z.optional(milliseconds),
  backOffMaxMs: z.optional(milliseconds),
})
export type TimeSettings = z.infer<typeof TimeSettings>

/** What holds for one service of one deployment: `resolveTimes` fills every value. */
export const Times = z.object({
  intervalMs: milliseconds,
  timeoutMs: milliseconds,
  retries: z.int(),
  healthy: z.int(),
  startPeriodMs: milliseconds,
  /** Null: the agent's own pace, 10 ms apart and slowing to 1 s. */
  startIntervalMs: z.nullable(milliseconds),
  /** The whole time, `startPeriodMs` included. */
  startLimitMs: z.int(),
  soakMs: milliseconds,
  drainMs: milliseconds,
  backOffMinMs: milliseconds,
  backOffMaxMs: milliseconds,
})
export type Times = z.infer<typeof Times>

/** Times by where they were written, because the two have a different rank. */
const Written = { times: z.object({ xJuanie: TimeSettings, compose: TimeSettings }) }

/**
 * How an instance shows that it is healthy.
 * - `http`: GET of that path on the instance's port; the status must lie in one of the ranges (both ends included).
 * - `command`: run beside the instance with its environment and `PORT`; exit code 0 is good.
 * - `default`: a TCP connection to the port, then GET / answered below 500.
 */
export const Health = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('http'),
    path: z.string(),
    status: z.array(z.object({ from: z.int(), to: z.int() })),
    ...Written,
  }),
  z.object({ kind: z.literal('command'), command: Command, ...Written }),
  z.object({ kind: z.literal('default'), ...Written }),
])
export type Health = z.infer<typeof Health>

const dependencyConditions = ['started', 'healthy', 'completed'] as const
export const restartPolicies = ['no', 'always', 'on-failure', 'unless-stopped'] as const
const serviceKinds = ['server', 'worker', 'job'] as const

export const Service = z.object({
  name: z.string(),
  command: Command,
  /** What the description says, env files included. It may hold `${secret:NAME}`. */
  environment: z.record(z.string(), z.string()),
  /** Relative to the application's folder, with `/`; `.` is the folder itself. Never leads outside. */
  workingDirectory: z.string(),
  replicas: z.int().check(z.minimum(0), z.maximum(100)),
  /**
   * The port that the description mentions. The instance really listens on the `PORT` it is given; other settings
   * that mention the declared port are kept as they are written.
   */
  declaredPort: z.nullable(z.int()),
  /** Whether it answers on a port at all, and so gets `PORT` and can have a route. */
  hasPort: z.boolean(),
  dependsOn: z.array(z.object({ service: z.string(), condition: z.enum(dependencyConditions), required: z.boolean() })),
  /** Null only where nothing can be probed (no port, no check): that it runs is all the evidence there is. */
  health: z.nullable(Health),
  limits: z.object({ memoryBytes: z.nullable(z.number()), cpus: z.nullable(z.number()) }),
  /** With the `SIG` prefix. */
  stopSignal: z.string(),
  stopGraceMs: milliseconds,
  restart: z.enum(restartPolicies),
  /** Only with `on-failure`; null is without a bound. */
  maxRetries: z.nullable(z.int()),
  /** A `server` has a port; a `job` must end with exit code 0 before what waits for it starts; a `worker` just runs. */
  kind: z.enum(serviceKinds),
})
export type Service = z.infer<typeof Service>

export const Migration = z.object({
  /** The service whose environment and folder it runs in. */
  service: z.string(),
  command: Command,
  environment: z.record(z.string(), z.string()),
  workingDirectory: z.string(),
})
export type Migration = z.infer<typeof Migration>

export const ApplicationRoute = z.object({
  service: z.string(),
  /** `default` is the environment's own hostname. */
  hostname: z.string(),
})
export type ApplicationRoute = z.infer<typeof ApplicationRoute>

/** A version of a language that the application asks for; `olderThanAsked` compares it with what a host has. */
export const Ask = z.object({ language: z.enum(['node', 'python']), version: z.string(), file: z.string() })
export type Ask = z.infer<typeof Ask>

export const Application = z.object({
  /** In the order of their dependencies: whatever a service waits for stands before it. */
  services: z.array(Service),
  routes: z.array(ApplicationRoute),
  /** Runs once, from the new release, before any new instance starts. */
  migrate: z.nullable(Migration),
  order: z.enum(['start-first', 'stop-first']),
  /** Names of variables that the application seems to need (`.env.example`) and that nothing has set. */
  requires: z.array(z.string()),
  asks: z.array(Ask),
  /** Names of secrets that the model refers to. */
  secrets: z.array(z.string()),
  notHonoured: z.array(NotHonoured),
  warnings: z.array(Problem),
})
export type Application = z.infer<typeof Application>

const sourceKinds = ['compose', 'procfile', 'detected'] as const

/** What detection found in one folder, kept with the release since the folder's other files are not. */
export const Detected = z.object({
  /** `node`, `python` or `static`. */
  language: z.string(),
  /** One sentence: what was seen and what follows from it. */
  because: z.string(),
  command: Command,
  /** What the command needs to find its packages. */
  environment: z.record(z.string(), z.string()),
})
export type Detected = z.infer<typeof Detected>

/**
 * The description as it is written, for every environment at once: what a release keeps. `files` are texts by path
 * relative to the application's folder.
 */
export const ApplicationSource = z.object({
  /** Raised when a stored source must be read differently. */
  version: z.literal(1),
  kind: z.enum(sourceKinds),
  /** The Compose file or Procfile; null where everything was detected. */
  entry: z.nullable(z.string()),
  files: z.record(z.string(), z.string()),
  /** What was detected, by folder; services without a command look here. */
  detected: z.record(z.string(), Detected),
  /** Variables listed in `.env.example` and the like. */
  requires: z.array(z.string()),
  asks: z.array(Ask),
  /** The language that was seen where no start command was found, for the sentence that asks for one. */
  looksLike: z.nullable(z.string()),
  notHonoured: z.array(NotHonoured),
  /** A source with an `error` can be stored; rendering it says the same again. */
  problems: z.array(Problem),
})
export type ApplicationSource = z.infer<typeof ApplicationSource>

export const defaultTimes: Times = {
  intervalMs: 1_000,
  timeoutMs: 5_000,
  retries: 3,
  healthy: 3,
  startPeriodMs: 0,
  startIntervalMs: null,
  startLimitMs: 60_000,
  soakMs: 30_000,
  drainMs: 30_000,
  backOffMinMs: 1_000,
  backOffMaxMs: 60_000,
}

/** The port a service declares by having one without saying which. */
export const defaultDeclaredPort = 3000

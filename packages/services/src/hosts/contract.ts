import type { JobInstance, MatrixValue, Outcome, RunDefaults } from '@juanie/workflow'
import * as z from 'zod/mini'
import type { Command } from '../applications/contract.ts'

/**
 * What server and agent say to each other: NDJSON over plain HTTP, always opened by the agent. Down comes one long
 * response of `GET /api/agent/work`; up go `POST /api/agent/report`, `/logs`, `/observed` and `/measured`, each
 * acknowledged by its answer, resent after a reconnect and safe to repeat. Bundles: `GET /api/agent/blobs/<digest>`, and for the job
 * that made one `HEAD` and `PUT /api/agent/blobs/<digest>?job=<id>`; after a `HEAD` with 200 there is nothing to put.
 * All calls carry `Authorization: Bearer <agent token>`; any server replica can answer any call.
 */
export const contractVersion = 1

/** Headers of `GET /api/agent/work`, by which an agent introduces itself. Values are plain ASCII. */
export const introduction = {
  version: 'x-juanie-contract',
  /** Content hash of the agent's bundle; a server of another build asks a local one to be replaced. */
  build: 'x-juanie-build',
  /** Random id of this agent process: a new one means that the steps of the old one are gone. */
  incarnation: 'x-juanie-incarnation',
  /** How many jobs it can run at once. */
  slots: 'x-juanie-slots',
  /** JSON array of `{ jobId, fence }` that this process still works on. */
  holding: 'x-juanie-holding',
  isolation: 'x-juanie-isolation',
  /** JSON array, e.g. `["self-hosted","linux","x64"]`. */
  labels: 'x-juanie-labels',
} as const

export const isolations = ['isolated', 'separate users', 'trusted'] as const
export type Isolation = (typeof isolations)[number]

/**
 * Header by which an agent that passes on the request of a job says where that job reached it, `http://127.0.0.1:<port>`:
 * links that are answered begin so.
 */
export const reachedAt = 'x-juanie-reached-at'

/** All that one job needs. The agent evaluates its steps' expressions with `@juanie/workflow`. */
export interface LeasedJob {
  jobId: string
  runId: string
  runNumber: number
  projectId: string
  instance: JobInstance
  /** `env` and `defaults` of the workflow itself, below those of the job and its steps. */
  workflow: { name: string; env: Record<string, string>; defaults: RunDefaults }
  contexts: {
    github: Record<string, unknown>
    vars: Record<string, string>
    /** Given only where the workflow names them; their values are masked. */
    secrets: Record<string, string>
    needs: Record<string, { result: Outcome; outputs: Record<string, string> }>
    inputs: Record<string, unknown>
    matrix: Record<string, MatrixValue> | null
    /** What the `job` context says of the workflow that it is part of. */
    job?: Record<string, string>
  }
  repository: {
    /** `/git/<organization>/<project>.git` on the server; its password is `gitToken`, good for reading this project. */
    path: string
    /** Folder of the bare repository when agent and server share a host; its objects may be borrowed read-only. */
    localPath: string | null
    commit: string
    ref: string
    gitToken: string
  }
  /**
   * How its steps get at caches, artifacts and the rest: each dies with the job and is masked in its output. Null where
   * there is no server to ask.
   */
  services: {
    /** `ACTIONS_RUNTIME_TOKEN`. */
    runtimeToken: string
    /** `GITHUB_TOKEN`, `github.token`. */
    token: string
    /** `ACTIONS_ID_TOKEN_REQUEST_TOKEN`; null for a job without `id-token: write`. */
    idTokenRequest: string | null
  } | null
  limits: { timeoutMs: number; workspaceBytes: number; logBytes: number; memoryBytes: number | null }
}

export type Frame =
  | { v: 1; type: 'hello'; agentId: string; hostId: string; leaseMs: number; replace: boolean }
  /** Work on it until the term ends; renew by `POST /api/agent/report` each second. */
  | { v: 1; type: 'lease'; fence: number; job: LeasedJob }
  /** End this job's process trees; its last words are reported as usual. */
  | { v: 1; type: 'cancel'; jobId: string; fence: number; reason: 'canceled' | 'lost' | 'fail-fast' }
  | { v: 1; type: 'desired'; desired: Desired }
  | { v: 1; type: 'ping' }

/** All that should be true on one host. A higher revision replaces a lower one whole. */
export interface Desired {
  revision: number
  instances: DesiredInstance[]
  tasks: DesiredTask[]
  routes: DesiredRoute[]
}

interface DesiredProcess {
  id: string
  projectId: string
  environmentId: string
  deploymentId: string
  service: string
  /** `sha256:<hex>` of the bundle that its folder is unpacked from. */
  bundle: string
  command: Command
  /** Relative to the unpacked bundle. */
  workingDirectory: string
  /** Complete: variables, secrets and the description's own. The agent adds PORT, HOST, HOME, PATH and TMPDIR. */
  environment: Record<string, string>
  /** Names of the variables whose values are secrets, masked in the logs that leave the host. */
  secretNames: string[]
  limits: { memoryBytes: number | null; cpus: number | null }
}

export interface DesiredInstance extends DesiredProcess {
  /** Zero-based among the replicas of its service. */
  index: number
  /** Null for a worker: it gets no port and is probed by staying alive. */
  port: { declared: number | null } | null
  /** Sent with probes as `Host`. */
  hostname: string
  health: InstanceHealth
  stop: { signal: string; graceMs: number }
  restart: {
    policy: 'no' | 'always' | 'on-failure' | 'unless-stopped'
    maxRetries: number | null
    minBackOffMs: number
    maxBackOffMs: number
  }
  /** Instances of the same deployment that must have reached the condition before this one starts. */
  after: { instanceId: string; condition: 'started' | 'healthy' | 'completed' }[]
  /** `stopped` ends it gracefully, after it has no requests in flight or `drainMs` are over. */
  want: 'running' | 'stopped'
  drainMs: number
}

export interface InstanceHealth {
  probe:
    | { kind: 'http'; path: string /** Inclusive ranges of good statuses. */; status: [number, number][] }
    | { kind: 'command'; command: Command }
    /** TCP connect, then `GET /` below 500. */
    | { kind: 'default' }
    /** No port: alive is healthy. */
    | { kind: 'alive' }
  /** Good probes in a row that make it healthy. */
  healthy: number
  /** Bad probes in a row that make a healthy one unhealthy. */
  retries: number
  /** Pace once it was healthy; in a soak at most 1,000. */
  intervalMs: number
  timeoutMs: number
  /** Pace until it is healthy; null lets the agent probe from 10 ms on, slowing to 1 s. */
  startIntervalMs: number | null
  startPeriodMs: number
  /** Not healthy by then: `failed`. Includes the start period. */
  startLimitMs: number
}

/** A command that runs once, e.g. a migration; an id is never run twice on a host. */
export interface DesiredTask extends DesiredProcess {
  timeoutMs: number
}

export interface DesiredRoute {
  hostname: string
  environmentId: string
  /** Grows with each edit by the server; what the agent does by itself refers to it. */
  generation: number
  /** Null: nothing serves, the edge answers 503 with a page that says so. */
  serving: { deploymentId: string; instanceIds: string[] } | null
  /**
   * While it soaks: where the agent itself returns to when an instance of `serving` has `retries` bad probes in a row
   * or exits. `standby` null means that there is nothing to return to: the route answers 503 then.
   * The agent alone decides the outcome and keeps it on disk; after `passed` it moves the route no more.
   */
  soak: { soakMs: number; standby: { deploymentId: string; instanceIds: string[] } | null } | null
}

const Text = (max: number) => z.string().check(z.maxLength(max))
const Count = z.int().check(z.minimum(0))
/** Fits a column of PostgreSQL's `integer`. */
const Tally = z.int32().check(z.minimum(0))
const Id = z.uuid()
const Digest = z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/))

export { Digest as BlobDigest }

const outcomes = ['success', 'failure', 'cancelled', 'skipped'] as const
const annotationLevels = ['error', 'warning', 'notice'] as const

const held = { jobId: Id, fence: Count }
/**
 * Place of a step in its job: zero-based for those of the file. What the agent does besides has a place as well, below
 * zero for what comes before the first and beyond the last for what comes after: see `addedSteps`.
 */
const step = { ...held, step: z.int32().check(z.minimum(-1_001), z.maximum(3_000)) }

/** Places of what an agent does besides the steps of the file; each begins with a `step.started` or a line of it. */
export const addedSteps = {
  /** "Set up job". */
  setUp: -1_001,
  /** The `pre` scripts of actions count up from here. */
  pre: -1_000,
} as const

/** One thing that happened in a job, in the order in which it happened. */
export const Report = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job.started'), ...held, at: z.iso.datetime() }),
  z.object({ kind: z.literal('step.started'), ...step, at: z.iso.datetime(), name: Text(1000) }),
  z.object({
    kind: z.literal('step.annotation'),
    ...step,
    level: z.enum(annotationLevels),
    message: Text(65_536),
    title: z.nullable(Text(1000)),
    file: z.nullable(Text(4096)),
    line: z.nullable(Count),
    column: z.nullable(Count),
    /** Sequence number of the log line that carried it. */
    logLine: Count,
  }),
  z.object({ kind: z.literal('step.summary'), ...step, markdown: Text(1_048_576) }),
  z.object({
    kind: z.literal('step.ended'),
    ...step,
    at: z.iso.datetime(),
    outcome: z.enum(outcomes),
    conclusion: z.enum(outcomes),
    exitCode: z.nullable(z.int()),
    /** First useful sentence of why, for people. */
    reason: z.nullable(Text(4000)),
    /** Number of log lines; the server has stored them all when it takes this report. */
    lines: Count,
  }),
  z.object({
    kind: z.literal('job.ended'),
    ...held,
    at: z.iso.datetime(),
    result: z.enum(['succeeded', 'failed', 'canceled', 'timed_out']),
    reason: z.nullable(Text(4000)),
    outputs: z.record(z.string(), Text(1_048_576)),
    /** Evaluated `environment.url`; without a secret in it. */
    environmentUrl: z.optional(z.nullable(Text(2_048))),
  }),
])
export type Report = z.infer<typeof Report>

/** Body of `POST /api/agent/report`. `renew` is sent each second with everything the agent works on. */
export const ReportRequest = z.object({
  incarnation: Id,
  /** Number of the first report; they count from 1 in one incarnation, and a repeated one is skipped. */
  firstSeq: Count,
  reports: z.array(Report).check(z.maxLength(1000)),
  renew: z.array(z.object(held)).check(z.maxLength(1000)),
})
export type ReportRequest = z.infer<typeof ReportRequest>

export interface ReportAnswer {
  acknowledged: number
  /** Leases that are no longer the agent's: it must end those jobs and say nothing more of them. */
  lost: { jobId: string; fence: number }[]
}

export const LogBatch = z.object({
  stream: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('step'), ...step }),
    z.object({ kind: z.literal('instance'), instanceId: Id }),
  ]),
  /** Lines count from 1 within their stream; `firstSeq` continues where the acknowledged ones end. */
  firstSeq: z.int().check(z.minimum(1)),
  /** `[milliseconds since the epoch, text]`; text has no newline and is already masked. */
  lines: z.array(z.tuple([Count, Text(1_048_576)])).check(z.maxLength(20_000)),
})
export type LogBatch = z.infer<typeof LogBatch>

/** Body of `POST /api/agent/logs`, at most 4 MiB. */
export const LogsRequest = z.object({ batches: z.array(LogBatch).check(z.maxLength(200)) })
export type LogsRequest = z.infer<typeof LogsRequest>

/** Last stored number of each batch's stream, in the order of the request; null: not yours, stop sending. */
export interface LogsAnswer {
  acknowledged: (number | null)[]
}

export const Probe = z.object({
  /** Counts from 1 within the instance, across its restarts. */
  seq: z.int().check(z.minimum(1)),
  at: z.iso.datetime(),
  good: z.boolean(),
  status: z.nullable(z.int()),
  latencyMs: z.number(),
  /** First bytes of the answer, or what went wrong. */
  body: Text(512),
})
export type Probe = z.infer<typeof Probe>

export const instanceStates = [
  'waiting',
  'fetching',
  'starting',
  'healthy',
  'unhealthy',
  'backing_off',
  'completed',
  'failed',
  'draining',
  'stopped',
] as const
export type InstanceState = (typeof instanceStates)[number]

export const ObservedInstance = z.object({
  id: Id,
  state: z.enum(instanceStates),
  /** Why it is `unhealthy`, `backing_off` or `failed`, in one sentence for people. */
  reason: z.nullable(Text(4000)),
  port: z.nullable(z.int()),
  pid: z.nullable(z.int()),
  startedAt: z.nullable(z.iso.datetime()),
  restarts: Count,
  exit: z.nullable(z.object({ code: z.nullable(z.int()), signal: z.nullable(Text(32)) })),
  /** Probes since the acknowledged one; of a steady healthy instance only changes and one a minute. */
  probes: z.array(Probe).check(z.maxLength(200)),
  /** What the agent could not honour, e.g. a CPU limit without cgroups. */
  notHonoured: z.array(Text(500)),
})
export type ObservedInstance = z.infer<typeof ObservedInstance>

export const ObservedRoute = z.object({
  hostname: Text(253),
  generation: Count,
  /** What the edge really serves now; null: the 503 page. */
  serving: z.nullable(Id),
  /** When the edge began to serve it. */
  since: z.iso.datetime(),
  /** The first `inFlight` requests of what served before are over, or the drain's time is. */
  drained: z.boolean(),
  soak: z.nullable(
    z.object({
      deploymentId: Id,
      state: z.enum(['running', 'passed', 'failed']),
      elapsedMs: z.number(),
      reason: z.nullable(Text(4000)),
    }),
  ),
})
export type ObservedRoute = z.infer<typeof ObservedRoute>

export const ObservedTask = z.object({
  id: Id,
  state: z.enum(['waiting', 'running', 'succeeded', 'failed']),
  exitCode: z.nullable(z.int()),
  reason: z.nullable(Text(4000)),
})
export type ObservedTask = z.infer<typeof ObservedTask>

/** Body of `POST /api/agent/observed`: the whole truth of the host at that moment. */
export const Observed = z.object({
  incarnation: Id,
  seq: Count,
  /** Revision of desired state that the agent has taken in. */
  revision: Count,
  instances: z.array(ObservedInstance).check(z.maxLength(10_000)),
  tasks: z.array(ObservedTask).check(z.maxLength(10_000)),
  routes: z.array(ObservedRoute).check(z.maxLength(10_000)),
  edge: z.object({
    state: z.enum(['serving', 'down']),
    host: Text(253),
    port: z.nullable(z.int()),
    problem: z.nullable(Text(1000)),
  }),
})
export type Observed = z.infer<typeof Observed>

export interface ObservedAnswer {
  /** Probes of each instance up to this number are stored and need not be sent again. */
  probes: Record<string, number>
}

/**
 * What the edge counted at one hostname within one minute. `source` names who counted: what it says of a minute later
 * replaces what it said before, so that a resent minute counts once; what several sources say of one minute adds up.
 */
export const TrafficMinute = z.object({
  source: Id,
  hostname: Text(253),
  /** Whole minutes since the epoch. */
  minute: z.int32().check(z.minimum(0)),
  requests: Tally,
  /** Final answers by class, 1xx first (an upgrade counts there). */
  statuses: z.tuple([Tally, Tally, Tally, Tally, Tally]),
  /** Requests that the application broke. */
  broken: Tally,
  /** Requests whose client went away first. */
  aborted: Tally,
  /** Answers that the edge gave itself because nothing may serve. */
  unavailable: Tally,
  /** As `core/latency` counts: `[bucket, count]`, buckets ascending. */
  latency: z.array(z.tuple([z.int().check(z.minimum(0), z.maximum(127)), Tally])).check(z.maxLength(128)),
  /** Some requests of this minute, or of those before, were not counted. */
  isCut: z.boolean(),
})
export type TrafficMinute = z.infer<typeof TrafficMinute>

/** What the processes of one instance use together. */
export const InstanceUsage = z.object({
  id: Id,
  memoryBytes: Count,
  /** Of one core, since the measure before: 1.5 is one and a half. Null at the first one. */
  cpu: z.nullable(z.number().check(z.minimum(0), z.maximum(100_000))),
})
export type InstanceUsage = z.infer<typeof InstanceUsage>

/** Body of `POST /api/agent/measured`, answered with an empty object once it is stored. */
export const Measured = z.object({
  traffic: z.array(TrafficMinute).check(z.maxLength(1000)),
  usage: z.array(InstanceUsage).check(z.maxLength(10_000)),
})
export type Measured = z.infer<typeof Measured>

/** Body of `POST /api/agent/release`: what `juanie/release` does after the bundle is stored. Safe to repeat. */
export const MakeRelease = z.object({
  ...step,
  bundle: Digest,
  bytes: Count,
  name: z.nullable(Text(200)),
  /** Text files of the application's description, by path: read from the packed folder, else the workspace's root. */
  description: z.record(z.string(), Text(1_048_576)),
  /** Names of the files and folders at the root of the packed folder, for detection. */
  listing: z.array(Text(4096)).check(z.maxLength(10_000)),
})
export type MakeRelease = z.infer<typeof MakeRelease>
export interface MadeRelease {
  releaseId: string
  number: number
  digest: string
  notHonoured: { path: string; reason: string }[]
}

/** Body of `POST /api/agent/deploy`: what `juanie/deploy` asks for; answered when queued. Safe to repeat. */
export const AskDeployment = z.object({ ...step, environment: Text(100), release: z.nullable(Count) })
export type AskDeployment = z.infer<typeof AskDeployment>
export interface AskedDeployment {
  deploymentId: string
  number: number
}
/** Answer of `GET /api/agent/deployments/<id>?wait=<seconds up to 25>`: returns early when it is final. */
export interface DeploymentProgress {
  status: string
  final: boolean
  reason: string | null
  url: string
  /** What it waits for, for the step's log. */
  waitsFor: string | null
}

/** Body of `POST /api/agent/actions`: what the texts after `uses` mean for a job. Safe to repeat: a run keeps its answers. */
export const AskActions = z.object({ ...held, uses: z.array(Text(1000)).check(z.maxLength(200)) })
export type AskActions = z.infer<typeof AskActions>

/**
 * One answer for each text, in their order. The commit itself is the bundle at
 * `GET /api/agent/actions/<owner>/<name>/<commit>?job=<id>&fence=<fence>`.
 */
export type ActionAnswer =
  | { kind: 'found'; owner: string; name: string; commit: string; notice: string | null }
  | { kind: 'refused'; reason: string }

export const AddHost = z.object({
  name: z.string().check(z.regex(/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/, 'use 1 to 63 of a-z, 0-9, . and -')),
})
export type AddHost = z.infer<typeof AddHost>

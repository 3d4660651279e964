import * as z from 'zod/mini'
import type { Application, Problem, Times } from '../applications/contract.ts'

export const deploymentStatuses = [
  'queued',
  'waiting',
  'preparing',
  'migrating',
  'rolling_out',
  'verifying',
  'switching',
  'soaking',
  'succeeded',
  'rolling_back',
  'rolled_back',
  'rollback_failed',
  'failed',
  'canceled',
  'superseded',
] as const
export type DeploymentStatus = (typeof deploymentStatuses)[number]

/** At most one deployment of an environment is in one of these. */
export const activeStatuses = [
  'preparing',
  'migrating',
  'rolling_out',
  'verifying',
  'switching',
  'soaking',
  'rolling_back',
] as const
export const finalStatuses = [
  'succeeded',
  'rolled_back',
  'rollback_failed',
  'failed',
  'canceled',
  'superseded',
] as const

export const deploymentMethods = ['manual', 'gitops-ui', 'gitops-git', 'pipeline'] as const
export const deploymentKinds = ['deploy', 'promotion', 'rollback'] as const
/** `automatic`: the environment follows the branch. */
export const deploymentOrigins = ['person', 'workflow', 'automatic'] as const

/** What a deployment froze before its gates were asked: all that runs comes from here and from the release's bundle. */
export interface Snapshot {
  bundle: string
  application: Application
  times: Record<string, Times>
  drainMs: number
  soakMs: number
  hostname: string
  variables: Record<string, string>
  secrets: { name: string; secretId: string; versionId: string; version: number }[]
}

/** When each stage began, in milliseconds since the epoch. */
export type Stages = Partial<Record<DeploymentStatus | 'drained', number>>

/** What a sentence mentions, for whoever says it in another language. */
export type Details = Record<string, string | number | null>

export const waitKeys = [
  'ahead',
  'agent',
  'migration',
  'old_end',
  'start',
  'probes',
  'edge',
  'soak',
  'drain',
  'edge_back',
  'healthy_again',
  'over',
] as const

/** Why a deployment does not go on by itself at this moment, and who or what can end that. */
export interface WaitsFor {
  what: string
  endedBy: string
  key: (typeof waitKeys)[number]
  details: Details
}

export const whyKeys = [
  'canceled',
  'newer_run',
  'newer_deployment',
  'unrenderable',
  'hostname_taken',
  'bundle',
  'migration_failed',
  'instance_failed',
  'soak_failed',
  'old_gone',
  'old_failed',
] as const

/** The same as the sentence in `reason`, for whoever says it in another language or shows the log of the one to blame. */
export interface Why {
  key: (typeof whyKeys)[number]
  details: Details
  instanceId: string | null
}

/** What `deploy`, `promote` and `rollback` answer. The shape is promised to scripts. */
export interface DeploymentAnswer {
  id: string
  number: number
  status: DeploymentStatus
  reason: string | null
  url: string
  release: ReleaseName
}

export interface ReleaseName {
  id: string
  number: number
  digest: string
  commit: string | null
}

export interface DeploymentRow extends DeploymentAnswer {
  why: Why | null
  kind: (typeof deploymentKinds)[number]
  origin: (typeof deploymentOrigins)[number]
  environment: { id: string; name: string }
  /** Who asked for it; null: Juanie did, because the environment follows a branch. */
  requestedBy: string | null
  runNumber: number | null
  /** First line of the commit message, and the branch or tag; null where no run made the release, or it is cleaned away. */
  title: string | null
  branch: string | null
  createdAt: string
  finishedAt: string | null
  final: boolean
}

export interface InstanceView {
  id: string
  service: string
  index: number
  kind: 'instance' | 'task'
  want: 'running' | 'stopped' | 'gone'
  state: string
  reason: string | null
  port: number | null
  pid: number | null
  restarts: number
  exit: { code: number | null; signal: string | null } | null
  startedAt: string | null
  stoppedAt: string | null
  notHonoured: string[]
  lines: number
  /** What its processes used when its agent looked last; null: not known, or it does not run. `cpu` is of one core. */
  usage: { memoryBytes: number; cpu: number | null; at: string } | null
}

export interface EvidenceView {
  instanceId: string
  seq: number
  at: string
  good: boolean
  status: number | null
  latencyMs: number
  body: string
  stage: string
}

export interface StageView {
  name: string
  at: string
  /** Null while it is the current one. */
  ms: number | null
}

/** The last lines of the instance that a failure is about. */
export interface LastWords {
  instanceId: string
  service: string
  index: number
  /** All that are stored. */
  total: number
  lines: { seq: number; at: string; text: string }[]
  /** Number of the line that says most. */
  point: number | null
}

/** What a deployment froze, without a value of a secret. */
export interface SnapshotView {
  bundle: string
  hostname: string
  soakMs: number
  drainMs: number
  order: Application['order']
  variables: Record<string, string>
  secrets: { name: string; version: number }[]
  migrates: boolean
  services: {
    name: string
    kind: string
    command: string
    replicas: number
    times: Pick<Times, 'startLimitMs' | 'healthy' | 'retries' | 'intervalMs' | 'timeoutMs'> | null
  }[]
}

/** What was seen in the application's description. */
export interface Finding extends Pick<Problem, 'message' | 'key' | 'values'> {
  file: string | null
  line: number | null
}

export interface DeploymentView extends DeploymentRow {
  digest: string
  hostname: string
  /** Whether this is what serves the environment now. */
  serves: boolean
  /** The deployment that served before and that a failure returns to. */
  replaces: { id: string; number: number } | null
  /** Of a rollback: the deployment whose snapshot runs here. */
  snapshotOf: { id: string; number: number } | null
  stages: StageView[]
  waitsFor: WaitsFor | null
  /** Under way for too long; says what a person can do. */
  flagged: { at: string; message: string } | null
  instances: InstanceView[]
  /** The latest probes, newest first. */
  evidence: EvidenceView[]
  notHonoured: { path: string; reason: string }[]
  warnings: string[]
  /** The warnings in parts. */
  findings: Finding[]
  /** Names that the application seems to need and that nothing sets. */
  requires: string[]
  /** With `order: stop-first` nothing answers between the old version's end and the new one's start. */
  hasGap: boolean
  secrets: { name: string; version: number }[]
  snapshot: SnapshotView
  lastWords: LastWords | null
}

export const changeSubjects = [
  'files',
  'hostname',
  'soak',
  'drain',
  'order',
  'variable',
  'secret',
  'route',
  'migration',
  'service',
  'environment',
  'setting',
] as const

/** Settings of a service that a change can be about. */
export const changeSettings = [
  'command',
  'workingDirectory',
  'replicas',
  'port',
  'kind',
  'health',
  'dependsOn',
  'memory',
  'cpus',
  'restart',
  'maxRetries',
  'stopSignal',
  'stopGraceMs',
  'startLimitMs',
  'startPeriodMs',
  'startIntervalMs',
  'healthy',
  'retries',
  'intervalMs',
  'timeoutMs',
  'soakMs',
  'drainMs',
  'backOffMinMs',
  'backOffMaxMs',
] as const
export type ChangeSetting = (typeof changeSettings)[number]

/** One difference between what serves and what would run. A secret shows its version and never its value. */
export interface Change {
  /** Place in the snapshot, for scripts. */
  path: string
  /** What it is about, as people say it in English. */
  label: string
  subject: (typeof changeSubjects)[number]
  service: string | null
  /** Of the variable, secret, hostname or setting. */
  name: string | null
  unit: 'ms' | 'bytes' | 'version' | null
  from: string | null
  to: string | null
}

export interface DeploymentPlan {
  environment: { id: string; name: string }
  release: ReleaseName
  kind: (typeof deploymentKinds)[number]
  /** Of a rollback: whose snapshot it would be; null with today's configuration. */
  snapshotOf: { id: string; number: number } | null
  digest: string
  /** What serves now; null: nothing does. */
  current: { id: string; number: number; digest: string; release: ReleaseName } | null
  /** Empty: the same would run again. */
  changes: Change[]
  /** Secrets that have a newer version than the one that would run, or are deleted since. */
  rotated: { name: string; version: number; latest: number | null }[]
  /** Why it would be refused. */
  problems: string[]
  warnings: string[]
  /** The warnings in parts. */
  findings: Finding[]
  requires: string[]
  hasGap: boolean
  notHonoured: { path: string; reason: string }[]
  behind: { id: string; number: number; status: DeploymentStatus }[]
}

/** One line of `env list`. The shape is promised to scripts. */
export interface EnvironmentStatus {
  id: string
  name: string
  url: string
  health: string
  /** What serves. */
  release: ReleaseName | null
  deployment: { id: string; number: number; status: DeploymentStatus } | null
  /** The latest attempt, with why it waits or failed. */
  last: {
    id: string
    number: number
    status: DeploymentStatus
    reason: string | null
    waitsFor: WaitsFor | null
    flagged: { at: string; message: string } | null
  } | null
  sync: string
  position: number
  follows: string | null
}

/** How long a deployment may be under way before a person is asked. */
export const flagAfterMs = 30 * 60_000

/** A number as people see it, or an id. */
const Reference = z.union([z.int32().check(z.minimum(1)), z.string().check(z.minLength(1), z.maxLength(64))])
const EnvironmentReference = z.string().check(z.minLength(1), z.maxLength(64))
const RequestKey = z.optional(z.nullable(z.string().check(z.minLength(1), z.maxLength(200))))

const asked = { environment: EnvironmentReference, requestKey: RequestKey }
const deploy = { ...asked, release: z.optional(z.nullable(Reference)) }
/** `environment` is where it is taken from. */
const promote = { ...asked, to: z.optional(z.nullable(EnvironmentReference)) }
const rollback = {
  ...asked,
  /** The earlier deployment; absent, the last one that succeeded with another snapshot. */
  to: z.optional(z.nullable(Reference)),
  config: z.optional(z.enum(['snapshot', 'current'])),
}

export const StartDeployment = z.object(deploy)
export const PromoteRelease = z.object(promote)
export const RollBack = z.object(rollback)
export const PlanDeployment = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('deploy'), ...deploy }),
  z.object({ kind: z.literal('promotion'), ...promote }),
  z.object({ kind: z.literal('rollback'), ...rollback }),
])
export const CancelDeployment = z.object({ deployment: Reference })
export const ViewDeployment = z.object({ deployment: Reference })
export const CompareDeployments = z.object({ a: Reference, b: Reference })

/** What a list can be narrowed to. */
export const deploymentOutcomes = {
  open: ['queued', 'waiting', ...activeStatuses],
  succeeded: ['succeeded'],
  failed: ['failed', 'rolled_back', 'rollback_failed'],
  withdrawn: ['canceled', 'superseded'],
} as const satisfies Record<string, readonly DeploymentStatus[]>
export type DeploymentOutcome = keyof typeof deploymentOutcomes

export const ListDeployments = z.object({
  environment: z.optional(z.nullable(EnvironmentReference)),
  /** Of this release, by its id. */
  releaseId: z.optional(z.nullable(z.uuid())),
  outcome: z.optional(z.nullable(z.enum(['open', 'succeeded', 'failed', 'withdrawn']))),
  /** Number of the last row of the page before. */
  after: z.optional(z.nullable(z.int32().check(z.minimum(1)))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 30),
})

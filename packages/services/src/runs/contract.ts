import type { DispatchInput, Outcome, Problem } from '@juanie/workflow'
import * as z from 'zod/mini'

export const runStatuses = [
  'created',
  'blocked',
  'queued',
  'running',
  'succeeded',
  'failed',
  'canceled',
  'timed_out',
  'skipped',
  'superseded',
  'invalid',
] as const
export type RunStatus = (typeof runStatuses)[number]

export const jobStatuses = [
  'pending',
  'queued',
  'leased',
  'running',
  'succeeded',
  'failed',
  'canceled',
  'timed_out',
  'lost',
  'skipped',
] as const
export type JobStatus = (typeof jobStatuses)[number]

export const stepStatuses = ['pending', 'running', 'succeeded', 'failed', 'canceled', 'skipped'] as const
export type StepStatus = (typeof stepStatuses)[number]

/** What started a run, as `github.event_name`; `rerun` is an attempt, not an event. */
export const runEvents = ['push', 'workflow_dispatch', 'schedule', 'workflow_run', 'repository_dispatch'] as const
export type RunEvent = (typeof runEvents)[number]

/** Where a run or a job stands in its concurrency group; `ousted` holds it still, and was asked to end for a newer one. */
export const claimStates = ['waiting', 'holding', 'superseded', 'ousted'] as const
export type ClaimState = (typeof claimStates)[number]

/** Why an agent was asked to end a job. */
export const cancelReasons = ['canceled', 'fail-fast'] as const
export type CancelReason = (typeof cancelReasons)[number]

/** What a run keeps of the push or call that started it, for `github.event`. Times are ISO 8601. */
export interface RunSource {
  tree: string
  authorEmail: string
  committedAt: string
  created: boolean
  forced: boolean
  /** The new commits of the push, oldest first and bounded; absent where it is the run's own alone. */
  commits?: PushedCommit[]
}

interface PushedCommit {
  id: string
  tree: string
  message: string
  author: { name: string; email: string }
  committedAt: string
}

/** Rows of a list come newest first; `next` is the cursor of the following page. */
const Page = {
  after: z.optional(z.string().check(z.maxLength(200))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 30),
}

/** A number as people see it, or an id. */
const Reference = z.union([z.int32().check(z.minimum(1)), z.uuid()])

const RunStatusName = z.enum(runStatuses)

export const ListRuns = z.object({
  ...Page,
  branch: z.optional(z.string().check(z.maxLength(1000))),
  status: z.optional(
    z.union([RunStatusName, z.array(RunStatusName).check(z.minLength(1), z.maxLength(runStatuses.length))]),
  ),
  pipelineId: z.optional(z.uuid()),
  /** File of the pipeline. */
  workflow: z.optional(z.string().check(z.maxLength(1000))),
  event: z.optional(z.enum(runEvents)),
  /** Part of the title, without regard to case. */
  text: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
})
export type ListRuns = z.infer<typeof ListRuns>

/** Without `attempt`, the latest. */
export const ViewRun = z.object({ run: Reference, attempt: z.optional(z.int32().check(z.minimum(1))) })
export type ViewRun = z.infer<typeof ViewRun>
export const RerunRun = z.object({ run: Reference, jobs: z._default(z.enum(['all', 'failed']), 'all') })
export type RerunRun = z.infer<typeof RerunRun>
export const CancelRun = z.object({ run: Reference })
/** Without `ref`, the default branch. */
export const ListStartable = z.object({ ref: z.optional(z.string().check(z.maxLength(1000))) })
export type ListStartable = z.infer<typeof ListStartable>

export const DispatchRun = z.object({
  /** File or name of the pipeline; may be left out where only one can be started by hand. */
  workflow: z.optional(z.string().check(z.maxLength(1000))),
  /** Branch or tag; the default branch without one. */
  ref: z.optional(z.string().check(z.maxLength(1000))),
  inputs: z._default(z.record(z.string(), z.string().check(z.maxLength(65_536))), {}),
})
export type DispatchRun = z.infer<typeof DispatchRun>

/** What somebody outside says has happened: fires `repository_dispatch` of the default branch. */
export const DispatchRepository = z.object({
  eventType: z.string().check(z.minLength(1), z.maxLength(100)),
  clientPayload: z._default(
    z.record(z.string(), z.unknown()).check(z.refine((payload) => JSON.stringify(payload).length <= 65_536)),
    {},
  ),
})
export type DispatchRepository = z.infer<typeof DispatchRepository>

export const waitingKinds = [
  'needs',
  'calls',
  'workflow',
  'concurrency',
  'max_parallel',
  'plan',
  'taken',
  'next',
  'no_agent',
  'labels',
  'agents_away',
  'slots',
] as const

/** What a job waits for. It names who or what can end that: another job, an agent, whoever starts one. */
export type Waiting =
  | { kind: 'needs'; jobs: string[] }
  /** The jobs of the workflow that it calls. */
  | { kind: 'calls'; jobs: string[] }
  /** The text of the workflow that it calls must be fetched. */
  | { kind: 'workflow' }
  /** Another of its concurrency group must end. */
  | { kind: 'concurrency' }
  /** Another job of its matrix must end: `max-parallel`. */
  | { kind: 'max_parallel' }
  | { kind: 'plan' }
  /** An agent has it, and is about to begin. */
  | { kind: 'taken' }
  /** An agent is about to take it. */
  | { kind: 'next' }
  | { kind: 'no_agent' }
  | { kind: 'labels'; labels: string[] }
  | { kind: 'agents_away' }
  | { kind: 'slots'; slots: number }

/** Why a run did not succeed, in one line: what failed first, and the first useful sentence about it. */
export interface RunFault {
  /** Names of the job and the step; null where the workflow itself cannot be run, or no step had begun. */
  job: string | null
  step: string | null
  exitCode: number | null
  /** What the step said, else the reason: a sentence, or a dotted key. */
  message: string | null
  /** What is wrong with the workflow, where that is why. */
  problem?: Problem
}

export interface RunSummary {
  id: string
  number: number
  attempt: number
  status: RunStatus
  reason: string | null
  event: RunEvent
  /** Short name of the branch or tag. */
  branch: string
  ref: string
  commit: string
  title: string
  workflow: { id: string; file: string; name: string; origin: 'repository' | 'default' }
  actor: string | null
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
}

export interface ListedRun extends RunSummary {
  fault: RunFault | null
  /** Null when it waits for nothing: some job of it is being worked on, or it is over. */
  waiting: (Waiting & { job: string }) | null
}

export interface StepView {
  id: string
  place: number
  name: string
  status: StepStatus
  outcome: Outcome | null
  conclusion: Outcome | null
  exitCode: number | null
  reason: string | null
  summary: string | null
  lines: number
  startedAt: string | null
  finishedAt: string | null
  annotations: AnnotationView[]
}

export interface AnnotationView {
  level: 'error' | 'warning' | 'notice'
  message: string
  title: string | null
  file: string | null
  line: number | null
  column: number | null
  logLine: number
}

export interface JobView {
  id: string
  key: string
  name: string
  status: JobStatus
  reason: string | null
  /** One sentence: what it waits for and who or what can end that; null when it waits for nothing. */
  waitsFor: string | null
  waiting: Waiting | null
  needs: string[]
  labels: string[]
  /** Place in its matrix; 0 without one, null until its needs are over. */
  place: number | null
  repeat: number
  /** Its result was taken over from an earlier attempt. */
  isCarried: boolean
  continueOnError: boolean
  environment: string | null
  /** Where it says that this environment is to be found. */
  environmentUrl: string | null
  timeoutMs: number
  agent: string | null
  outputs: Record<string, string>
  queuedAt: string | null
  startedAt: string | null
  finishedAt: string | null
  steps: StepView[]
}

export interface AttemptView {
  number: number
  status: RunStatus
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
}

/** `status`, `startedAt` and `finishedAt` are those of the latest attempt; `jobs` those of the attempt asked for. */
export interface RunView extends RunSummary {
  latestAttempt: number
  /** The latest hundred, oldest first. */
  attempts: AttemptView[]
  /** Somebody asked to end it, and it has not ended yet. */
  isCanceling: boolean
  /** Of one that was started by hand. */
  inputs: Record<string, unknown>
  problems: Problem[]
  workflowText: string
  jobs: JobView[]
  waitsFor: string | null
  url: string
}

/** What failed first in a run, and where its log says why. */
export interface RunFailure extends RunFault {
  jobId: string
  status: JobStatus
  /** Place of the step. */
  place: number | null
  annotation: AnnotationView | null
  /** A few lines around the place that says most, by their numbers. Long ones are cut. */
  lines: { number: number; text: string }[]
  /** Number of the line that says most. */
  point: number | null
}

export interface StartableWorkflow {
  file: string
  name: string
  inputs: (DispatchInput & { name: string })[]
}

/** What can be started by hand at a branch or tag, and what cannot and why. */
export interface Startable {
  /** Short name. */
  ref: string
  commit: string
  title: string
  workflows: StartableWorkflow[]
  /** Files of that commit that no one can start: they do not list `workflow_dispatch`, or hold errors. */
  others: { file: string; name: string; problem: string | null }[]
}

/** Steps of a run have begun or ended. A hint: what exactly, the run itself says. */
export interface RunNews {
  organizationId: string
  projectId: string
  runId: string
}

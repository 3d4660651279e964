import type { Outcome, Problem } from '@juanie/workflow'
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
export const runEvents = ['push', 'workflow_dispatch'] as const
export type RunEvent = (typeof runEvents)[number]

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
}

/** Rows of a list come newest first; `next` is the cursor of the following page. */
const Page = {
  after: z.optional(z.string().check(z.maxLength(200))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 30),
}

/** A number as people see it, or an id. */
const Reference = z.union([z.int32().check(z.minimum(1)), z.uuid()])

export const ListRuns = z.object({
  ...Page,
  branch: z.optional(z.string().check(z.maxLength(1000))),
  status: z.optional(z.enum(runStatuses)),
  pipelineId: z.optional(z.uuid()),
})
export type ListRuns = z.infer<typeof ListRuns>

/** Without `attempt`, the latest. */
export const ViewRun = z.object({ run: Reference, attempt: z.optional(z.int32().check(z.minimum(1))) })
export type ViewRun = z.infer<typeof ViewRun>
export const RerunRun = z.object({ run: Reference, jobs: z._default(z.enum(['all', 'failed']), 'all') })
export type RerunRun = z.infer<typeof RerunRun>
export const CancelRun = z.object({ run: Reference })

export const DispatchRun = z.object({
  /** File or name of the pipeline; may be left out where only one can be started by hand. */
  workflow: z.optional(z.string().check(z.maxLength(1000))),
  /** Branch or tag; the default branch without one. */
  ref: z.optional(z.string().check(z.maxLength(1000))),
  inputs: z._default(z.record(z.string(), z.string().check(z.maxLength(65_536))), {}),
})
export type DispatchRun = z.infer<typeof DispatchRun>

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
  needs: string[]
  labels: string[]
  repeat: number
  agent: string | null
  outputs: Record<string, string>
  queuedAt: string | null
  startedAt: string | null
  finishedAt: string | null
  steps: StepView[]
}

export interface RunView extends RunSummary {
  problems: Problem[]
  workflowText: string
  jobs: JobView[]
  waitsFor: string | null
  url: string
}

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

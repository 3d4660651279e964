import type { Outcome } from '@juanie/workflow'
import type { JobStatus, RunStatus, StepStatus } from './contract.ts'

/** A rerun is a new attempt on the same stored workflow text, so an ended run may go back to the queue. */
export const runMoves = {
  created: { queue: 'queued', block: 'blocked', refuse: 'invalid', skip: 'skipped', supersede: 'superseded' },
  blocked: { allow: 'queued', cancel: 'canceled', supersede: 'superseded' },
  queued: { start: 'running', block: 'blocked', skip: 'skipped', cancel: 'canceled', supersede: 'superseded' },
  running: { succeed: 'succeeded', fail: 'failed', cancel: 'canceled', time_out: 'timed_out' },
  succeeded: { rerun: 'queued' },
  failed: { rerun: 'queued' },
  canceled: { rerun: 'queued' },
  timed_out: { rerun: 'queued' },
  skipped: { rerun: 'queued' },
  superseded: {},
  invalid: {},
} as const satisfies Record<RunStatus, Record<string, RunStatus>>

/**
 * `requeue`: its agent lives but never got the lease's frame. A job fails before it runs when its expressions cannot
 * be evaluated, its secrets cannot be opened, or no agent takes it within a day. A job that calls a workflow is never queued: it ends with the jobs it
 * called.
 */
export const jobMoves = {
  pending: { queue: 'queued', skip: 'skipped', cancel: 'canceled', fail: 'failed', succeed: 'succeeded' },
  queued: { lease: 'leased', cancel: 'canceled', fail: 'failed' },
  leased: { start: 'running', requeue: 'queued', lose: 'lost', cancel: 'canceled', fail: 'failed' },
  running: { succeed: 'succeeded', fail: 'failed', cancel: 'canceled', time_out: 'timed_out', lose: 'lost' },
  succeeded: {},
  failed: {},
  canceled: {},
  timed_out: {},
  lost: {},
  skipped: {},
} as const satisfies Record<JobStatus, Record<string, JobStatus>>

export const stepMoves = {
  pending: { start: 'running', skip: 'skipped', cancel: 'canceled' },
  running: { succeed: 'succeeded', fail: 'failed', cancel: 'canceled', skip: 'skipped' },
  succeeded: {},
  failed: {},
  canceled: {},
  skipped: {},
} as const satisfies Record<StepStatus, Record<string, StepStatus>>

type Moves = Record<string, Record<string, string>>
type MoveOf<M extends Moves> = { [S in keyof M]: keyof M[S] & string }[keyof M]
export type RunMove = MoveOf<typeof runMoves>
export type JobMove = MoveOf<typeof jobMoves>
export type StepMove = MoveOf<typeof stepMoves>

/** Where a move leads from here; null when the table does not allow it. */
const next =
  <S extends string, V extends string>(moves: Record<S, Record<string, S>>) =>
  (from: S, move: V): S | null =>
    (Object.hasOwn(moves[from], move) && moves[from][move]) || null

export const nextRunStatus = next<RunStatus, RunMove>(runMoves)
export const nextJobStatus = next<JobStatus, JobMove>(jobMoves)
export const nextStepStatus = next<StepStatus, StepMove>(stepMoves)

const openRunStatuses = ['created', 'blocked', 'queued', 'running'] as const
const openJobStatuses = ['pending', 'queued', 'leased', 'running'] as const
/** An agent works on it, or is about to. */
export const heldJobStatuses = ['leased', 'running'] as const

/** Statuses that people look for together; each is in one of them. */
export const runGroups = {
  open: openRunStatuses,
  succeeded: ['succeeded'],
  failed: ['failed', 'timed_out', 'invalid'],
  canceled: ['canceled', 'skipped', 'superseded'],
} as const satisfies Record<string, readonly RunStatus[]>
export type RunGroup = keyof typeof runGroups

export const isRunOver = (status: RunStatus): boolean => !(openRunStatuses as readonly string[]).includes(status)
export const isJobOver = (status: JobStatus): boolean => !(openJobStatuses as readonly string[]).includes(status)
export const isJobHeld = (status: JobStatus): boolean => (heldJobStatuses as readonly string[]).includes(status)

/** How an ended job reads in `needs` and to status functions; null while it is not over. */
export function outcomeOf(status: JobStatus): Outcome | null {
  if (!isJobOver(status)) return null
  if (status === 'succeeded') return 'success'
  if (status === 'skipped') return 'skipped'
  return status === 'canceled' ? 'cancelled' : 'failure'
}

/** The move by which a job ends that an agent tells of. */
export const jobMoveOf = {
  succeeded: 'succeed',
  failed: 'fail',
  canceled: 'cancel',
  timed_out: 'time_out',
} as const satisfies Partial<Record<JobStatus, JobMove>>

/** The move by which a step ends with this conclusion. */
export const stepMoveOf: Record<Outcome, StepMove> = {
  success: 'succeed',
  failure: 'fail',
  cancelled: 'cancel',
  skipped: 'skip',
}

const namesOf = (moves: Moves): string[] => [...new Set(Object.values(moves).flatMap((each) => Object.keys(each)))]

/** Crash points of every move: right before its write, and right after its commit. */
export const movePoints: string[] = (
  [
    ['run', runMoves],
    ['job', jobMoves],
    ['step', stepMoves],
  ] as const
).flatMap(([thing, moves]) => namesOf(moves).flatMap((move) => [`${thing}.before.${move}`, `${thing}.after.${move}`]))

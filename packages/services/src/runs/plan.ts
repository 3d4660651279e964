import {
  ancestorsOf,
  type Contexts,
  ExpressionError,
  evaluateCondition,
  evaluateTemplate,
  evaluateValue,
  expandJob,
  type InstanceResult,
  type Job,
  type JobInstance,
  jobResultOf,
  needsContext,
  runsOnLabels,
  strategyContext,
  type Workflow,
} from '@juanie/workflow'
import type { CancelReason, JobStatus } from './contract.ts'
import { isJobHeld, isJobOver, type JobMove, nextJobStatus, outcomeOf, type RunMove } from './status.ts'

const defaultTimeoutMs = 360 * 60_000
/** The longest time that fits the column and a timer: 24 days. */
const maxTimeoutMs = 2_000_000_000

/** A job of the latest attempt, as its row says, and what this round of planning decided about it. */
export interface PlannedJob {
  id: string
  key: string
  /** Null until its needs are over and its matrix is known. */
  place: number | null
  repeat: number
  name: string
  instance: JobInstance | null
  needs: string[]
  labels: string[]
  status: JobStatus
  reason: string | null
  outputs: Record<string, string>
  continueOnError: boolean
  environment: string | null
  timeoutMs: number
  isUnrepeatable: boolean
  cancelReason: CancelReason | null
  /** The job of an earlier attempt whose success this one takes over. */
  carriedFrom: string | null
  isStored: boolean
  /** Moves of this round, in order. */
  moves: JobMove[]
  /** Set when this round wants its agent to end it. */
  stop: CancelReason | null
}

export interface PlanInput {
  workflow: Workflow
  jobs: PlannedJob[]
  isCanceled: boolean
  /** `github`, `vars` and `inputs`. */
  contexts: Contexts
  newId: () => string
}

export interface PlanResult {
  jobs: PlannedJob[]
  /** How the run ends, when nothing is left to do; null while it goes on. */
  end: { move: RunMove; reason: string | null } | null
}

/** The jobs that a new attempt begins with: one for each of the file, before any is expanded. */
export const freshJobs = (workflow: Workflow, newId: () => string): PlannedJob[] =>
  workflow.jobs.map((job) => ({
    id: newId(),
    key: job.id,
    place: null,
    repeat: 1,
    name: job.name ?? job.id,
    instance: null,
    needs: job.needs,
    labels: [],
    status: 'pending',
    reason: null,
    outputs: {},
    continueOnError: false,
    environment: null,
    timeoutMs: defaultTimeoutMs,
    isUnrepeatable: false,
    cancelReason: null,
    carriedFrom: null,
    isStored: false,
    moves: [],
    stop: null,
  }))

/**
 * Decides everything that can be decided now: expands and queues the jobs whose needs are over, skips those whose
 * `if` does not hold, ends the rest of a matrix that failed fast, and says how the run ended. Calling it again
 * without news changes nothing.
 */
export function plan(input: PlanInput): PlanResult {
  const jobs = [...input.jobs]
  for (let isChanged = true; isChanged; ) {
    isChanged = false
    for (const job of input.workflow.jobs) {
      const waiting = jobs.find((each) => each.key === job.id && each.status === 'pending' && each.instance === null)
      if (!waiting || !job.needs.every((key) => isOver(jobs, key))) continue
      jobs.push(...open(waiting, job, jobs, input))
      isChanged = true
    }
  }
  for (const { id } of input.workflow.jobs) {
    failFast(latest(jobs, id))
    fillSlots(latest(jobs, id))
  }
  return { jobs, end: endOf(jobs, input.isCanceled) }
}

/** Of a job that was lost and is repeated, the repeat counts. */
export function latest(jobs: PlannedJob[], key?: string): PlannedJob[] {
  const newest = new Map<string, PlannedJob>()
  for (const job of jobs) {
    if (key !== undefined && job.key !== key) continue
    const place = `${job.key} ${job.place ?? 0}`
    const known = newest.get(place)
    if (!known || known.repeat < job.repeat) newest.set(place, job)
  }
  return [...newest.values()]
}

export function move(job: PlannedJob, by: JobMove, reason: string | null = null): void {
  const status = nextJobStatus(job.status, by)
  if (status === null) throw new Error(`a job that is ${job.status} cannot ${by}`)
  job.status = status
  job.reason = reason
  job.moves.push(by)
}

const isOver = (jobs: PlannedJob[], key: string): boolean => latest(jobs, key).every((each) => isJobOver(each.status))

const resultsOf = (jobs: PlannedJob[], key: string): InstanceResult[] =>
  latest(jobs, key)
    .sort((a, b) => (a.place ?? 0) - (b.place ?? 0))
    .map((each) => ({
      outcome: outcomeOf(each.status) ?? 'skipped',
      outputs: each.outputs,
      continueOnError: each.continueOnError,
    }))

/** The `needs` context of a job, from the jobs of its attempt. */
export function needsOf(job: { needs: string[] }, jobs: PlannedJob[]): NonNullable<Contexts['needs']> {
  return needsContext(job.needs, Object.fromEntries(job.needs.map((key) => [key, resultsOf(jobs, key)])))
}

/** Its needs are over: skip it, or make it one job or several. Returns those beyond the first. */
function open(waiting: PlannedJob, job: Job, jobs: PlannedJob[], input: PlanInput): PlannedJob[] {
  const contexts: Contexts = { ...input.contexts, needs: needsOf(job, jobs) }
  try {
    const ancestors = ancestorsOf(input.workflow, job.id)
    const needsStatus = Object.fromEntries(ancestors.map((key) => [key, jobResultOf(resultsOf(jobs, key)).result]))
    const status = { job: input.isCanceled ? ('cancelled' as const) : ('success' as const) }
    if (!evaluateCondition(job.if, contexts, { status, needsStatus })) {
      // A condition that is false only because of the cancellation must not read as if the author had said so.
      move(waiting, input.isCanceled ? 'cancel' : 'skip', input.isCanceled ? 'run.canceled' : null)
      return []
    }
    const opened = expandJob(job, contexts).map((instance, place) => ({
      ...(place === 0 ? waiting : { ...waiting, id: input.newId(), isStored: false, moves: [] }),
      ...settle(instance, place, contexts),
    }))
    Object.assign(waiting, opened[0])
    return opened.slice(1)
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    move(waiting, 'fail', error.message)
    return []
  }
}

function settle(instance: JobInstance, place: number, contexts: Contexts): Partial<PlannedJob> {
  const { job } = instance
  const own = { ...contexts, matrix: instance.matrix, strategy: strategyContext(instance.strategy) }
  const environment = job.environment ? evaluateTemplate(job.environment.name, own).trim() : ''
  return {
    place,
    instance,
    name: instance.name,
    labels: runsOnLabels(instance, contexts).map((label) => label.toLowerCase()),
    continueOnError: isTrue(evaluateValue(job.continueOnError, own)),
    timeoutMs: timeoutOf(job, own),
    environment: environment === '' ? null : environment,
    isUnrepeatable: environment !== '',
  }
}

const isTrue = (value: unknown): boolean => value === true || value === 'true'

function timeoutOf(job: Job, contexts: Contexts): number {
  if (job.timeoutMinutes === undefined) return defaultTimeoutMs
  const minutes = Number(evaluateValue(job.timeoutMinutes, contexts))
  if (!Number.isFinite(minutes) || minutes <= 0) {
    throw new ExpressionError(`'timeout-minutes' of job '${job.id}' must be a number above 0.`)
  }
  return Math.min(maxTimeoutMs, Math.max(1, Math.round(minutes * 60_000)))
}

/** One failure ends the rest of its matrix, unless the file says otherwise. */
function failFast(jobs: PlannedJob[]): void {
  const failed = jobs.some(
    (each) =>
      outcomeOf(each.status) === 'failure' && !each.continueOnError && each.instance?.strategy.failFast === true,
  )
  if (!failed || jobs.length < 2) return
  for (const job of jobs) {
    if (job.instance === null || isJobOver(job.status)) continue
    if (!isJobHeld(job.status)) move(job, 'cancel', 'job.fail_fast')
    else if (job.cancelReason === null) job.stop = job.cancelReason = 'fail-fast'
  }
}

/** As many of a matrix at once as `max-parallel` says; without one, all. */
function fillSlots(jobs: PlannedJob[]): void {
  const [first] = jobs
  if (!first?.instance) return
  let free = first.instance.strategy.maxParallel - jobs.filter((each) => isUnderWay(each.status)).length
  for (const job of jobs.toSorted((a, b) => a.place! - b.place!)) {
    if (job.status !== 'pending') continue
    if (free-- > 0) move(job, 'queue')
    else job.reason = 'job.max_parallel'
  }
}

const isUnderWay = (status: JobStatus): boolean => status === 'queued' || isJobHeld(status)

function endOf(all: PlannedJob[], isCanceled: boolean): PlanResult['end'] {
  const jobs = latest(all)
  if (!jobs.every((each) => isJobOver(each.status))) return null
  const failures = jobs.filter((each) => outcomeOf(each.status) === 'failure' && !each.continueOnError)
  const canceled = jobs.some((each) => each.status === 'canceled')
  if (isCanceled && (canceled || failures.length > 0)) return { move: 'cancel', reason: 'run.canceled' }
  if (failures.some((each) => each.status === 'lost')) return { move: 'fail', reason: 'job.lost' }
  if (failures.some((each) => each.status === 'failed')) return { move: 'fail', reason: 'job.failed' }
  if (failures.length > 0) return { move: 'time_out', reason: 'job.timed_out' }
  if (canceled) return { move: 'cancel', reason: 'job.canceled' }
  if (jobs.every((each) => each.status === 'skipped')) return { move: 'skip', reason: 'run.all_skipped' }
  return { move: 'succeed', reason: null }
}

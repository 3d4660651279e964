import {
  ancestorsOf,
  boundPermissions,
  type Contexts,
  ExpressionError,
  evaluateCondition,
  evaluateMapping,
  evaluateTemplate,
  evaluateValue,
  expandJob,
  type InstanceResult,
  type Job,
  type JobInstance,
  jobResultOf,
  runsOnLabels,
  strategyContext,
  type Workflow,
} from '@juanie/workflow'
import { calledUnknown, calling } from './call-reasons.ts'
import { type Called, calledBy, callInputs, type Frame, frameOf, framesOf, idOf, isBegunCall, pathOf } from './calls.ts'
import { groupOf } from './concurrency-group.ts'
import type { PlanInput, PlannedJob, WantedWorkflow } from './plan-input.ts'
import { isJobHeld, isJobOver, type JobMove, nextJobStatus, outcomeOf, type RunMove } from './status.ts'

const defaultTimeoutMs = 360 * 60_000
/** The longest time that fits the column and a timer: 24 days. */
const maxTimeoutMs = 2_000_000_000

export type { PlannedJob } from './plan-input.ts'

export interface PlanResult {
  jobs: PlannedJob[]
  /** Called workflows that must be fetched before planning can go on. */
  wanted: WantedWorkflow[]
  /** How the run ends, when nothing is left to do; null while it goes on. */
  end: { move: RunMove; reason: string | null } | null
}

/** The jobs that a new attempt begins with: one for each of the file, before any is expanded. */
export const freshJobs = (workflow: Workflow, newId: () => string): PlannedJob[] =>
  jobsOf({ workflow, prefix: '', name: '' }, newId)

/** The jobs of a frame, before any is expanded. */
const jobsOf = (frame: Pick<Frame, 'workflow' | 'prefix' | 'name'>, newId: () => string): PlannedJob[] =>
  frame.workflow.jobs.map((job) => ({
    id: newId(),
    key: frame.prefix + job.id,
    place: null,
    repeat: 1,
    name: frame.name + (job.name ?? job.id),
    instance: null,
    needs: job.needs.map((id) => frame.prefix + id),
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
    concurrency: null,
    claim: null,
    isStored: false,
    isChanged: false,
    moves: [],
    stop: null,
  }))

/**
 * Decides everything that can be decided now: expands and queues the jobs whose needs are over, begins called workflows
 * and ends those whose jobs are over, skips those whose `if` does not hold, ends the rest of a matrix that failed fast,
 * and says how the run ended. Calling it again without news changes nothing.
 */
export function plan(input: PlanInput): PlanResult {
  const jobs = [...input.jobs]
  const wanted = new Map<string, WantedWorkflow>()
  for (let isChanged = true; isChanged; ) {
    isChanged = false
    const index = new JobIndex(jobs)
    for (const frame of framesOf(input, jobs)) {
      for (const job of frame.workflow.jobs) {
        const waiting = index.unopened(frame.prefix + job.id)
        if (!waiting?.needs.every((key) => index.isOver(key))) continue
        const called = job.call ? calledBy(job.call, frame, input) : null
        if (called?.kind === 'wanted') {
          wanted.set(called.wanted.key, called.wanted)
          waiting.isChanged ||= waiting.reason !== calledUnknown
          waiting.reason = calledUnknown
          if (!input.isCanceled) continue
        }
        jobs.push(...open({ waiting, job, frame, called }, index, input))
        index.renew(jobs)
        isChanged = true
      }
      for (const job of frame.workflow.jobs) {
        const places = index.latest(frame.prefix + job.id)
        failFast(places, jobs)
        for (const each of places) if (each.claim === 'ousted') stop(each, jobs, 'job.superseded')
        for (const caller of fillSlots(places)) {
          const begun = frameOf(caller, frame, input)
          if (begun) jobs.push(...jobsOf(begun, input.newId))
          isChanged = true
        }
      }
      index.renew(jobs)
    }
    for (const frame of framesOf(input, jobs).toReversed()) {
      if (frame.caller && close(frame, index)) isChanged = true
    }
  }
  return { jobs, wanted: [...wanted.values()], end: endOf(jobs, input.isCanceled) }
}

/** Jobs by key, renewed when some were added. */
class JobIndex {
  #byKey = new Map<string, PlannedJob[]>()
  #count = -1

  constructor(jobs: PlannedJob[]) {
    this.renew(jobs)
  }

  renew(jobs: PlannedJob[]): void {
    if (jobs.length === this.#count) return
    this.#count = jobs.length
    this.#byKey = new Map()
    for (const job of jobs) {
      const known = this.#byKey.get(job.key)
      if (known) known.push(job)
      else this.#byKey.set(job.key, [job])
    }
  }

  latest(key: string): PlannedJob[] {
    return latest(this.#byKey.get(key) ?? [])
  }

  unopened(key: string): PlannedJob | undefined {
    return this.#byKey.get(key)?.find((each) => each.status === 'pending' && each.instance === null)
  }

  isOver(key: string): boolean {
    return (this.#byKey.get(key) ?? []).length > 0 && this.latest(key).every((each) => isJobOver(each.status))
  }

  result(key: string): ReturnType<typeof jobResultOf> {
    return jobResultOf(resultsOf(this.latest(key)))
  }
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

const resultsOf = (places: PlannedJob[]): InstanceResult[] =>
  places
    .toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0))
    .map((each) => ({
      outcome: outcomeOf(each.status) ?? 'skipped',
      outputs: each.outputs,
      continueOnError: each.continueOnError,
    }))

/** The `needs` context of a job, from the jobs of its attempt. */
export function needsOf(job: { needs: string[] }, jobs: PlannedJob[]): NonNullable<Contexts['needs']> {
  return Object.fromEntries(job.needs.map((key) => [idOf(key), jobResultOf(resultsOf(latest(jobs, key)))]))
}

interface Opening {
  waiting: PlannedJob
  job: Job
  frame: Frame
  called: Called | null
}

/** Its needs are over: skip it, or make it one job or several. Returns those beyond the first. */
function open({ waiting, job, frame, called }: Opening, index: JobIndex, input: PlanInput): PlannedJob[] {
  const needs = Object.fromEntries(waiting.needs.map((key) => [idOf(key), index.result(key)]))
  const contexts: Contexts = { ...frame.contexts, needs }
  try {
    const ancestors = ancestorsOf(frame.workflow, job.id)
    const needsStatus = Object.fromEntries(ancestors.map((id) => [id, index.result(frame.prefix + id).result]))
    const status = { job: input.isCanceled ? ('cancelled' as const) : ('success' as const) }
    if (!evaluateCondition(job.if, contexts, { status, needsStatus })) {
      // A condition that is false only because of the cancellation must not read as if the author had said so.
      move(waiting, input.isCanceled ? 'cancel' : 'skip', input.isCanceled ? 'run.canceled' : null)
      return []
    }
    if (called?.kind === 'wanted') {
      move(waiting, 'cancel', 'run.canceled')
      return []
    }
    if (called?.kind === 'fault') throw new ExpressionError(called.message)
    const opened = expandJob(bounded(job, frame), contexts).map((instance, place) => ({
      ...(place === 0 ? waiting : { ...waiting, id: input.newId(), isStored: false, moves: [] }),
      ...settle(instance, place, { contexts, frame, called }),
    }))
    Object.assign(waiting, opened[0])
    for (const each of [waiting, ...opened.slice(1)]) {
      const reason = input.leftOut?.(each) ?? null
      if (reason === null) refuseBlocked(each, contexts, frame)
      else move(each, 'skip', reason)
    }
    return opened.slice(1)
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    move(waiting, 'fail', error.message)
    return []
  }
}

/** A called job may do no more than the job that calls. */
function bounded(job: Job, { caller }: Frame): Job {
  if (!caller?.instance) return job
  const permissions = boundPermissions(job.permissions, caller.instance.job.permissions)
  return permissions ? { ...job, permissions } : job
}

/** What needs an executor that is not there ends before it begins, and says where it asks for it. */
function refuseBlocked(job: PlannedJob, contexts: Contexts, frame: Frame): void {
  const { instance } = job
  const own = { ...contexts, matrix: instance!.matrix, strategy: strategyContext(instance!.strategy) }
  const blocker = instance!.job.blockers?.find(
    ({ unlessEmpty }) => unlessEmpty === undefined || evaluateTemplate(unlessEmpty, own).trim() !== '',
  )
  if (!blocker) return
  const { line, column } = blocker.position
  move(job, 'fail', `${frame.file}:${line}:${column}: ${blocker.message}`)
}

function settle(
  instance: JobInstance,
  place: number,
  { contexts, frame, called }: { contexts: Contexts; frame: Frame; called: Called | null },
): Partial<PlannedJob> {
  const { job } = instance
  const own = { ...contexts, matrix: instance.matrix, strategy: strategyContext(instance.strategy) }
  const environment = job.environment ? evaluateTemplate(job.environment.name, own).trim() : ''
  const calls =
    called?.kind === 'known' ? { workflow: called.key, inputs: callInputs(job.call!, called, { own, frame }) } : null
  const concurrency = job.concurrency ?? (called?.kind === 'known' ? called.workflow.concurrency : undefined)
  const inCall = calls && !job.concurrency ? { ...own, inputs: calls.inputs } : own
  return {
    place,
    instance: {
      ...instance,
      ...(frame.called && { called: frame.called }),
      ...(calls && { calls }),
    },
    name: frame.name + instance.name,
    labels: calls ? [] : runsOnLabels(instance, contexts).map((label) => label.toLowerCase()),
    continueOnError: isTrue(evaluateValue(job.continueOnError, own)),
    timeoutMs: timeoutOf(job, own),
    environment: environment === '' ? null : environment,
    isUnrepeatable: environment !== '',
    concurrency: concurrency ? groupOf(concurrency, inCall) : null,
    reason: null,
    isChanged: true,
  }
}

/** Ends a caller with the jobs it called. */
function close({ caller, workflow, prefix, contexts }: Frame, index: JobIndex): boolean {
  if (!caller || isJobOver(caller.status) || !workflow.jobs.every(({ id }) => index.isOver(prefix + id))) return false
  const jobs = Object.fromEntries(workflow.jobs.map(({ id }) => [id, index.result(prefix + id)]))
  const { result } = jobResultOf(Object.values(jobs).map((each) => ({ outcome: each.result })))
  try {
    const outputs = evaluateMapping(workflow.on.workflowCall?.outputs ?? {}, { ...contexts, jobs })
    caller.outputs = outputs
    if (result === 'success') move(caller, 'succeed')
    else if (result === 'skipped') move(caller, 'skip')
    else if (result === 'cancelled') move(caller, 'cancel', 'job.canceled')
    else move(caller, 'fail', 'job.called_failed')
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    move(caller, 'fail', error.message)
  }
  return true
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
function failFast(places: PlannedJob[], all: PlannedJob[]): void {
  const failed = places.some(
    (each) =>
      outcomeOf(each.status) === 'failure' && !each.continueOnError && each.instance?.strategy.failFast === true,
  )
  if (!failed || places.length < 2) return
  for (const job of places) if (job.instance !== null) stop(job, all, 'job.fail_fast')
}

/** Ends a job and all that it called; those at work are told to. */
function stop(job: PlannedJob, all: PlannedJob[], reason: 'job.fail_fast' | 'job.superseded'): void {
  if (isJobOver(job.status)) return
  if (isBegunCall(job)) {
    // The caller itself ends with the last of them.
    for (const each of all) if (each.key.startsWith(`${pathOf(job)}/`) && !isBegunCall(each)) stop(each, all, reason)
  } else if (!isJobHeld(job.status)) move(job, 'cancel', reason)
  else if (job.cancelReason === null)
    job.stop = job.cancelReason = reason === 'job.fail_fast' ? 'fail-fast' : 'canceled'
}

/** As many of a matrix at once as `max-parallel` says; without one, all. Answers the callers that begin now. */
function fillSlots(places: PlannedJob[]): PlannedJob[] {
  const [first] = places
  if (!first?.instance) return []
  const begun: PlannedJob[] = []
  let free = first.instance.strategy.maxParallel - places.filter((each) => isUnderWay(each)).length
  for (const job of places.toSorted((a, b) => a.place! - b.place!)) {
    if (job.status !== 'pending' || isBegunCall(job)) continue
    if (job.claim === 'superseded') move(job, 'cancel', 'job.superseded')
    else if (free <= 0) job.reason = 'job.max_parallel'
    else if (job.concurrency && job.claim !== 'holding') {
      // It keeps its slot: what waits for a group is next in the matrix.
      free--
      job.reason = 'job.concurrency'
    } else {
      free--
      if (!job.instance?.calls) move(job, 'queue')
      else {
        job.reason = calling
        job.isChanged = true
        begun.push(job)
      }
    }
  }
  return begun
}

const isUnderWay = (job: PlannedJob): boolean => job.status === 'queued' || isJobHeld(job.status) || isBegunCall(job)

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

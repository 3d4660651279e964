import { join } from 'node:path'
import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { addedSteps } from '@juanie/services/hosts/contract'
import {
  type Contexts,
  evaluateCondition,
  evaluateMapping,
  evaluateTemplate,
  evaluateValue,
  type Step,
} from '@juanie/workflow'
import { makePipe } from './folders.ts'
import type { JobRunParts, StepEnd } from './job-parts.ts'
import { JobState } from './job-state.ts'
import { LoadedActions } from './loaded-actions.ts'
import { StepLog } from './log-writer.ts'
import type { StepFiles } from './step-files.ts'
import { OutputPipe } from './step-output.ts'
import {
  concluded,
  type Hearing,
  labelOf,
  mayFail,
  nameOf,
  type StepIo,
  type StepResult,
  StepRunner,
} from './step-runner.ts'
import type { StepScope } from './step-scope.ts'
import { writeUserFile } from './user-file.ts'
import { watchSize } from './workspace-limit.ts'

/** Steps that say `always()` still run after a cancel, but no longer than this altogether. */
const afterCancelMs = 5 * 60_000
const maxTimeoutMs = 2 ** 31 - 1
/** Scripts before and after that a job may have. */
const maxPre = 1_000
const maxPost = 1_000

export type CancelReason = 'canceled' | 'lost' | 'fail-fast'

/** One leased job from its first step to its last word. */
export class JobRun {
  readonly #parts: JobRunParts
  readonly #state: JobState
  readonly #actions: LoadedActions
  readonly #runner: StepRunner
  #cancel: { reason: CancelReason; isTimeout: boolean } | null = null
  /** Of what runs now. */
  readonly #aborts = new Set<AbortController>()
  /** Steps in the background, by their places. */
  readonly #beside = new Map<number, { abort: AbortController; done: Promise<void> }>()
  readonly #files: { last: StepFiles | null } = { last: null }
  #afterCancel: NodeJS.Timeout | null = null
  #isStopped = false

  constructor(parts: JobRunParts) {
    this.#parts = parts
    this.#state = new JobState(parts)
    this.#actions = new LoadedActions(parts)
    this.#runner = new StepRunner(this.#state, this.#actions)
  }

  /** Ends the running steps; steps that want to run after a cancel still do, except when the lease is lost. */
  cancel(reason: CancelReason, isTimeout = false): void {
    if (this.#cancel && reason !== 'lost') return
    this.#cancel = { reason, isTimeout }
    this.#state.status = 'cancelled'
    for (const abort of this.#aborts) abort.abort(isTimeout ? 'timeout' : reason)
    if (reason === 'lost') this.#stop()
    else if (!this.#afterCancel) {
      this.#afterCancel = setTimeout(() => this.#stop(), afterCancelMs)
      this.#afterCancel.unref()
    }
  }

  /** A text as it may leave the job. */
  mask(text: string): string {
    return this.#state.masker.mask(text)
  }

  /** No further step begins, whatever its condition says. */
  #stop(): void {
    this.#isStopped = true
    for (const abort of this.#aborts) abort.abort('canceled')
  }

  async run(): Promise<void> {
    const { job, fence, upstream, folders, programs } = this.#parts
    upstream.report({ kind: 'job.started', jobId: job.jobId, fence, at: now() })
    const timeout = setTimeout(() => this.cancel('canceled', true), Math.min(job.limits.timeoutMs, maxTimeoutMs))
    let pipe: OutputPipe | null = null
    try {
      await this.#parts.makeFolders()
      programs.prepare()
      this.#writeEvent()
      pipe = OutputPipe.open(folders.output)
      await this.#setUp(pipe)
      for (const [place, step] of job.instance.job.steps.entries()) {
        if (this.#isStopped) break
        if (step.background) this.#startBeside(step, place)
        else await this.#runStep(step, place, { pipe, files: this.#files })
      }
      await Promise.all([...this.#beside.values()].map(({ done }) => done))
      await this.#runPosts(pipe)
    } catch (error) {
      // Preparing failed, e.g. the disk is full: the job says so instead of dying with its agent.
      if (!(error instanceof SetUpError)) this.#state.fail(`The job could not be prepared: ${reasonOf(error)}`)
    } finally {
      clearTimeout(timeout)
      if (this.#afterCancel) clearTimeout(this.#afterCancel)
      pipe?.close()
      // What a step left in the background ends with its job, before the job's end is told.
      await programs.endAll()
      await Promise.all([...this.#beside.values()].map(({ done }) => done))
    }
    if (this.#cancel?.reason !== 'lost') this.#end()
  }

  #end(): void {
    const { job, fence, upstream } = this.#parts
    let outputs: Record<string, string> = {}
    try {
      outputs = this.#outputs()
    } catch (error) {
      this.#state.fail(`The outputs of the job cannot be evaluated: ${messageOf(error)}`)
    }
    const isOver = this.#cancel !== null
    const result = isOver
      ? this.#cancel?.isTimeout
        ? 'timed_out'
        : 'canceled'
      : this.#state.status === 'failure'
        ? 'failed'
        : 'succeeded'
    const reason = this.#cancel?.isTimeout
      ? `The job took longer than its limit of ${Math.round(job.limits.timeoutMs / 1000)} s.`
      : isOver
        ? null
        : this.#state.firstFailure
    upstream.report({
      kind: 'job.ended',
      jobId: job.jobId,
      fence,
      at: now(),
      result,
      reason: clip(reason),
      outputs,
      environmentUrl: this.#environmentUrl(),
    })
  }

  /** An address that cannot be evaluated, or that would show a secret, is left out. */
  #environmentUrl(): string | null {
    const written = this.#parts.job.instance.job.environment?.url
    if (written === undefined) return null
    try {
      const state = this.#state
      const url = evaluateTemplate(written, state.contexts(state.environment({})), state.options()).trim()
      return url !== '' && url.length <= 2_048 && state.masker.mask(url) === url ? url : null
    } catch {
      return null
    }
  }

  /** Gets the actions of other repositories before anything runs, and runs what they want to run first. */
  async #setUp(pipe: OutputPipe): Promise<void> {
    const { steps } = this.#parts.job.instance.job
    if (!steps.some((step) => step.kind === 'uses' && !step.uses.startsWith('./'))) return
    const { top } = this.#state
    let before: Awaited<ReturnType<StepRunner['prepared']>> = []
    const setUp = { name: 'Set up job', key: 'set-up', scope: top, condition: 'always()' }
    const { conclusion } = await this.#runAs(addedSteps.setUp, setUp, { pipe, files: null }, async (io) => {
      const say = (line: string) => io.log.say(line)
      say(`Runner: ${this.#parts.job.contexts.github.repository ?? ''} on ${process.platform}-${process.arch}`)
      await this.#actions.prepare(steps, { tree: null, depth: 0 }, { say, signal: io.signal })
      before = await this.#runner.prepared(steps, { scope: top, key: '' }, io)
      return success
    })
    if (conclusion !== 'success' && !this.#cancel) throw new SetUpError()
    for (const [index, { instance, step, key }] of before.slice(0, maxPre).entries()) {
      if (this.#isStopped) return
      const { runs } = instance.loaded.action
      if (runs.using !== 'node') continue
      const phase = { name: `Pre ${instance.label}`, key: `${key}-pre`, scope: instance.scope, condition: runs.preIf }
      await this.#runAs(addedSteps.pre + index, phase, { pipe, files: this.#files }, async (io, contexts) => {
        this.#runner.setInputs(instance, step, contexts)
        if (runs.post && !this.#runner.posts.includes(instance)) this.#runner.posts.push(instance)
        return this.#runner.runPhase(instance, runs.pre!, { key: phase.key, contexts }, io)
      })
    }
  }

  /** What the actions left to be done, the last one first. */
  async #runPosts(pipe: OutputPipe): Promise<void> {
    const first = this.#parts.job.instance.job.steps.length
    for (const [index, instance] of this.#runner.posts.toReversed().entries()) {
      if (this.#isStopped || index >= maxPost) return
      const { runs } = instance.loaded.action
      if (runs.using !== 'node' || !runs.post) continue
      const key = `${index}-post`
      const phase = { name: `Post ${instance.label}`, key, scope: instance.scope, condition: runs.postIf }
      await this.#runAs(first + index, phase, { pipe, files: this.#files }, (io, contexts) =>
        this.#runner.runPhase(instance, runs.post!, { key, contexts }, io),
      )
    }
  }

  #startBeside(step: Step, place: number): void {
    const abort = new AbortController()
    const work = async () => {
      const { folders, programs } = this.#parts
      const path = join(folders.handover, `output-${place}`)
      let pipe: OutputPipe | null = null
      try {
        await makePipe(path, programs.user)
        pipe = OutputPipe.open(path)
        await this.#runStep(step, place, { pipe, files: null, abort })
      } catch (error) {
        this.#state.fail(`${labelOf(step)}: ${reasonOf(error)}`)
      } finally {
        pipe?.close()
      }
    }
    this.#beside.set(place, { abort, done: work() })
  }

  /** `wait` and `cancel`: they have no condition, and nothing of their own that could fail. */
  async #wait(step: Extract<Step, { kind: 'wait' | 'cancel' }>): Promise<StepEnd> {
    if (step.kind === 'cancel') this.#beside.get(step.place)?.abort.abort('step-cancel')
    const places = step.kind === 'cancel' ? [step.place] : step.places
    await Promise.all(places.map((place) => this.#beside.get(place)?.done))
    return success
  }

  async #runStep(
    step: Step,
    place: number,
    out: { pipe: OutputPipe; files: { last: StepFiles | null } | null; abort?: AbortController },
  ): Promise<void> {
    const { top } = this.#state
    const isWait = step.kind === 'wait' || step.kind === 'cancel'
    const as = { name: null, key: String(place), scope: top, condition: isWait ? 'always()' : step.if, step }
    const { end, conclusion, outputs } = await this.#runAs(place, as, out, (io, contexts, env) =>
      isWait ? this.#wait(step) : this.#runner.perform(step, { scope: top, contexts, env, key: String(place) }, io),
    )
    if (step.id) top.steps[step.id] = { outputs, outcome: end.outcome, conclusion }
  }

  /** Runs one thing that people see as a step: with its log, its limits, and the report of its end. */
  async #runAs(
    place: number,
    what: { name: string | null; key: string; scope: StepScope; condition: string; step?: Step },
    out: { pipe: OutputPipe; files: { last: StepFiles | null } | null; abort?: AbortController },
    work: (io: StepIo, contexts: Contexts, env: Record<string, string>) => Promise<StepEnd>,
  ): Promise<StepResult> {
    const state = this.#state
    const { job, fence, upstream } = this.#parts
    const { scope, step } = what
    const id = { jobId: job.jobId, fence, step: place }
    const abort = out.abort ?? new AbortController()
    const io: StepIo = {
      place,
      log: this.#logOf(id, () => io.hearing),
      pipe: out.pipe,
      signal: abort.signal,
      hearing: { outputs: {}, state: {}, refusal: null },
      summary: '',
      files: out.files,
    }
    let end: StepEnd
    let begun = false
    let isTolerated = false
    try {
      const options = state.options(scope)
      const jobContexts = state.contexts(state.environment({}, scope), scope)
      const env = evaluateMapping(step?.env ?? {}, jobContexts, options)
      const contexts = step ? state.contexts(state.environment(env, scope), scope) : jobContexts
      // Steps beside others began before a failure that another of them came to.
      if (!evaluateCondition(what.condition, contexts, options)) {
        end = { outcome: 'skipped', exitCode: null, reason: null }
      } else {
        begun = true
        const name = what.name ?? nameOf(step!, contexts, options)
        upstream.report({ kind: 'step.started', ...id, at: now(), name: state.masker.mask(name).slice(0, 1000) })
        crashPoint('agent.step.begun')
        isTolerated = step !== undefined && mayFail(step, contexts, options)
        end = await this.#bounded({ step, contexts, abort, io }, () => work(io, contexts, env))
      }
    } catch (error) {
      end = { outcome: 'failure', exitCode: null, reason: reasonOf(error) }
    }
    io.log.end()
    const result = concluded(end, io.hearing, isTolerated)
    const { conclusion } = result
    end = result.end
    if (end.outcome === 'failure' && end.reason) io.log.say(`##[error]${end.reason}`)
    io.log.end()
    if (conclusion === 'failure') {
      state.fail(`${what.name ?? (step ? labelOf(step) : what.key)}: ${end.reason ?? 'failed'}`)
    }
    if (begun) crashPoint('agent.step.ended')
    const isSilent = !begun && step === undefined
    if (!isSilent) {
      upstream.report({
        kind: 'step.ended',
        ...id,
        at: now(),
        outcome: end.outcome,
        conclusion,
        exitCode: end.exitCode,
        reason: clip(end.reason && state.masker.mask(end.reason)),
        lines: io.log.lines,
      })
    }
    return result
  }

  /** Within the step's own time limit and the job's limits, with its output going to its log. */
  async #bounded(
    { step, contexts, abort, io }: { step: Step | undefined; contexts: Contexts; abort: AbortController; io: StepIo },
    work: () => Promise<StepEnd>,
  ): Promise<StepEnd> {
    const { job, fence, upstream, folders } = this.#parts
    const written = step?.timeoutMinutes
    const minutes =
      written === undefined ? null : Number(evaluateValue(written as string, contexts, this.#state.options()))
    if (minutes !== null && !(minutes > 0)) throw new Error(`timeout-minutes: "${written}" is not a number above 0.`)
    this.#aborts.add(abort)
    const timer =
      minutes === null ? null : setTimeout(() => abort.abort('step-timeout'), Math.min(minutes * 60_000, maxTimeoutMs))
    const endWatching = watchSize(folders.root, {
      limitBytes: job.limits.workspaceBytes,
      over: () => abort.abort('workspace'),
    })
    io.pipe.listen((chunk) => io.log.write(chunk))
    try {
      const end = await work()
      return abort.signal.aborted ? abortedEnd(abort.signal.reason, minutes) : end
    } catch (error) {
      if (abort.signal.aborted) return abortedEnd(abort.signal.reason, minutes)
      throw error
    } finally {
      if (timer) clearTimeout(timer)
      endWatching()
      this.#aborts.delete(abort)
      if (io.summary) {
        const markdown = this.#state.masker.mask(io.summary).slice(0, 1_048_576)
        upstream.report({ kind: 'step.summary', jobId: job.jobId, fence, step: io.place, markdown })
      }
    }
  }

  #logOf(id: { jobId: string; fence: number; step: number }, hearing: () => Hearing): StepLog {
    const { upstream } = this.#parts
    const { masker, budget, matchers } = this.#state
    matchers.reset()
    const complain = (sentence: string | null) => {
      if (sentence !== null) log.say(`##[warning]${masker.mask(sentence)}`)
    }
    const log: StepLog = new StepLog({
      upstream,
      stream: { kind: 'step', ...id },
      masker,
      budget,
      onCommand: (command, logLine) => {
        if (command.kind === 'add-mask') masker.add(command.value)
        else if (command.kind === 'stop-commands') masker.add(command.token)
        else if (command.kind === 'refused') hearing().refusal ??= command.message
        else if (command.kind === 'set-output') hearing().outputs[command.name] = command.value
        else if (command.kind === 'save-state') hearing().state[command.name] = command.value
        else if (command.kind === 'annotation') {
          upstream.report({
            kind: 'step.annotation',
            ...id,
            level: command.level,
            message: masker.mask(command.message).slice(0, 65_536),
            title: command.title === undefined ? null : masker.mask(command.title),
            file: command.file === undefined ? null : masker.mask(command.file),
            line: command.line ?? null,
            column: command.column ?? null,
            logLine,
          })
        } else if (command.kind === 'add-matcher') complain(matchers.add(command.file))
        else if (command.kind === 'remove-matcher') complain(matchers.remove(command.named))
      },
      problems: {
        matchers,
        found: ({ level, message, code, file, line, column, logLine }) =>
          upstream.report({
            kind: 'step.annotation',
            ...id,
            level,
            message: message.slice(0, 65_536),
            title: code === null ? null : code.slice(0, 1_000),
            file,
            line,
            column,
            logLine,
          }),
      },
    })
    return log
  }

  /** An output that would show a secret is left out, as it leaves the job unmasked. */
  #outputs(): Record<string, string> {
    const state = this.#state
    const contexts = state.contexts(state.environment({}))
    const outputs = evaluateMapping(this.#parts.job.instance.job.outputs, contexts, state.options())
    return Object.fromEntries(Object.entries(outputs).filter(([, value]) => state.masker.mask(value) === value))
  }

  #writeEvent(): void {
    const { folders, programs, job } = this.#parts
    const file = join(folders.files, 'event.json')
    writeUserFile(file, JSON.stringify(job.contexts.github.event ?? {}), { user: programs.user, mode: 0o600 })
  }
}

/** Told by the step that sets the job up. */
class SetUpError extends Error {}

const success: StepEnd = { outcome: 'success', exitCode: null, reason: null }

const reasonOf = (error: unknown) =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC'
    ? 'The disk of the host is full. Free some space, then rerun.'
    : messageOf(error)

const now = () => new Date().toISOString()
const clip = (text: string | null) => (text !== null && text.length > 4000 ? `${text.slice(0, 3999)}…` : text)

function abortedEnd(reason: unknown, minutes: number | null): StepEnd {
  if (reason === 'step-timeout') {
    return {
      outcome: 'failure',
      exitCode: null,
      reason: `The step took longer than its timeout-minutes of ${minutes}.`,
    }
  }
  if (reason === 'workspace') {
    return {
      outcome: 'failure',
      exitCode: null,
      reason: 'The files of the job grew beyond the size limit of a workspace.',
    }
  }
  return {
    outcome: 'cancelled',
    exitCode: null,
    reason: reason === 'timeout' ? 'The job reached its time limit.' : null,
  }
}

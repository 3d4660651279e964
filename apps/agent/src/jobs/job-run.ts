import { join } from 'node:path'
import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import {
  type Contexts,
  evaluateCondition,
  evaluateTemplate,
  evaluateValue,
  Masker,
  type Outcome,
  type Step,
  strategyContext,
} from '@juanie/workflow'
import type { JobRunParts, StepContext, StepEnd } from './job-parts.ts'
import { StepLog } from './log-writer.ts'
import { runNativeAction } from './native-actions.ts'
import { runScript } from './run-script.ts'
import { serviceEnvironment, servicePasses } from './service-environment.ts'
import { jobEnvironment, runnerContext } from './step-environment.ts'
import { StepFiles } from './step-files.ts'
import { OutputPipe } from './step-output.ts'
import { writeUserFile } from './user-file.ts'
import { watchSize } from './workspace-limit.ts'

/** Steps that say `always()` still run after a cancel, but no longer than this altogether. */
const afterCancelMs = 5 * 60_000
const maxTimeoutMs = 2 ** 31 - 1

export type CancelReason = 'canceled' | 'lost' | 'fail-fast'

/** One leased job from its first step to its last word. */
export class JobRun {
  readonly #parts: JobRunParts
  readonly #masker: Masker
  readonly #budget: { left: number; limit: number }
  readonly #steps: NonNullable<Contexts['steps']> = {}
  /** What steps wrote to `GITHUB_ENV` and `GITHUB_PATH`. */
  readonly #exported: Record<string, string> = {}
  readonly #path: string[] = []
  #status: 'success' | 'failure' | 'cancelled' = 'success'
  #cancel: { reason: CancelReason; isTimeout: boolean } | null = null
  #stepAbort: AbortController | null = null
  #files: StepFiles | null = null
  #afterCancel: NodeJS.Timeout | null = null
  #isStopped = false
  #firstFailure: string | null = null

  constructor(parts: JobRunParts) {
    this.#parts = parts
    this.#masker = new Masker([...Object.values(parts.job.contexts.secrets), ...servicePasses(parts.job)])
    this.#budget = { left: parts.job.limits.logBytes, limit: parts.job.limits.logBytes }
  }

  /** Ends the running step; steps that want to run after a cancel still do, except when the lease is lost. */
  cancel(reason: CancelReason, isTimeout = false): void {
    if (this.#cancel && reason !== 'lost') return
    this.#cancel = { reason, isTimeout }
    this.#status = 'cancelled'
    this.#stepAbort?.abort(isTimeout ? 'timeout' : reason)
    if (reason === 'lost') this.#stop()
    else if (!this.#afterCancel) {
      this.#afterCancel = setTimeout(() => this.#stop(), afterCancelMs)
      this.#afterCancel.unref()
    }
  }

  /** No further step begins, whatever its condition says. */
  #stop(): void {
    this.#isStopped = true
    this.#stepAbort?.abort('canceled')
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
      for (const [place, step] of job.instance.job.steps.entries()) {
        if (this.#isStopped) break
        await this.#runStep(step, place, pipe)
      }
    } catch (error) {
      // Preparing failed, e.g. the disk is full: the job says so instead of dying with its agent.
      this.#fail(`The job could not be prepared: ${reasonOf(error)}`)
    } finally {
      clearTimeout(timeout)
      if (this.#afterCancel) clearTimeout(this.#afterCancel)
      pipe?.close()
      // What a step left in the background ends with its job, before the job's end is told.
      await programs.endAll()
    }
    if (this.#cancel?.reason !== 'lost') this.#end()
  }

  #end(): void {
    const { job, fence, upstream } = this.#parts
    let outputs: Record<string, string> = {}
    try {
      outputs = this.#outputs()
    } catch (error) {
      this.#fail(`The outputs of the job cannot be evaluated: ${messageOf(error)}`)
    }
    const isOver = this.#cancel !== null
    const result = isOver
      ? this.#cancel?.isTimeout
        ? 'timed_out'
        : 'canceled'
      : this.#status === 'failure'
        ? 'failed'
        : 'succeeded'
    const reason = this.#cancel?.isTimeout
      ? `The job took longer than its limit of ${Math.round(job.limits.timeoutMs / 1000)} s.`
      : isOver
        ? null
        : this.#firstFailure
    upstream.report({ kind: 'job.ended', jobId: job.jobId, fence, at: now(), result, reason: clip(reason), outputs })
  }

  async #runStep(step: Step, place: number, pipe: OutputPipe): Promise<void> {
    const { job, fence, upstream } = this.#parts
    const id = { jobId: job.jobId, fence, step: place }
    const stream = { kind: 'step', ...id } as const
    const log = new StepLog({
      upstream,
      stream,
      masker: this.#masker,
      budget: this.#budget,
      onCommand: (command, logLine) => {
        if (command.kind === 'add-mask') this.#masker.add(command.value)
        else if (command.kind === 'stop-commands') this.#masker.add(command.token)
        else if (command.kind === 'refused') refusal ??= command.message
        else if (command.kind === 'set-output') outputs[command.name] = command.value
        else if (command.kind === 'annotation') {
          upstream.report({
            kind: 'step.annotation',
            ...id,
            level: command.level,
            message: this.#masker.mask(command.message).slice(0, 65_536),
            title: command.title === undefined ? null : this.#masker.mask(command.title),
            file: command.file === undefined ? null : this.#masker.mask(command.file),
            line: command.line ?? null,
            column: command.column ?? null,
            logLine,
          })
        }
      },
    })
    const outputs: Record<string, string> = {}
    let refusal: string | null = null
    let end: StepEnd
    let begun = false
    let tolerated = false
    try {
      const jobContexts = this.#contexts(this.#environmentContext({}))
      const env = mapValues(step.env, (text) => evaluateTemplate(text, jobContexts, this.#options()))
      const contexts = this.#contexts(this.#environmentContext(env))
      if (!evaluateCondition(step.if, contexts, this.#options())) {
        end = { outcome: 'skipped', exitCode: null, reason: null }
      } else {
        begun = true
        upstream.report({ kind: 'step.started', ...id, at: now(), name: stepName(step, contexts, this.#options()) })
        crashPoint('agent.step.begun')
        tolerated = isTrue(evaluateValue(step.continueOnError as string, contexts, this.#options()))
        end = await this.#perform({ step, place, contexts, log, pipe, outputs, stepEnv: env })
      }
    } catch (error) {
      end = { outcome: 'failure', exitCode: null, reason: reasonOf(error) }
    }
    log.end()
    if (refusal !== null && end.outcome === 'success') end = { ...end, outcome: 'failure', reason: refusal }
    if (end.outcome === 'failure' && end.reason) log.say(`##[error]${end.reason}`)
    log.end()
    const conclusion: Outcome = end.outcome === 'failure' && tolerated ? 'success' : end.outcome
    if (conclusion === 'failure') this.#fail(`${stepLabel(step)}: ${end.reason ?? 'failed'}`)
    if (step.id) this.#steps[step.id] = { outputs, outcome: end.outcome, conclusion }
    if (begun) crashPoint('agent.step.ended')
    upstream.report({
      kind: 'step.ended',
      ...id,
      at: now(),
      outcome: end.outcome,
      conclusion,
      exitCode: end.exitCode,
      reason: clip(end.reason && this.#masker.mask(end.reason)),
      lines: log.lines,
    })
  }

  async #perform(at: {
    step: Step
    place: number
    contexts: Contexts
    log: StepLog
    pipe: OutputPipe
    outputs: Record<string, string>
    stepEnv: Record<string, string>
  }): Promise<StepEnd> {
    const { job, fence, upstream, folders, programs, nodeFolder } = this.#parts
    const { step, place, contexts, log, pipe, outputs } = at
    const abort = new AbortController()
    this.#stepAbort = abort
    const minutes =
      step.timeoutMinutes === undefined
        ? null
        : Number(evaluateValue(step.timeoutMinutes as string, contexts, this.#options()))
    if (minutes !== null && !(minutes > 0))
      throw new Error(`timeout-minutes: "${step.timeoutMinutes}" is not a number above 0.`)
    const timer =
      minutes === null ? null : setTimeout(() => abort.abort('step-timeout'), Math.min(minutes * 60_000, maxTimeoutMs))
    const endWatching = watchSize(folders.root, {
      limitBytes: job.limits.workspaceBytes,
      over: () => abort.abort('workspace'),
    })
    pipe.listen((chunk) => log.write(chunk))
    try {
      const files = new StepFiles(folders.files, place, { user: programs.user, before: this.#files })
      this.#files = files
      const base = jobEnvironment(job, folders, { nodeFolder, github: contexts.github ?? {} })
      const services = serviceEnvironment(job, upstream.serverUrl(), step.kind === 'run' ? 'script' : 'action')
      const environment = { ...base, ...services, ...this.#environmentContext(at.stepEnv), ...files.variables }
      environment.PATH = [...this.#path, base.PATH].join(':')
      const context: StepContext = {
        step,
        place,
        parts: this.#parts,
        contexts,
        environment,
        log,
        pipe,
        signal: abort.signal,
        setOutput: (name, value) => {
          outputs[name] = value
        },
      }
      let end =
        step.kind === 'run'
          ? await runScript(step, context, this.#options())
          : step.kind === 'action'
            ? await runNativeAction(step, context, this.#options())
            : { outcome: 'failure' as const, exitCode: null, reason: 'This agent cannot run such a step.' }
      const written = files.read()
      Object.assign(outputs, written.outputs)
      Object.assign(this.#exported, written.env)
      this.#path.unshift(...written.path)
      for (const warning of written.warnings) log.say(`##[warning]${warning}`)
      if (written.summary) {
        upstream.report({
          kind: 'step.summary',
          jobId: job.jobId,
          fence,
          step: place,
          markdown: this.#masker.mask(written.summary),
        })
      }
      if (abort.signal.aborted) end = abortedEnd(abort.signal.reason, minutes)
      return end
    } catch (error) {
      if (abort.signal.aborted) return abortedEnd(abort.signal.reason, minutes)
      throw error
    } finally {
      if (timer) clearTimeout(timer)
      endWatching()
      this.#stepAbort = null
    }
  }

  #fail(reason: string): void {
    if (this.#status === 'success') this.#status = 'failure'
    this.#firstFailure ??= this.#masker.mask(reason)
  }

  #options() {
    return { status: { job: this.#status }, workspace: this.#parts.folders.workspace, file: undefined }
  }

  /** The `env` context: the workflow's, the job's, what steps exported, and the step's own, the later winning. */
  #environmentContext(stepEnv: Record<string, string>): Record<string, string> {
    const { job } = this.#parts
    const env: Record<string, string> = {}
    for (const level of [job.workflow.env, job.instance.job.env]) {
      const contexts = this.#contexts(env)
      Object.assign(
        env,
        mapValues(level, (text) => evaluateTemplate(text, contexts, this.#options())),
      )
    }
    return { ...env, ...this.#exported, ...stepEnv }
  }

  #contexts(env: Record<string, string>): Contexts {
    const { job, folders } = this.#parts
    return {
      github: {
        ...job.contexts.github,
        workspace: folders.workspace,
        event_path: join(folders.files, 'event.json'),
        job: job.instance.job.id,
      },
      env,
      vars: job.contexts.vars,
      secrets: job.contexts.secrets,
      job: { status: this.#status },
      steps: this.#steps,
      runner: runnerContext(folders),
      strategy: strategyContext(job.instance.strategy),
      matrix: job.contexts.matrix,
      needs: job.contexts.needs,
      inputs: job.contexts.inputs,
    }
  }

  /** An output that would show a secret is left out, as it leaves the job unmasked. */
  #outputs(): Record<string, string> {
    const contexts = this.#contexts(this.#environmentContext({}))
    const outputs = mapValues(this.#parts.job.instance.job.outputs, (text) =>
      evaluateTemplate(text, contexts, this.#options()),
    )
    return Object.fromEntries(Object.entries(outputs).filter(([, value]) => this.#masker.mask(value) === value))
  }

  #writeEvent(): void {
    const { folders, programs, job } = this.#parts
    const file = join(folders.files, 'event.json')
    writeUserFile(file, JSON.stringify(job.contexts.github.event ?? {}), { user: programs.user, mode: 0o600 })
  }
}

const reasonOf = (error: unknown) =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC'
    ? 'The disk of the host is full. Free some space, then rerun.'
    : messageOf(error)

const now = () => new Date().toISOString()
const clip = (text: string | null) => (text !== null && text.length > 4000 ? `${text.slice(0, 3999)}…` : text)
const isTrue = (value: unknown) => value === true || value === 'true'

const mapValues = <T>(record: Record<string, T>, map: (value: T) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))

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

function stepLabel(step: Step): string {
  if (step.name && !step.name.includes('${{')) return step.name
  if (step.kind === 'run') return `Run ${firstLine(step.run)}`
  return 'uses' in step ? `Run ${step.uses}` : step.kind
}

function stepName(step: Step, contexts: Contexts, options: Parameters<typeof evaluateTemplate>[2]): string {
  const name = step.name ? evaluateTemplate(step.name, contexts, options) : stepLabel(step)
  return name.slice(0, 1000)
}

const firstLine = (text: string) => text.trimStart().split('\n', 1)[0]?.slice(0, 200) ?? ''

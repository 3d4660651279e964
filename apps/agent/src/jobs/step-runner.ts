import { join } from 'node:path'
import {
  type Action,
  type Contexts,
  evaluateCondition,
  evaluateMapping,
  evaluateTemplate,
  evaluateValue,
  type Outcome,
  parseActionRef,
  type Step,
  type UsesStep,
} from '@juanie/workflow'
import type { StepContext, StepEnd } from './job-parts.ts'
import type { JobState } from './job-state.ts'
import { ActionError, type LoadedAction, type LoadedActions, maxDepth } from './loaded-actions.ts'
import type { StepLog } from './log-writer.ts'
import { runNativeAction } from './native-actions.ts'
import { inputVariables, runNodeScript, stateVariables } from './node-script.ts'
import { runScript } from './run-script.ts'
import { missingService, serviceEnvironment } from './service-environment.ts'
import { jobEnvironment } from './step-environment.ts'
import { StepFiles } from './step-files.ts'
import type { OutputPipe } from './step-output.ts'
import type { StepScope } from './step-scope.ts'

/** What the commands of a step's output change: that of the innermost step that runs. */
export interface Hearing {
  outputs: Record<string, string>
  state: Record<string, string>
  refusal: string | null
}

/** Where one step of the job, with all that is in it, prints to and hears from. */
export interface StepIo {
  place: number
  log: StepLog
  pipe: OutputPipe
  signal: AbortSignal
  hearing: Hearing
  /** What was written to `GITHUB_STEP_SUMMARY` so far. */
  summary: string
  /** Files of the step before, which may go on under a new name; null for steps beside others. */
  files: { last: StepFiles | null } | null
}

/** A JavaScript action with a life beyond its main script: what `pre`, `main` and `post` share. */
export interface ActionInstance {
  label: string
  loaded: LoadedAction
  state: Record<string, string>
  /** Of the main script, for the one that comes after. */
  inputs: Record<string, string>
  scope: StepScope
  own: Record<string, string>
  stepEnv: Record<string, string>
}

export interface StepResult {
  end: StepEnd
  conclusion: Outcome
  outputs: Record<string, string>
}

/** Runs steps, whatever kind they are, in the job itself and in composite actions. */
export class StepRunner {
  readonly #state: JobState
  readonly #actions: LoadedActions
  /** By the path of their step: its place, and those within composite actions. */
  readonly #instances = new Map<string, ActionInstance>()
  readonly #named = new Map<string, number>()
  /** Those with a `post` script, in the order in which they began. */
  readonly posts: ActionInstance[] = []

  constructor(state: JobState, actions: LoadedActions) {
    this.#state = state
    this.#actions = actions
  }

  /** A step after its condition held. `key` is its path. Throws what cannot be evaluated. */
  async perform(
    step: Step,
    at: { scope: StepScope; contexts: Contexts; env: Record<string, string>; key: string },
    io: StepIo,
  ): Promise<StepEnd> {
    if (step.kind === 'uses') return this.#use(step, at, io)
    const { parts } = this.#state
    const own = { GITHUB_ACTION: this.#nameOf(step.id, step.kind === 'action' ? nameFrom(step.uses) : '__run') }
    return this.#within({ ...at, own, user: step.kind === 'run' ? 'script' : 'action' }, io, (context, options) => {
      if (step.kind === 'run') return runScript(step, { ...context, step }, options)
      if (step.kind !== 'action') throw new Error(`A step of the kind ${step.kind} cannot run here.`)
      if (at.scope.composite && step.action === 'deploy')
        throw new ActionError('juanie/deploy cannot stand in a composite action.')
      return runNativeAction(step, { ...context, step, parts }, options)
    })
  }

  /** Runs one program with its own files, and takes in what it wrote to them. */
  async #within(
    at: {
      scope: StepScope
      contexts: Contexts
      env: Record<string, string>
      key: string
      own: Record<string, string>
      user: 'script' | 'action'
    },
    io: StepIo,
    work: (context: Omit<StepContext, 'step'>, options: ReturnType<JobState['options']>) => Promise<StepEnd>,
  ): Promise<StepEnd> {
    const state = this.#state
    const { job, folders, programs, nodeFolder, jobEnvironment: given } = state.parts
    const { hearing, log } = io
    const files = new StepFiles(folders.files, at.key, { user: programs.user, before: io.files?.last ?? null })
    if (io.files) io.files.last = files
    const base = jobEnvironment(job, folders, { given, nodeFolder, github: at.contexts.github ?? {} })
    const services = serviceEnvironment(job, state.parts.servicesUrl(), at.user)
    const environment: Record<string, string> = {
      ...base,
      ...services,
      ...state.environment(at.env, at.scope),
      ...at.own,
      ...files.variables,
    }
    environment.PATH = [...state.path, environment.PATH ?? base.PATH].join(':')
    const end = await work(
      {
        place: io.place,
        key: at.key,
        scope: at.scope,
        parts: state.parts,
        contexts: {
          ...at.contexts,
          github: { ...at.contexts.github, ...inContext(at.own), ...inContext(files.variables) },
        },
        environment,
        log,
        pipe: io.pipe,
        signal: io.signal,
        setOutput: (name, value) => {
          hearing.outputs[name] = value
        },
      },
      state.options(at.scope),
    )
    const written = files.read()
    Object.assign(hearing.outputs, written.outputs)
    Object.assign(hearing.state, written.state)
    Object.assign(state.exported, written.env)
    state.path.unshift(...written.path)
    for (const warning of written.warnings) log.say(`##[warning]${warning}`)
    io.summary += written.summary
    return end
  }

  async #use(
    step: UsesStep,
    at: { scope: StepScope; contexts: Contexts; env: Record<string, string>; key: string },
    io: StepIo,
  ): Promise<StepEnd> {
    const before = this.#instances.get(at.key)
    const instance = before ?? (await this.#instanceOf(step, at, io))
    const { action } = instance.loaded
    this.#tellOfServices(instance.loaded, io.log)
    this.#warnOfInputs(action, step, io.log)
    Object.assign(instance, { inputs: this.#inputsOf(action, step, at), stepEnv: at.env, scope: at.scope })
    if (action.runs.using === 'composite') return this.#compose(instance, action.runs.steps, at, io)
    if (action.runs.using !== 'node') throw new ActionError(`'${step.uses}' needs the Docker executor.`)
    if (action.runs.post && !this.posts.includes(instance)) this.posts.push(instance)
    return this.runPhase(instance, action.runs.main, { key: at.key, contexts: at.contexts }, io)
  }

  async #instanceOf(
    step: UsesStep,
    { scope, key }: { scope: StepScope; key: string },
    io: Pick<StepIo, 'log' | 'signal'>,
  ): Promise<ActionInstance> {
    const ref = parseActionRef(step.uses)
    if (!ref) throw new ActionError(`'${step.uses}' is not an action.`)
    const from = { tree: scope.composite?.tree ?? null, depth: scope.composite?.depth ?? 0 }
    const say = (line: string) => io.log.say(line)
    const loaded = await this.#actions.load(ref, step.uses, from, { say, signal: io.signal })
    const { runs } = loaded.action
    if (runs.using === 'composite') {
      if (from.depth >= maxDepth)
        throw new ActionError(`'${step.uses}' lies in more than ${maxDepth} composite actions.`)
      const inside = { tree: loaded.tree, depth: from.depth + 1 }
      if (ref.kind === 'local') await this.#actions.prepare(runs.steps, inside, { say, signal: io.signal })
    }
    const instance: ActionInstance = {
      label: labelOf(step),
      loaded,
      state: {},
      inputs: {},
      scope,
      own: this.#identity(step, loaded),
      stepEnv: {},
    }
    this.#instances.set(key, instance)
    return instance
  }

  /** What an action sees of itself: `GITHUB_ACTION` and its like. */
  #identity(step: UsesStep, { folder, tree }: LoadedAction): Record<string, string> {
    return {
      action: this.#nameOf(step.id, nameFrom(tree?.repository ?? 'self')),
      action_path: folder,
      action_repository: tree?.repository ?? '',
      action_ref: tree?.ref ?? '',
    }
  }

  /** `GITHUB_ACTION`: the id of a step; of several without one, the later ones are counted. */
  #nameOf(id: string | undefined, otherwise: string): string {
    if (id !== undefined) return id
    const count = (this.#named.get(otherwise) ?? 0) + 1
    this.#named.set(otherwise, count)
    return count > 1 ? `${otherwise}_${count}` : otherwise
  }

  #tellOfServices({ tree }: LoadedAction, log: StepLog): void {
    if (this.#state.parts.job.services !== null || !tree) return
    const missing = missingService(tree.repository)
    if (missing?.isFatal) throw new ActionError(missing.sentence)
    if (missing) log.say(`##[notice]${missing.sentence}`)
  }

  #warnOfInputs({ inputs }: Action, step: UsesStep, log: StepLog): void {
    const unknown = Object.keys(step.with).filter((name) => !Object.hasOwn(inputs, name.toLowerCase()))
    if (unknown.length > 0) {
      const valid = Object.keys(inputs).map((name) => `'${name}'`)
      log.say(
        `##[warning]Unexpected input(s) ${unknown.map((name) => `'${name}'`).join(', ')}, valid inputs are [${valid.join(', ')}]`,
      )
    }
    for (const name of Object.keys(step.with)) {
      const message = inputs[name.toLowerCase()]?.deprecationMessage
      if (message) log.say(`##[warning]Input '${name}' has been deprecated with message: ${message}`)
    }
  }

  /** What the step gives, and the defaults of what it does not. */
  #inputsOf(
    action: Action,
    step: UsesStep,
    { scope, contexts }: { scope: StepScope; contexts: Contexts },
  ): Record<string, string> {
    const options = this.#state.options(scope)
    const given = Object.fromEntries(
      Object.entries(evaluateMapping(step.with, contexts, options)).map(([name, text]) => [name.toLowerCase(), text]),
    )
    const { secrets: _secrets, needs: _needs, ...light } = contexts
    for (const [name, { default: initial }] of Object.entries(action.inputs)) {
      if (given[name] === undefined && initial !== undefined) given[name] = evaluateTemplate(initial, light, options)
    }
    return given
  }

  /** One script of a JavaScript action: its main one, or that before or after. */
  async runPhase(
    instance: ActionInstance,
    script: string,
    at: { key: string; contexts: Contexts },
    io: StepIo,
  ): Promise<StepEnd> {
    const { loaded, own, state, inputs, scope, stepEnv } = instance
    const { runs } = loaded.action
    if (runs.using !== 'node') throw new Error('only a JavaScript action has scripts')
    const { node, notice } = await this.#state.parts.nodes.for(runs.version)
    if (notice) io.log.say(`##[warning]${notice}`)
    const hearing = io.hearing
    const variables = {
      GITHUB_ACTION: own.action!,
      GITHUB_ACTION_PATH: own.action_path!,
      GITHUB_ACTION_REPOSITORY: own.action_repository!,
      GITHUB_ACTION_REF: own.action_ref!,
      ...inputVariables(inputs),
      ...stateVariables(state),
    }
    const end = await this.#within(
      { scope, contexts: at.contexts, env: stepEnv, key: at.key, own: variables, user: 'action' },
      io,
      (context) => runNodeScript({ node, file: join(loaded.folder, script) }, context),
    )
    Object.assign(state, hearing.state)
    return end
  }

  async #compose(
    instance: ActionInstance,
    steps: Step[],
    at: { scope: StepScope; env: Record<string, string>; key: string },
    io: StepIo,
  ): Promise<StepEnd> {
    const state = this.#state
    const { loaded, own, inputs } = instance
    const defaults = Object.fromEntries(Object.keys(loaded.action.inputs).map((name) => [name, '']))
    const composite: NonNullable<StepScope['composite']> = {
      inputs: { ...defaults, ...inputs },
      github: own,
      tree: loaded.tree,
      depth: (at.scope.composite?.depth ?? 0) + 1,
      status: 'success',
    }
    const inner: StepScope = { steps: {}, composite, env: { ...at.scope.env, ...at.env } }
    const outer = io.hearing
    let reason: string | null = null
    for (const [place, step] of steps.entries()) {
      io.hearing = { outputs: {}, state: {}, refusal: null }
      const { end, conclusion, outputs } = await this.#innerStep(step, { scope: inner, key: `${at.key}.${place}` }, io)
      if (step.id) inner.steps[step.id] = { outputs, outcome: end.outcome, conclusion }
      if (end.outcome === 'failure' && end.reason) io.log.say(`##[error]${end.reason}`)
      if (conclusion === 'failure') {
        composite.status = 'failure'
        reason ??= end.reason ?? 'failed'
      }
      // What comes next says itself whether it runs after a cancel; nothing does once the time for that is over.
      if (end.outcome === 'cancelled') break
    }
    io.hearing = outer
    const contexts = state.contexts(state.environment({}, inner), inner)
    for (const [name, text] of Object.entries(loaded.action.outputs)) {
      outer.outputs[name] = evaluateTemplate(text, contexts, state.options(inner))
    }
    if (io.signal.aborted) return { outcome: 'cancelled', exitCode: null, reason: null }
    return composite.status === 'failure'
      ? { outcome: 'failure', exitCode: null, reason }
      : { outcome: 'success', exitCode: null, reason: null }
  }

  async #innerStep(step: Step, at: { scope: StepScope; key: string }, io: StepIo): Promise<StepResult> {
    const state = this.#state
    const { scope, key } = at
    const { hearing } = io
    let end: StepEnd
    let isTolerated = false
    try {
      const options = state.options(scope)
      const outer = state.contexts(state.environment({}, scope), scope)
      const env = evaluateMapping(step.env, outer, options)
      const contexts = state.contexts(state.environment(env, scope), scope)
      if (!evaluateCondition(step.if, contexts, options)) {
        return { end: { outcome: 'skipped', exitCode: null, reason: null }, conclusion: 'skipped', outputs: {} }
      }
      isTolerated = mayFail(step, contexts, options)
      io.log.say(`##[group]${nameOf(step, contexts, options)}`)
      io.log.say('##[endgroup]')
      end = await this.perform(step, { scope, contexts, env, key }, io)
    } catch (error) {
      if (io.signal.aborted) end = { outcome: 'cancelled', exitCode: null, reason: null }
      else end = { outcome: 'failure', exitCode: null, reason: (error as Error).message }
    }
    io.log.end()
    return concluded(end, hearing, isTolerated)
  }

  /** The `pre` scripts of what these steps use, also within composite actions, in their order. */
  async prepared(
    steps: readonly Step[],
    at: { scope: StepScope; key: string },
    io: Pick<StepIo, 'log' | 'signal'>,
  ): Promise<{ instance: ActionInstance; step: UsesStep; key: string }[]> {
    const found: { instance: ActionInstance; step: UsesStep; key: string }[] = []
    for (const [place, step] of steps.entries()) {
      // An action in the workspace is not there yet.
      if (step.kind !== 'uses' || step.uses.startsWith('./')) continue
      const key = at.key === '' ? String(place) : `${at.key}.${place}`
      const instance = await this.#instanceOf(step, { scope: at.scope, key }, io)
      const { runs } = instance.loaded.action
      if (runs.using === 'node' && runs.pre) found.push({ instance, step, key })
      if (runs.using !== 'composite') continue
      const composite = {
        inputs: {},
        github: instance.own,
        tree: instance.loaded.tree,
        depth: (at.scope.composite?.depth ?? 0) + 1,
        status: 'success' as const,
      }
      found.push(...(await this.prepared(runs.steps, { scope: { steps: {}, composite, env: {} }, key }, io)))
    }
    return found
  }

  /** Before the main script: inputs are what can be said of them by now. */
  setInputs(instance: ActionInstance, step: UsesStep, contexts: Contexts): void {
    instance.inputs = this.#inputsOf(instance.loaded.action, step, { scope: instance.scope, contexts })
  }
}

/** What a step comes to: a command in its output may fail it, and it may be allowed to fail. */
export function concluded(end: StepEnd, { refusal, outputs }: Hearing, isTolerated: boolean): StepResult {
  const last: StepEnd =
    refusal !== null && end.outcome === 'success' ? { ...end, outcome: 'failure', reason: refusal } : end
  const conclusion = last.outcome === 'failure' && isTolerated ? 'success' : last.outcome
  return { end: last, conclusion, outputs }
}

type Options = ReturnType<JobState['options']>

export const mayFail = (step: Step, contexts: Contexts, options: Options): boolean =>
  String(evaluateValue(step.continueOnError as string, contexts, options)) === 'true'

export const nameOf = (step: Step, contexts: Contexts, options: Options): string =>
  step.name ? evaluateTemplate(step.name, contexts, options) : labelOf(step)

export function labelOf(step: Step): string {
  if (step.name && !step.name.includes('${{')) return step.name
  if (step.kind === 'run') return `Run ${step.run.trimStart().split('\n', 1)[0]?.slice(0, 200) ?? ''}`
  return 'uses' in step ? `Run ${step.uses}` : step.kind
}

const nameFrom = (uses: string): string => `__${uses.split('@')[0]!.replaceAll('/', '_')}`

/** Of variables that only this step has, their places in the `github` context. */
const inContext = (variables: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      name.startsWith('GITHUB_') ? [[name.slice('GITHUB_'.length).toLowerCase(), value]] : [],
    ),
  )

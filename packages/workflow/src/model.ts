import type { SaidValues } from './say.ts'

/**
 * The checked workflow as plain JSON. The server stores it, plans from it and sends parts of it to agents, so it
 * holds no functions, maps or class instances. Every string marked `Template` may contain `${{ … }}`; a `Condition`
 * is an expression with or without the braces, as written after `if:`.
 */
export type Template = string
export type Condition = string

/** One-based, as editors count. */
export interface Position {
  line: number
  column: number
}

/** One sentence about one place in the file. An `error` makes the run invalid, a `warning` is shown on the run. */
export interface Problem {
  severity: 'error' | 'warning'
  file: string
  position: Position | null
  /** In English. */
  message: string
  /** What is told, by a key of `sentences.ts` and its values; absent from what was stored without. */
  key?: string
  values?: SaidValues
}

export interface PushTrigger {
  branches?: string[]
  branchesIgnore?: string[]
  tags?: string[]
  tagsIgnore?: string[]
  paths?: string[]
  pathsIgnore?: string[]
}

export interface DispatchInput {
  type: 'string' | 'boolean' | 'number' | 'choice' | 'environment'
  required: boolean
  default?: string | boolean | number
  description?: string
  options?: string[]
}

export interface CallInput {
  type: 'string' | 'boolean' | 'number'
  required: boolean
  /** May be an expression over `github`, `inputs` and `vars`. */
  default?: Template | boolean | number
}

/** What a reusable workflow takes and gives. */
export interface CallTrigger {
  inputs: Record<string, CallInput>
  secrets: Record<string, { required: boolean }>
  /** Templates over `jobs`, `github`, `vars` and `inputs`. */
  outputs: Record<string, Template>
}

export const workflowRunTypes = ['requested', 'in_progress', 'completed'] as const
export type WorkflowRunType = (typeof workflowRunTypes)[number]

export interface WorkflowRunTrigger {
  /** Names of the workflows that it follows, as patterns; none when the file names none. */
  workflows: string[]
  types: WorkflowRunType[]
  branches?: string[]
  branchesIgnore?: string[]
}

export interface ScheduleTrigger {
  /** Five fields, checked. */
  cron: string
  /** Name of a time zone; UTC without one. */
  timezone?: string
}

export interface Triggers {
  push?: PushTrigger
  workflowDispatch?: { inputs: Record<string, DispatchInput> }
  workflowCall?: CallTrigger
  schedule?: ScheduleTrigger[]
  workflowRun?: WorkflowRunTrigger
  /** Without types, every type fires it. */
  repositoryDispatch?: { types: string[] }
  /** Events of a forge that the file lists: accepted, and waiting for their events. */
  other: string[]
}

export type PermissionLevel = 'read' | 'write' | 'none'
/** `read-all`, `write-all`, or levels by name, where what is not named is `none`. */
export type Permissions = 'read-all' | 'write-all' | Record<string, PermissionLevel>

export interface Concurrency {
  group: Template
  cancelInProgress: boolean | Template
  /** All that wait keep their places, instead of the newest only. */
  isQueue: boolean
}

/** A job that is the jobs of another workflow. */
export interface WorkflowCall {
  /** As written: `./.github/workflows/x.yml`, or `owner/name/path@ref`. */
  uses: string
  with: Record<string, Template | boolean | number>
  secrets: 'inherit' | Record<string, Template>
  position: Position
}

/** A construct that needs an executor that is not there, by its place in the file. */
export interface Blocker {
  message: string
  position: Position
  /** Where it may turn out to ask for nothing: the template that is empty then. */
  unlessEmpty?: Template
}

export interface RunDefaults {
  shell?: Template
  workingDirectory?: Template
}

export type MatrixValue = string | number | boolean | null | MatrixValue[] | { [key: string]: MatrixValue }

export interface Strategy {
  /** The whole of `strategy` as one expression; the other fields say nothing then. */
  whole?: Template
  /** Absent when the job has only `fail-fast` or `max-parallel`. A string is an expression that yields the matrix. */
  matrix?:
    | Template
    | {
        axes: Record<string, MatrixValue[] | Template>
        /** An entry that is text is an expression that yields it. */
        include: (Record<string, MatrixValue> | Template)[] | Template
        exclude: (Record<string, MatrixValue> | Template)[] | Template
      }
  failFast: boolean | Template
  maxParallel?: number | Template
}

interface StepBase {
  /** As written; steps without one get no entry in the `steps` context. */
  id?: string
  name?: Template
  /** `success()` when the file says nothing. */
  if: Condition
  env: Record<string, Template>
  continueOnError: boolean | Template
  timeoutMinutes?: number | Template
  /** The steps after it do not wait for it, but for a `wait` step or the end of the job. */
  background?: true
  position: Position
}

export interface RunStep extends StepBase {
  kind: 'run'
  run: Template
  shell?: Template
  workingDirectory?: Template
}

/** The actions that Juanie does natively. */
export type NativeAction = 'checkout' | 'release' | 'deploy'

export interface ActionStep extends StepBase {
  kind: 'action'
  action: NativeAction
  /** As written, e.g. `actions/checkout@v4`. */
  uses: string
  with: Record<string, Template>
}

/** An action that is run as it is: what `uses` names is read when the job is set up, or when the step runs. */
export interface UsesStep extends StepBase {
  kind: 'uses'
  /** As written, e.g. `actions/setup-node@v4`, `./.github/actions/build` or `$/actions/build`. See `parseActionRef`. */
  uses: string
  with: Record<string, Template>
}

/** Waits for steps in the background, by their places in the list of steps. It ends a `parallel` group, too. */
interface WaitStep extends StepBase {
  kind: 'wait'
  places: number[]
}

/** Ends a step in the background. */
interface CancelStep extends StepBase {
  kind: 'cancel'
  place: number
}

export type Step = RunStep | ActionStep | UsesStep | WaitStep | CancelStep

/** An input of an action; `default` may hold expressions. */
export interface ActionInput {
  default?: Template
  required: boolean
  deprecationMessage?: string
}

/** What an `action.yml` says, checked. */
export interface Action {
  name: string
  /** By their names in lower case. */
  inputs: Record<string, ActionInput>
  /** Of a composite action: the templates of their values. */
  outputs: Record<string, Template>
  runs: ActionRuns
}

export type ActionRuns =
  | {
      using: 'node'
      /** The major version of Node.js that it asks for. */
      version: number
      main: string
      pre?: string
      /** `always()` when the file says nothing. */
      preIf: Condition
      post?: string
      postIf: Condition
    }
  | { using: 'composite'; steps: Step[] }
  | { using: 'docker'; image: string }

export interface Job {
  id: string
  name?: Template
  needs: string[]
  /** `success()` when the file says nothing. */
  if: Condition
  runsOn: Template[] | Template
  env: Record<string, Template>
  defaults: RunDefaults
  outputs: Record<string, Template>
  strategy?: Strategy
  timeoutMinutes?: number | Template
  continueOnError: boolean | Template
  /** Name of the environment the job says it works on. */
  environment?: { name: Template; url?: Template }
  /** What the run's own token may do in this job: the job's own `permissions`, else the workflow's. */
  permissions?: Permissions
  concurrency?: Concurrency
  /** Set where the job calls a workflow; it has no steps and no labels then. */
  call?: WorkflowCall
  /** Why the job cannot run here, however it is planned. */
  blockers?: Blocker[]
  steps: Step[]
  position: Position
}

export interface Workflow {
  name?: string
  runName?: Template
  on: Triggers
  env: Record<string, Template>
  defaults: RunDefaults
  permissions?: Permissions
  concurrency?: Concurrency
  /** In the order of the file. */
  jobs: Job[]
}

/** Where a job of a called workflow stands. */
export interface CalledFrom {
  /** Key of the job that calls, place in its matrix included. */
  caller: string
  /** Under which the text of the workflow is kept with the run. */
  workflow: string
  inputs: Record<string, string | boolean | number>
}

/** One job after `needs` are over and its matrix is expanded: what an agent gets to run. */
export interface JobInstance {
  job: Job
  /** Absent for a job of the run's own workflow. */
  called?: CalledFrom
  /** What a job that calls a workflow calls. */
  calls?: Omit<CalledFrom, 'caller'>
  /** Shown name: the evaluated `name`, else `id`, or `id (a, b)` for a combination of a matrix. */
  name: string
  matrix: Record<string, MatrixValue> | null
  strategy: { failFast: boolean; jobIndex: number; jobTotal: number; maxParallel: number }
}

/** `success` is also what a step with `continue-on-error` concludes after its outcome was `failure`. */
export type Outcome = 'success' | 'failure' | 'cancelled' | 'skipped'

/** What expressions can see; a context that does not exist at a place is absent. Values are plain JSON. */
export interface Contexts {
  github?: Record<string, unknown>
  env?: Record<string, string>
  vars?: Record<string, string>
  secrets?: Record<string, string>
  job?: Record<string, unknown>
  steps?: Record<string, { outputs: Record<string, string>; outcome: Outcome; conclusion: Outcome }>
  runner?: Record<string, string>
  strategy?: Record<string, unknown>
  matrix?: Record<string, MatrixValue> | null
  needs?: Record<string, { result: Outcome; outputs: Record<string, string> }>
  /** For the outputs of a called workflow only. */
  jobs?: Record<string, { result: Outcome; outputs: Record<string, string> }>
  inputs?: Record<string, unknown>
}

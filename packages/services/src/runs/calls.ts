import {
  type CalledFrom,
  type CallInput,
  type Contexts,
  ExpressionError,
  evaluateValue,
  type Job,
  parseCalled,
  parseWorkflow,
  type Workflow,
  type WorkflowCall,
} from '@juanie/workflow'
import type { Said } from '@juanie/workflow/say'
import { said, sentenceOf } from '@juanie/workflow/sentences'
import { calling } from './call-reasons.ts'
import type { CalledText, PlanInput, PlannedJob, WantedWorkflow } from './plan-input.ts'

/** One workflow of a run at work: its own, or one that a job of it calls. */
export interface Frame {
  workflow: Workflow
  file: string
  /** Before the keys of its jobs. */
  prefix: string
  /** Before their names. */
  name: string
  contexts: Contexts
  caller: PlannedJob | null
  /** What its jobs keep of where they stand. */
  called: CalledFrom | null
  depth: number
}

const maxDepth = 10
const maxCalls = 50
const maxJobs = 4_096

export const isBegunCall = ({ status, reason }: Pick<PlannedJob, 'status' | 'reason'>): boolean =>
  status === 'pending' && reason === calling

/** The id of a job in its own workflow. */
export const idOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1)

/** Where the jobs stand that this one calls: its key, and its place where it is one of several. */
export const pathOf = ({ key, place, instance }: PlannedJob): string =>
  (instance?.strategy.jobTotal ?? 1) > 1 ? `${key}#${place ?? 0}` : key

/** The key and the place that a path names; null where the job is the only one of its key. */
export function placeOf(path: string): { key: string; place: number | null } {
  const [, key = path, place] = /^(.*?)(?:#(\d+))?$/.exec(path) ?? []
  return { key, place: place === undefined ? null : Number(place) }
}

/** The run's own workflow first, then those called by jobs that are not over. */
export function framesOf(input: PlanInput, jobs: PlannedJob[]): Frame[] {
  const frames: Frame[] = [
    {
      workflow: input.workflow,
      file: input.file ?? 'workflow',
      prefix: '',
      name: '',
      contexts: input.contexts,
      caller: null,
      called: null,
      depth: 0,
    },
  ]
  const begun = jobs.filter(isBegunCall)
  // Those that a called one calls stand behind it.
  for (let index = 0; index < frames.length && begun.length > 0; index++) {
    const above = frames[index]!
    for (const caller of begun) {
      if (caller.key !== above.prefix + idOf(caller.key)) continue
      const frame = frameOf(caller, above, input)
      if (frame) frames.push(frame)
    }
  }
  return frames
}

/** The workflow that a job calls, at work; null when its text is gone. */
export function frameOf(caller: PlannedJob, above: Frame, input: PlanInput): Frame | null {
  const calls = caller.instance?.calls
  const kept = calls && input.called?.[calls.workflow]
  const workflow = kept && calledWorkflow(kept)
  if (!workflow) return null
  const path = pathOf(caller)
  return {
    workflow,
    file: kept.file,
    prefix: `${path}/`,
    name: `${caller.name} / `,
    contexts: { ...above.contexts, inputs: calls.inputs },
    caller,
    called: { caller: path, workflow: calls.workflow, inputs: calls.inputs },
    depth: above.depth + 1,
  }
}

export type Called =
  | { kind: 'known'; key: string; workflow: Workflow }
  | { kind: 'wanted'; wanted: WantedWorkflow }
  | { kind: 'fault'; message: string }

/** What a job of a frame calls, as far as it can be known now. */
export function calledBy(call: WorkflowCall, frame: Frame, input: PlanInput): Called {
  const at = `${frame.file}:${call.position.line}:${call.position.column}`
  const fault = (message: string): Called => ({ kind: 'fault', message: `${at}: ${message}` })
  if (frame.depth >= maxDepth) return fault(`Workflows call each other more than ${maxDepth} deep.`)
  const found = calledKey(
    call.uses,
    frame.called && { key: frame.called.workflow, ...input.called?.[frame.called.workflow] },
  )
  if (!found) return fault(`'${call.uses}' is no reusable workflow.`)
  const kept = input.called?.[found.key]
  if (!kept) {
    if (Object.keys(input.called ?? {}).length >= maxCalls)
      return fault(`A run may call at most ${maxCalls} workflows.`)
    return found.wanted
      ? { kind: 'wanted', wanted: found.wanted }
      : fault(`There is no workflow ${call.uses} in this commit.`)
  }
  if (input.jobs.length > maxJobs) return fault(`A run may have at most ${maxJobs} jobs.`)
  const workflow = calledWorkflow(kept)
  if (!workflow) return fault(kept.fault ?? `${kept.file} cannot be read as a workflow.`)
  const [first] = callFaults(call, workflow)
  return first ? fault(sentenceOf(first)) : { kind: 'known', key: found.key, workflow }
}

/**
 * Under which key a called workflow is kept, and what must be fetched for it. A local path means the repository of the
 * file that says so, at the commit of that file.
 */
export function calledKey(
  uses: string,
  from: { key: string; commit?: string | null } | null,
): { key: string; wanted: WantedWorkflow | null } | null {
  const file = parseCalled(uses)
  if (!file) return null
  if (file.kind === 'remote') {
    const { owner, name, path, ref } = file
    const key = `${owner}/${name}/${path}@${ref}`
    return { key, wanted: { key, owner, name, path, ref } }
  }
  const origin = from ? parseCalled(from.key) : null
  if (origin?.kind !== 'remote') return { key: `./${file.path}`, wanted: null }
  const { owner, name } = origin
  const ref = from?.commit ?? origin.ref
  const key = `${owner}/${name}/${file.path}@${ref}`
  return { key, wanted: { key, owner, name, path: file.path, ref } }
}

/** Where the workflow lies that a job is part of, as `job.workflow_ref` and the claims of its id tokens say it. */
export function workflowPlace(
  run: { workflowFile: string; ref: string; commit: string; repository: string },
  called: { key: string; commit: string | null } | null,
): { repository: string; path: string; ref: string; sha: string } {
  const file = called && parseCalled(called.key)
  if (file?.kind === 'remote') {
    const repository = `${file.owner}/${file.name}`
    return {
      repository,
      path: file.path,
      ref: `${repository}/${file.path}@${file.ref}`,
      sha: called?.commit ?? file.ref,
    }
  }
  const path = file?.path ?? run.workflowFile
  return { repository: run.repository, path, ref: `${run.repository}/${path}@${run.ref}`, sha: run.commit }
}

const parsed = new Map<string, Workflow | null>()

/** The text of a called workflow, read; null when it is no workflow. */
export function calledWorkflow({ file, text }: CalledText): Workflow | null {
  if (text === null) return null
  const key = `${file}\n${text}`
  const known = parsed.get(key)
  if (known !== undefined) return known
  const { workflow } = parseWorkflow(file, text)
  if (parsed.size >= 200) parsed.clear()
  parsed.set(key, workflow)
  return workflow
}

/** What a call and the workflow that it calls do not agree on. */
export function callFaults(call: WorkflowCall, workflow: Workflow): Said[] {
  const trigger = workflow.on.workflowCall
  if (!trigger) return [said('notCallable', { uses: call.uses })]
  const faults: Said[] = []
  const has = (names: object, name: string) =>
    Object.keys(names).some((each) => each.toLowerCase() === name.toLowerCase())
  for (const name of Object.keys(call.with)) {
    if (!has(trigger.inputs, name)) faults.push(said('callNoInput', { uses: call.uses, name }))
  }
  for (const [name, { required }] of Object.entries(trigger.inputs)) {
    if (required && !has(call.with, name)) faults.push(said('inputMissing', { name }))
  }
  if (call.secrets === 'inherit') return faults
  for (const name of Object.keys(call.secrets)) {
    if (!has(trigger.secrets, name)) faults.push(said('callNoSecret', { uses: call.uses, name }))
  }
  for (const [name, { required }] of Object.entries(trigger.secrets)) {
    if (required && !has(call.secrets, name)) {
      faults.push(said('callSecretMissing', { name }))
    }
  }
  return faults
}

type Value = string | number | boolean

/** The `inputs` context of a called workflow. Throws ExpressionError. */
export function callInputs(
  call: NonNullable<Job['call']>,
  { workflow }: { workflow: Workflow },
  { own, frame }: { own: Contexts; frame: Frame },
): Record<string, Value> {
  const declared = workflow.on.workflowCall?.inputs ?? {}
  const given = new Map(Object.entries(call.with).map(([name, value]) => [name.toLowerCase(), value]))
  const known = { github: frame.contexts.github ?? {}, vars: frame.contexts.vars ?? {} }
  return Object.fromEntries(
    Object.entries(declared).map(([name, input]): [string, Value] => {
      const written = given.get(name.toLowerCase())
      if (written !== undefined) return [name, typed(name, input, evaluateValue(written, own))]
      if (input.default !== undefined) return [name, typed(name, input, evaluateValue(input.default, known))]
      return [name, input.type === 'boolean' ? false : input.type === 'number' ? 0 : '']
    }),
  )
}

function typed(name: string, { type }: CallInput, value: unknown): Value {
  if (type === 'string') {
    if (value === null || value === undefined) return ''
    if (typeof value !== 'object') return String(value)
  } else if (type === 'boolean') {
    if (typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    if (value === null || value === '') return false
  } else {
    const number = typeof value === 'string' && value.trim() === '' ? 0 : Number(value ?? 0)
    if (typeof value !== 'object' && typeof value !== 'boolean' && Number.isFinite(number)) return number
  }
  throw new ExpressionError(`The input '${name}' must be a ${type}.`)
}

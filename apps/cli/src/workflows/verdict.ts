import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  actionFileNames,
  type Job,
  matchesRunner,
  type Problem,
  parseAction,
  parseActionRef,
  parseWorkflow,
  type Workflow,
} from '@juanie/workflow'
import { startsOf } from './events.ts'

/**
 * What Juanie would make of a job: `runs`; `waits` for an agent with labels that no Linux agent has; `blocked`, because
 * something that it needs is not there.
 */
interface JobVerdict {
  id: string
  verdict: 'runs' | 'waits' | 'blocked'
  /** One sentence each. */
  notes: string[]
}

export interface Checked {
  file: string
  name: string | null
  /** Events that start a run here, and those that wait for a forge to send them. */
  starts: string[]
  waits: string[]
  problems: Problem[]
  /** Empty where the file cannot be read. */
  jobs: JobVerdict[]
  workflow: Workflow | null
}

/** The labels that an agent on Linux has without being told; those of processors are taken as there. */
const usualLabels = ['self-hosted', 'linux', 'x64', 'arm64']

/** Looks at a workflow as the server would before a run, with the repository's own actions and workflows in `root`. */
export function check(root: string, file: string, text: string): Checked {
  const { workflow, problems } = parseWorkflow(file, text)
  return {
    file,
    name: workflow?.name ?? null,
    starts: workflow ? startsOf(workflow.on) : [],
    waits: workflow?.on.other ?? [],
    problems,
    jobs: workflow?.jobs.map((job) => verdictOf(root, job)) ?? [],
    workflow,
  }
}

function verdictOf(root: string, job: Job): JobVerdict {
  const blocked = (job.blockers ?? []).map(({ message, position, unlessEmpty }) =>
    unlessEmpty === undefined
      ? `line ${position.line}: ${message}`
      : `line ${position.line}: unless ${unlessEmpty} is empty: ${message}`,
  )
  const isBlocked = (job.blockers ?? []).some(({ unlessEmpty }) => unlessEmpty === undefined)
  const actions = job.steps.flatMap((step) =>
    step.kind === 'uses' ? localAction(root, step.uses, step.position.line) : [],
  )
  const call = job.call && callFault(root, job.call.uses)
  const needs = actions.filter(({ isFatal }) => isFatal).map(({ note }) => note)
  if (isBlocked || needs.length > 0 || call) {
    return { id: job.id, verdict: 'blocked', notes: [...blocked, ...needs, ...(call ? [call] : [])] }
  }
  const notes = [...blocked, ...actions.map(({ note }) => note)]
  const labels = missingLabels(job)
  return labels ? { id: job.id, verdict: 'waits', notes: [labels, ...notes] } : { id: job.id, verdict: 'runs', notes }
}

/** A sentence where the labels are written out and no usual agent has them. */
function missingLabels({ runsOn, call }: Job): string | null {
  const labels = typeof runsOn === 'string' ? [runsOn] : runsOn
  if (call || labels.length === 0 || labels.some((label) => label.includes('${{'))) return null
  if (matchesRunner(labels, usualLabels)) return null
  return `It waits for an agent with the labels ${labels.join(', ')}.`
}

function localAction(root: string, uses: string, line: number): { note: string; isFatal: boolean }[] {
  const ref = parseActionRef(uses)
  if (ref?.kind !== 'local' && ref?.kind !== 'self') return []
  const file = actionFileNames.map((name) => join(ref.path, name)).find((path) => existsSync(join(root, path)))
  if (!file) {
    const note = `line ${line}: ${uses} has no action.yml in this repository; a step before must bring it.`
    return [{ note, isFatal: ref.kind === 'self' }]
  }
  const { action, problems } = parseAction(readFileSync(join(root, file), 'utf8'), file)
  const first = problems.find(({ severity }) => severity === 'error')
  if (first) return [{ note: `${file}:${first.position?.line ?? 1}: ${first.message}`, isFatal: true }]
  return action?.runs.using === 'docker'
    ? [{ note: `line ${line}: ${uses} is a Docker action, which needs the Docker executor.`, isFatal: true }]
    : []
}

function callFault(root: string, uses: string): string | null {
  if (!uses.startsWith('./') || existsSync(join(root, uses))) return null
  return `It calls ${uses}, which is not in this repository.`
}

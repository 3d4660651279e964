import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  actionFileNames,
  ExpressionError,
  expandJob,
  type Job,
  matchesRunner,
  type Problem,
  parseAction,
  parseActionRef,
  parseWorkflow,
  runsOnLabels,
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
  const waiting = waitingOf(job)
  if (waiting) notes.unshift(waiting.note)
  return { id: job.id, verdict: waiting?.waits ? 'waits' : 'runs', notes }
}

/** What of a job no usual agent takes, as far as the file alone says its labels. */
function waitingOf(job: Job): { waits: boolean; note: string } | null {
  const all = labelsOf(job)
  const missing = all.filter((labels) => !matchesRunner(labels, usualLabels))
  if (missing.length === 0) return null
  const names = [...new Set(missing.map((labels) => labels.join(', ')))].join(' or ')
  const waits = missing.length === all.length
  const who = waits
    ? 'It waits'
    : `${missing.length} of its ${all.length} jobs ${missing.length === 1 ? 'waits' : 'wait'}`
  return { waits, note: `${who} for an agent with the labels ${names}.` }
}

/** The labels of each job that a job of the file becomes; none where they hang on what only a run knows. */
function labelsOf(job: Job): string[][] {
  const written = [job.runsOn].flat()
  if (job.call || written.length === 0) return []
  if (!written.some(hasExpression)) return [written]
  const isKnown = written.every(
    (label) => !hasExpression(label) || /^\$\{\{\s*matrix\.[\w-]+\s*\}\}$/.test(label.trim()),
  )
  if (!isKnown || hasExpression(JSON.stringify(job.strategy ?? ''))) return []
  try {
    return expandJob({ ...job, name: job.id }, {}).map((instance) => runsOnLabels(instance, {}))
  } catch (error) {
    if (error instanceof ExpressionError) return []
    throw error
  }
}

const hasExpression = (text: string) => text.includes('${{')

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

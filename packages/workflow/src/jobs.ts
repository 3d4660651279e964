import { readCall } from './call.ts'
import { readConcurrency } from './concurrency.ts'
import type { Blocker, Job, Permissions, Step, Template, Workflow } from './model.ts'
import { checkNeeds, type NeedsOf } from './needs.ts'
import { readPermissions } from './permissions.ts'
import type { Problems } from './problems.ts'
import {
  entriesOf,
  idFault,
  readCondition,
  readDefaults,
  readFlag,
  readMinutes,
  readTemplates,
  readTexts,
} from './read.ts'
import { warnOfUnknownNames } from './references.ts'
import { countSteps, readSteps } from './steps.ts'
import { readStrategy } from './strategy.ts'
import { hasExpression } from './template.ts'
import { child, type Entry, entry, type Node, scalarText } from './yaml.ts'

const maxJobs = 256

const ignored = {
  snapshot: 'Snapshots of a runner are not made here: this key has no effect.',
  'cancel-timeout-minutes': 'This key has no effect here: a cancelled job is ended with its whole process tree.',
}

/** What a job takes from its workflow. */
interface Inherited {
  permissions: Permissions | undefined
}

export function readJobs(node: Node | undefined, inherited: Inherited, problems: Problems): Job[] {
  if (!node || (node.kind === 'scalar' && node.value === null)) {
    problems.error(node ?? null, "The file has no jobs; add at least one under 'jobs'.")
    return []
  }
  const entries = entriesOf(node)
  if (node.kind === 'mapping' && entries.length === 0) {
    problems.error(node, "The file has no jobs; add at least one under 'jobs'.")
  }
  if (entries.length > maxJobs) {
    problems.error(node, `The file has ${entries.length} jobs; at most ${maxJobs} are allowed.`)
    return []
  }
  const jobs = entries.flatMap((each) => {
    const fault = idFault(each.name)
    if (fault) problems.error(each.key, fault)
    return each.value.kind === 'mapping' ? [readJob(each, inherited, problems)] : []
  })
  checkNeeds(jobs, problems)
  return jobs.map(({ job }) => job)
}

function readJob(
  { name: id, key, value: node }: Entry & { name: string },
  inherited: Inherited,
  problems: Problems,
): NeedsOf {
  for (const [name, message] of Object.entries(ignored)) {
    const found = entry(node, name)
    if (found) problems.warning(found.key, message)
  }
  const at = (name: string) => child(node, name)
  const needs = readTexts(at('needs'))
  const steps = readSteps(at('steps'), problems)
  const stepsNode = at('steps')
  const call = readCall(node, problems)
  if (!entry(node, 'uses') && (!stepsNode || (stepsNode.kind === 'sequence' && stepsNode.items.length === 0))) {
    problems.error(stepsNode ?? key, `Job '${id}' has no steps; add at least one under 'steps'.`)
  }
  const ids = steps.flatMap((step) => (step.id === undefined ? [] : [step.id]))
  // With a step that could not be read, its id is not known.
  const complete = stepsNode?.kind === 'sequence' && countSteps(stepsNode) === steps.length
  if (complete) warnOfUnknownNames(node, { needs: needs.map(({ text }) => text), steps: ids }, problems)
  const name = scalarText(at('name'))
  const strategy = readStrategy(at('strategy'), problems)
  const timeoutMinutes = readMinutes(at('timeout-minutes'), problems)
  const environment = readEnvironment(at('environment'))
  const permissions = readPermissions(at('permissions'), problems) ?? inherited.permissions
  const concurrency = readConcurrency(at('concurrency'))
  const blockers = [...readContainers(node, problems), ...readImages(steps, problems)]
  const job: Job = {
    id,
    ...(name !== undefined && name !== '' && { name }),
    needs: [...new Set(needs.map(({ text }) => text))],
    if: readCondition(at('if'), 'job-if', problems),
    runsOn: readRunsOn(at('runs-on'), problems),
    env: readTemplates(at('env')),
    defaults: readDefaults(at('defaults'), problems),
    outputs: readTemplates(at('outputs')),
    ...(strategy && { strategy }),
    ...(timeoutMinutes !== undefined && { timeoutMinutes }),
    continueOnError: readFlag(at('continue-on-error')) ?? false,
    ...(environment && { environment }),
    ...(permissions && { permissions }),
    ...(concurrency && { concurrency }),
    ...(call && { call }),
    ...(blockers.length > 0 && { blockers }),
    steps,
    position: key.range.start,
  }
  return { job, needs }
}

/** Whether no job of a workflow can run here: nothing of it should begin then. */
export const isBlocked = ({ jobs }: Workflow): boolean =>
  jobs.every(({ blockers = [] }) => blockers.some(({ unlessEmpty }) => unlessEmpty === undefined))

function readRunsOn(node: Node | undefined, problems: Problems): Template[] | Template {
  if (node?.kind === 'scalar') return scalarText(node) ?? ''
  if (node?.kind === 'mapping') {
    const group = entry(node, 'group')
    if (group) problems.warning(group.key, 'There are no groups of runners here: any agent with the labels takes it.')
    // Every agent is a runner of one's own.
    return child(node, 'labels') ? readRunsOn(child(node, 'labels'), problems) : ['self-hosted']
  }
  const labels = readTexts(node).map(({ text }) => text)
  if (node && labels.length === 0) problems.error(node, "'runs-on' names no label; write one, such as ubuntu-latest.")
  return labels
}

const needsDocker = 'needs the Docker executor, which this Juanie does not have yet'

/** Containers of a job, each of which says at once what it needs. */
function readContainers(node: Node, problems: Problems): Blocker[] {
  return (['container', 'services'] as const).flatMap((name): Blocker[] => {
    const found = entry(node, name)
    if (!found || (found.value.kind === 'scalar' && found.value.value === null)) return []
    const what = name === 'container' ? "The job's 'container'" : "The job's 'services'"
    const message = `${what} ${needsDocker}.`
    const image =
      scalarText(found.value) ?? (name === 'container' ? scalarText(child(found.value, 'image')) : undefined)
    if (image === '') return []
    const unlessEmpty = image !== undefined && hasExpression(image) ? image : undefined
    problems.warning(found.key, unlessEmpty === undefined ? message : `${message} It runs where this turns out empty.`)
    return [{ message, position: found.key.range.start, ...(unlessEmpty !== undefined && { unlessEmpty }) }]
  })
}

/** Steps that are images. */
function readImages(steps: Step[], problems: Problems): Blocker[] {
  return steps.flatMap((step) => {
    if (step.kind !== 'uses' || !step.uses.startsWith('docker://')) return []
    const message = `The action '${step.uses.slice(0, 120)}' ${needsDocker}.`
    problems.warning(step.position, message)
    return [{ message, position: step.position }]
  })
}

function readEnvironment(node: Node | undefined): Job['environment'] {
  const name = scalarText(node) ?? scalarText(child(node, 'name'))
  if (name === undefined || name === '') return undefined
  const url = scalarText(child(node, 'url'))
  return { name, ...(url !== undefined && { url }) }
}

import type { Job, Template } from './model.ts'
import { checkNeeds, type NeedsOf } from './needs.ts'
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
import { child, type Entry, entry, type Node, scalarText } from './yaml.ts'

const maxJobs = 256

const unsupported = {
  uses: 'Reusable workflows are not supported yet; write the jobs of the called workflow here.',
  container: 'Job containers are not supported yet; run the steps on the host, or remove this key.',
  services: 'Service containers are not supported yet; start what the job needs in a run step, or remove this key.',
  snapshot: 'Snapshots of a runner are not supported; remove this key.',
  'cancel-timeout-minutes': 'This key is not supported; a cancelled job is ended with its whole process tree.',
}

/** Said at the key of the workflow and of a job alike. */
export const concurrencyWarning =
  "'concurrency' is not honoured yet: runs of the same group may run at the same time and none is cancelled."

export function readJobs(node: Node | undefined, problems: Problems): Job[] {
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
    return each.value.kind === 'mapping' ? [readJob(each.name, each, problems)] : []
  })
  checkNeeds(jobs, problems)
  return jobs.map(({ job }) => job)
}

function readJob(id: string, { key, value: node }: Entry, problems: Problems): NeedsOf {
  for (const [name, message] of Object.entries(unsupported)) {
    const found = entry(node, name)
    if (found) problems.error(found.key, message)
  }
  const concurrency = entry(node, 'concurrency')
  if (concurrency) problems.warning(concurrency.key, concurrencyWarning)
  const at = (name: string) => child(node, name)
  const needs = readTexts(at('needs'))
  const steps = readSteps(at('steps'), problems)
  const stepsNode = at('steps')
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
  const job: Job = {
    id,
    ...(name !== undefined && name !== '' && { name }),
    needs: [...new Set(needs.map(({ text }) => text))],
    if: readCondition(at('if'), 'job-if', problems),
    runsOn: readRunsOn(at('runs-on'), problems),
    env: readTemplates(at('env'), 'env', problems),
    defaults: readDefaults(at('defaults'), problems),
    outputs: readTemplates(at('outputs'), 'outputs', problems),
    ...(strategy && { strategy }),
    ...(timeoutMinutes !== undefined && { timeoutMinutes }),
    continueOnError: readFlag(at('continue-on-error')) ?? false,
    ...(environment && { environment }),
    steps,
    position: key.range.start,
  }
  return { job, needs }
}

function readRunsOn(node: Node | undefined, problems: Problems): Template[] | Template {
  if (node?.kind === 'scalar') return scalarText(node) ?? ''
  if (node?.kind === 'mapping') {
    const group = entry(node, 'group')
    if (group) problems.error(group.key, "Groups of runners are not supported; name the agent's labels instead.")
    return readRunsOn(child(node, 'labels'), problems)
  }
  const labels = readTexts(node).map(({ text }) => text)
  if (node && labels.length === 0) problems.error(node, "'runs-on' names no label; write one, such as ubuntu-latest.")
  return labels
}

function readEnvironment(node: Node | undefined): Job['environment'] {
  const name = scalarText(node) ?? scalarText(child(node, 'name'))
  if (name === undefined || name === '') return undefined
  const url = scalarText(child(node, 'url'))
  return { name, ...(url !== undefined && { url }) }
}

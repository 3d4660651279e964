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
import { said, sentenceOf } from './sentences.ts'
import { countSteps, readSteps } from './steps.ts'
import { readStrategy } from './strategy.ts'
import { hasExpression } from './template.ts'
import { child, type Entry, entry, type Node, scalarText } from './yaml.ts'

const maxJobs = 256

const ignored = {
  snapshot: 'snapshotIgnored',
  'cancel-timeout-minutes': 'cancelTimeoutIgnored',
} as const

/** What a job takes from its workflow. */
interface Inherited {
  permissions: Permissions | undefined
}

export function readJobs(node: Node | undefined, inherited: Inherited, problems: Problems): Job[] {
  if (!node || (node.kind === 'scalar' && node.value === null)) {
    problems.error(node ?? null, said('jobsNone'))
    return []
  }
  const entries = entriesOf(node)
  if (node.kind === 'mapping' && entries.length === 0) {
    problems.error(node, said('jobsNone'))
  }
  if (entries.length > maxJobs) {
    problems.error(node, said('jobsMany', { count: entries.length, most: maxJobs }))
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
  for (const [name, sentence] of Object.entries(ignored) as [string, (typeof ignored)[keyof typeof ignored]][]) {
    const found = entry(node, name)
    if (found) problems.warning(found.key, said(sentence))
  }
  const at = (name: string) => child(node, name)
  const needs = readTexts(at('needs'))
  const steps = readSteps(at('steps'), problems)
  const stepsNode = at('steps')
  const call = readCall(node, problems)
  if (!entry(node, 'uses') && (!stepsNode || (stepsNode.kind === 'sequence' && stepsNode.items.length === 0))) {
    problems.error(stepsNode ?? key, said('jobNoSteps', { id }))
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
    if (group) problems.warning(group.key, said('runnerGroup'))
    // Every agent is a runner of one's own.
    return child(node, 'labels') ? readRunsOn(child(node, 'labels'), problems) : ['self-hosted']
  }
  const labels = readTexts(node).map(({ text }) => text)
  if (node && labels.length === 0) problems.error(node, said('runsOnEmpty'))
  return labels
}

/** Containers of a job, each of which says at once what it needs. */
function readContainers(node: Node, problems: Problems): Blocker[] {
  return (['container', 'services'] as const).flatMap((name): Blocker[] => {
    const found = entry(node, name)
    if (!found || (found.value.kind === 'scalar' && found.value.value === null)) return []
    const fault = said(name === 'container' ? 'containerNeedsDocker' : 'servicesNeedDocker')
    const image =
      scalarText(found.value) ?? (name === 'container' ? scalarText(child(found.value, 'image')) : undefined)
    if (image === '') return []
    const unlessEmpty = image !== undefined && hasExpression(image) ? image : undefined
    problems.warning(found.key, unlessEmpty === undefined ? fault : said('runsWhereEmpty', { fault }))
    return [
      {
        message: sentenceOf(fault),
        position: found.key.range.start,
        ...(unlessEmpty !== undefined && { unlessEmpty }),
      },
    ]
  })
}

/** Steps that are images. */
function readImages(steps: Step[], problems: Problems): Blocker[] {
  return steps.flatMap((step) => {
    if (step.kind !== 'uses' || !step.uses.startsWith('docker://')) return []
    const fault = said('actionNeedsDocker', { uses: step.uses.slice(0, 120) })
    problems.warning(step.position, fault)
    return [{ message: sentenceOf(fault), position: step.position }]
  })
}

function readEnvironment(node: Node | undefined): Job['environment'] {
  const name = scalarText(node) ?? scalarText(child(node, 'name'))
  if (name === undefined || name === '') return undefined
  const url = scalarText(child(node, 'url'))
  return { name, ...(url !== undefined && { url }) }
}

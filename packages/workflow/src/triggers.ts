import { getWorkflowSchema } from '@actions/workflow-parser/workflows/workflow-schema'
import { readCallTrigger } from './call-trigger.ts'
import { cronFault } from './cron.ts'
import { readInputs } from './inputs.ts'
import {
  type PushTrigger,
  type ScheduleTrigger,
  type Triggers,
  type WorkflowRunTrigger,
  type WorkflowRunType,
  workflowRunTypes,
} from './model.ts'
import type { Problems } from './problems.ts'
import { filterFault } from './push-filter.ts'
import { entriesOf, readTexts } from './read.ts'
import { strictFaults } from './schema.ts'
import { said } from './sentences.ts'
import { child, type Node, scalarText } from './yaml.ts'

/**
 * Reads `on:`. Events of a forge are listed and wait for it, whatever filters they carry. What GitHub's own schema finds
 * in filters, and GitHub yet runs, is a warning.
 */
export function readTriggers(node: Node | undefined, problems: Problems): Triggers {
  const triggers: Triggers = { other: [] }
  if (!node || isNothing(node)) {
    problems.error(node ?? null, said('onEmpty'))
    return triggers
  }
  const events =
    node.kind === 'mapping'
      ? entriesOf(node).map(({ name, key, value }) => ({ name, at: key as Node, filters: value }))
      : readTexts(node).map(({ text, node: at }) => ({ name: text, at, filters: undefined }))
  if (events.length === 0) problems.error(node, said('onNone'))
  for (const { name, at, filters } of events) readEvent({ name, at, filters }, triggers, problems)
  if (node.kind === 'mapping') {
    for (const { position, fault } of strictFaults(node)) {
      // A filter with nothing after it was told of above.
      const isNothing = fault.key === 'valueUnexpected' && fault.values.text === ''
      if (position && !problems.hasAt(position) && !isNothing) problems.warning(position, said('noEffect', { fault }))
    }
  }
  return triggers
}

function readEvent(
  { name, at, filters }: { name: string; at: Node; filters: Node | undefined },
  triggers: Triggers,
  problems: Problems,
): void {
  switch (name) {
    case 'push':
      triggers.push = readPush(filters, problems)
      return
    case 'workflow_dispatch':
      triggers.workflowDispatch = { inputs: readInputs(filters, problems) }
      return
    case 'workflow_call':
      triggers.workflowCall = readCallTrigger(filters, problems)
      return
    case 'schedule':
      triggers.schedule = readSchedule(filters, problems)
      return
    case 'workflow_run':
      triggers.workflowRun = readWorkflowRun(filters, problems)
      return
    case 'repository_dispatch':
      triggers.repositoryDispatch = { types: textsOf(child(filters, 'types')) }
      return
  }
  if (isEvent(name)) triggers.other.push(name)
  else problems.error(at, said('eventUnknown', { name: name.slice(0, 80) }))
}

/** Whether GitHub's schema has an event of this name: it has a definition for each event written alone. */
function isEvent(name: string): boolean {
  if (!/^[a-z_]{1,64}$/.test(name)) return false
  try {
    return getWorkflowSchema().getDefinition(`${name.replaceAll('_', '-')}-string`) !== undefined
  } catch {
    return false
  }
}

const isNothing = (node: Node | undefined): boolean => node?.kind === 'scalar' && node.value === null
const textsOf = (node: Node | undefined): string[] => readTexts(node).map(({ text }) => text)

const filters = {
  branches: 'branches',
  'branches-ignore': 'branchesIgnore',
  tags: 'tags',
  'tags-ignore': 'tagsIgnore',
  paths: 'paths',
  'paths-ignore': 'pathsIgnore',
} as const
type Filter = keyof typeof filters

function readPush(node: Node | undefined, problems: Problems): PushTrigger {
  if (node && node.kind !== 'mapping' && !isNothing(node)) {
    problems.error(node, said('pushKind'))
  }
  for (const { name, key } of entriesOf(node)) {
    if (Object.hasOwn(filters, name)) continue
    const known = Object.keys(filters).join(', ')
    problems.warning(key, said('pushFilterUnknown', { name: name.slice(0, 80), known }))
  }
  return readFilters(node, Object.keys(filters) as Filter[], problems)
}

/** Patterns by filter. One with nothing after it is no filter. */
function readFilters(node: Node | undefined, names: Filter[], problems: Problems): PushTrigger {
  const read: PushTrigger = {}
  for (const { name, key, value } of entriesOf(node)) {
    if (!names.includes(name as Filter)) continue
    if (value.kind === 'mapping') problems.error(value, said('filterKind', { name }))
    if (isNothing(value)) problems.warning(key, said('filterEmpty', { name }))
    const patterns = readTexts(value)
    for (const { text, node: at } of patterns) {
      const fault = filterFault(text)
      if (fault) problems.error(at, fault)
    }
    if (patterns.length > 0) read[filters[name as Filter]] = patterns.map(({ text }) => text)
  }
  for (const name of ['branches', 'tags', 'paths'] as const) {
    if (read[name] && read[`${name}Ignore`]) {
      const key = child(node, `${name}-ignore`)
      problems.error(key ?? null, said('filtersExclude', { name }))
    }
  }
  return read
}

const maxSchedules = 20

function readSchedule(node: Node | undefined, problems: Problems): ScheduleTrigger[] {
  const items = node?.kind === 'sequence' ? node.items : []
  if (items.length > maxSchedules) {
    problems.error(node!, said('scheduleMany', { count: items.length, most: maxSchedules }))
    return []
  }
  const found = items.flatMap((item) => {
    const at = child(item, 'cron')
    const cron = scalarText(at)?.trim()
    if (!cron) return []
    const timezone = scalarText(child(item, 'timezone'))?.trim() || undefined
    const fault = cronFault(cron, timezone)
    if (fault) problems.error(fault.of === 'cron' ? at! : child(item, 'timezone')!, fault.said)
    return fault ? [] : [{ cron, ...(timezone && { timezone }) }]
  })
  if (found.length === 0 && node && !problems.hasErrors) {
    problems.warning(node, said('scheduleNone'))
  }
  return found
}

function readWorkflowRun(node: Node | undefined, problems: Problems): WorkflowRunTrigger {
  const { branches, branchesIgnore } = readFilters(node, ['branches', 'branches-ignore'], problems)
  const types = textsOf(child(node, 'types')).filter((each): each is WorkflowRunType =>
    (workflowRunTypes as readonly string[]).includes(each),
  )
  return {
    workflows: textsOf(child(node, 'workflows')),
    types: types.length > 0 ? types : ['requested', 'completed'],
    ...(branches && { branches }),
    ...(branchesIgnore && { branchesIgnore }),
  }
}

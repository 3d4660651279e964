import { getWorkflowSchema } from '@actions/workflow-parser/workflows/workflow-schema'
import type { DispatchInput, PushTrigger, Triggers } from './model.ts'
import type { Problems } from './problems.ts'
import { filterFault } from './push-filter.ts'
import { entriesOf, readTexts } from './read.ts'
import { child, type Node, scalarText } from './yaml.ts'

/** Reads `on:`. Events that do not happen here are listed and never fire, whatever filters they carry. */
export function readTriggers(node: Node | undefined, problems: Problems): Triggers {
  const triggers: Triggers = { other: [] }
  if (!node || (node.kind === 'scalar' && node.value === null)) {
    problems.error(node ?? null, "The file says nothing after 'on'; name the events that start it, such as 'on: push'.")
    return triggers
  }
  const events =
    node.kind === 'mapping'
      ? entriesOf(node).map(({ name, key, value }) => ({ name, at: key as Node, filters: value }))
      : readTexts(node).map(({ text, node: at }) => ({ name: text, at, filters: undefined }))
  if (events.length === 0) problems.error(node, "'on' lists no event; name at least one, such as push.")
  for (const { name, at, filters } of events) {
    if (name === 'push') triggers.push = readPush(filters, problems)
    else if (name === 'workflow_dispatch') triggers.workflowDispatch = { inputs: readInputs(filters, problems) }
    else if (isEvent(name)) triggers.other.push(name)
    else problems.error(at, `'${name.slice(0, 80)}' is not an event; correct its spelling (for a push write 'push').`)
  }
  return triggers
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

const filters = {
  branches: 'branches',
  'branches-ignore': 'branchesIgnore',
  tags: 'tags',
  'tags-ignore': 'tagsIgnore',
  paths: 'paths',
  'paths-ignore': 'pathsIgnore',
} as const

function readPush(node: Node | undefined, problems: Problems): PushTrigger {
  const push: PushTrigger = {}
  if (node && node.kind !== 'mapping' && !(node.kind === 'scalar' && node.value === null)) {
    problems.error(node, "'push' takes a mapping of filters, such as 'branches: [main]', or nothing.")
  }
  for (const { name, key, value } of entriesOf(node)) {
    if (!Object.hasOwn(filters, name)) {
      problems.error(key, `'push' has no filter '${name.slice(0, 80)}'; it has ${Object.keys(filters).join(', ')}.`)
      continue
    }
    if (value.kind === 'mapping') problems.error(value, `'${name}' takes one pattern or a list of patterns.`)
    const patterns = readTexts(value)
    for (const { text, node: at } of patterns) {
      const fault = filterFault(text)
      if (fault) problems.error(at, fault)
    }
    // A filter with nothing after it is no filter.
    if (patterns.length > 0) push[filters[name as keyof typeof filters]] = patterns.map(({ text }) => text)
  }
  for (const name of ['branches', 'tags', 'paths'] as const) {
    if (push[name] && push[`${name}Ignore`]) {
      const key = child(node, `${name}-ignore`)
      problems.error(
        key ?? null,
        `'${name}' and '${name}-ignore' exclude each other; use '${name}' with patterns that begin with '!'.`,
      )
    }
  }
  return push
}

const inputTypes = ['string', 'boolean', 'number', 'choice', 'environment'] as const
const inputKeys = ['type', 'required', 'default', 'description', 'options', 'deprecationMessage', 'deprecation-message']

function readInputs(node: Node | undefined, problems: Problems): Record<string, DispatchInput> {
  if (node && node.kind !== 'mapping' && !(node.kind === 'scalar' && node.value === null)) {
    problems.error(node, "'workflow_dispatch' takes a mapping with 'inputs', or nothing.")
  }
  for (const { name, key } of entriesOf(node)) {
    if (name !== 'inputs') problems.error(key, `'workflow_dispatch' knows 'inputs' only, not '${name.slice(0, 80)}'.`)
  }
  return Object.fromEntries(
    entriesOf(child(node, 'inputs')).map(({ name, key, value }) => {
      if (!/^[A-Za-z_][\w-]{0,99}$/.test(name)) {
        problems.error(key, `'${name.slice(0, 80)}' cannot name an input; use letters, digits, - and _.`)
      }
      return [name, readInput(value, problems)]
    }),
  )
}

function readInput(node: Node, problems: Problems): DispatchInput {
  for (const { name, key } of entriesOf(node)) {
    if (!inputKeys.includes(name)) problems.error(key, `An input has no key '${name.slice(0, 80)}'.`)
  }
  const typeNode = child(node, 'type')
  const written = scalarText(typeNode) ?? 'string'
  const type = inputTypes.find((each) => each === written)
  if (!type) problems.error(typeNode ?? node, `'${written.slice(0, 80)}' is not a type; use ${inputTypes.join(', ')}.`)
  const required = child(node, 'required')
  if (required && (required.kind !== 'scalar' || typeof required.value !== 'boolean')) {
    problems.error(required, "'required' must be true or false.")
  }
  const input: DispatchInput = {
    type: type ?? 'string',
    required: required?.kind === 'scalar' && required.value === true,
  }
  const description = scalarText(child(node, 'description'))
  if (description !== undefined) input.description = description
  if (input.type === 'choice') {
    input.options = readTexts(child(node, 'options')).map(({ text }) => text)
    if (input.options.length === 0)
      problems.error(node, "An input of type 'choice' needs 'options' with at least one value.")
  }
  const given = child(node, 'default')
  if (given?.kind === 'scalar' && given.value !== null) {
    const { value, fault } = typedInput(input, String(given.value))
    if (fault) problems.error(given, `The default does not fit: ${fault}`)
    else input.default = value
  }
  return input
}

/** The value of an input from its text form; `fault` says what it must be. */
export function typedInput(
  input: DispatchInput,
  text: string,
): { value: string | number | boolean; fault?: undefined } | { value?: undefined; fault: string } {
  if (input.type === 'boolean') {
    return text === 'true' || text === 'false' ? { value: text === 'true' } : { fault: 'it must be true or false.' }
  }
  if (input.type === 'number') {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    return Number.isFinite(value) ? { value } : { fault: 'it must be a number.' }
  }
  if (input.type === 'choice' && !input.options?.includes(text)) {
    return { fault: `it must be one of ${input.options?.join(', ')}.` }
  }
  return { value: text }
}

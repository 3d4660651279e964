import { readConcurrency } from './concurrency.ts'
import { readJobs } from './jobs.ts'
import type { Position, Problem, Workflow } from './model.ts'
import { readPermissions } from './permissions.ts'
import { Problems } from './problems.ts'
import { entriesOf, readDefaults, readTemplates } from './read.ts'
import { checkSchema } from './schema.ts'
import { said } from './sentences.ts'
import { readTriggers } from './triggers.ts'
import { child, type MappingNode, type Node, type Range, readYaml, scalarText, YamlError } from './yaml.ts'

export interface Parsed {
  /** Null as soon as one problem is an error: never half a workflow. */
  workflow: Workflow | null
  problems: Problem[]
}

/**
 * Reads and checks a workflow file. It never throws; whatever is wrong comes back as problems with their places in
 * the order of the file. `file` is only a name.
 */
export function parseWorkflow(file: string, text: string): Parsed {
  const problems = new Problems(file)
  try {
    const workflow = read(text, problems)
    return { workflow: problems.hasErrors ? null : workflow, problems: problems.sorted() }
  } catch (error) {
    if (error instanceof YamlError) problems.error(error.position, error.said)
    else problems.error(null, said('fileUnreadable', { text: String((error as Error).message).slice(0, 200) }))
    return { workflow: null, problems: problems.sorted() }
  }
}

function read(text: string, problems: Problems): Workflow | null {
  const root = readYaml(text)
  if (!root || (root.kind === 'scalar' && root.value === null)) {
    problems.error(null, said('fileEmpty'))
    return null
  }
  if (root.kind !== 'mapping') {
    problems.error(root, said('fileNoWorkflow'))
    return null
  }
  const workflow = readRoot(root, problems)
  const unread = [...permissionsOf(root)].map(({ range }) => range)
  for (const { position, fault } of checkSchema(root)) {
    if (!position || !unread.some((range) => contains(range, position))) problems.error(position, fault)
  }
  return workflow
}

/** GitHub adds names to `permissions`: whatever they hold is read by permissions.ts alone. */
function* permissionsOf(root: MappingNode): Generator<Node> {
  const jobs = entriesOf(child(root, 'jobs')).map(({ value }) => value)
  for (const holder of [root, ...jobs]) {
    const permissions = child(holder, 'permissions')
    if (permissions) yield permissions
  }
}

function contains({ start, end }: Range, { line, column }: Position): boolean {
  const isAfter = line > start.line || (line === start.line && column >= start.column)
  return isAfter && (line < end.line || (line === end.line && column <= end.column))
}

function readRoot(root: MappingNode, problems: Problems): Workflow {
  const permissions = readPermissions(child(root, 'permissions'), problems)
  const concurrency = readConcurrency(child(root, 'concurrency'))
  const name = scalarText(child(root, 'name'))
  const runName = scalarText(child(root, 'run-name'))
  return {
    ...(name !== undefined && name !== '' && { name }),
    ...(runName !== undefined && runName !== '' && { runName }),
    on: readTriggers(child(root, 'on'), problems),
    env: readTemplates(child(root, 'env')),
    defaults: readDefaults(child(root, 'defaults'), problems),
    ...(permissions && { permissions }),
    ...(concurrency && { concurrency }),
    jobs: readJobs(child(root, 'jobs'), { permissions }, problems),
  }
}

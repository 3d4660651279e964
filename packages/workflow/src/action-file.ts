import type { Action, ActionInput, ActionRuns, Condition, Problem, Template } from './model.ts'
import { Problems } from './problems.ts'
import { entriesOf, readCondition } from './read.ts'
import { said } from './sentences.ts'
import { readCompositeSteps } from './steps.ts'
import { child, type Node, readYaml, scalarText, YamlError } from './yaml.ts'

export interface ParsedAction {
  /** Null as soon as one problem is an error. */
  action: Action | null
  problems: Problem[]
}

const maxInputs = 200

/** The names that the file of an action may have, in the order in which they are looked for. */
export const actionFileNames = ['action.yml', 'action.yaml'] as const

/**
 * Reads an `action.yml`. It never throws; whatever is wrong comes back as problems. What GitHub's own reader lets pass
 * without a meaning (branding, unknown keys, an input that is only a description) passes here, too. `file` is only a
 * name.
 */
export function parseAction(text: string, file: string): ParsedAction {
  const problems = new Problems(file)
  try {
    const action = read(text, problems)
    return { action: problems.hasErrors ? null : action, problems: problems.sorted() }
  } catch (error) {
    if (error instanceof YamlError) problems.error(error.position, error.said)
    else problems.error(null, said('actionUnreadable', { text: String((error as Error).message).slice(0, 200) }))
    return { action: null, problems: problems.sorted() }
  }
}

function read(text: string, problems: Problems): Action | null {
  const root = readYaml(text)
  if (root?.kind !== 'mapping') {
    problems.error(root, said('fileNoAction'))
    return null
  }
  const runs = readRuns(child(root, 'runs'), root, problems)
  return (
    runs && {
      name: scalarText(child(root, 'name')) ?? '',
      inputs: readInputs(child(root, 'inputs'), problems),
      outputs: readOutputs(child(root, 'outputs')),
      runs,
    }
  )
}

function readInputs(node: Node | undefined, problems: Problems): Record<string, ActionInput> {
  const entries = entriesOf(node)
  if (entries.length > maxInputs) problems.error(node ?? null, said('actionInputsMany', { most: maxInputs }))
  const inputs: Record<string, ActionInput> = Object.create(null)
  for (const { name, value } of entries.slice(0, maxInputs)) {
    const initial = scalarText(child(value, 'default'))
    const deprecated = scalarText(child(value, 'deprecationMessage'))
    inputs[name.toLowerCase()] = {
      ...(initial !== undefined && { default: initial }),
      required: scalarText(child(value, 'required')) === 'true',
      ...(deprecated !== undefined && { deprecationMessage: deprecated.slice(0, 1000) }),
    }
  }
  return { ...inputs }
}

function readOutputs(node: Node | undefined): Record<string, Template> {
  return Object.fromEntries(
    entriesOf(node).flatMap(({ name, value }) => {
      const template = scalarText(child(value, 'value'))
      return template === undefined ? [] : [[name, template]]
    }),
  )
}

function readRuns(node: Node | undefined, root: Node, problems: Problems): ActionRuns | null {
  const at = (key: string) => child(node, key)
  const using = scalarText(at('using'))?.trim().toLowerCase()
  if (using === undefined) {
    problems.error(node ?? root, said('usingMissing'))
    return null
  }
  if (using === 'composite') {
    const steps = at('steps')
    if (steps?.kind !== 'sequence') problems.error(node ?? root, said('compositeSteps'))
    return { using: 'composite', steps: readCompositeSteps(steps, problems) }
  }
  if (using === 'docker') return { using: 'docker', image: scalarText(at('image')) ?? '' }
  const version = /^node(\d{2})$/.exec(using)?.[1]
  if (!version) {
    problems.error(at('using')!, said('usingUnknown', { using: using.slice(0, 100) }))
    return null
  }
  const main = readScript(at('main'), problems)
  if (main === undefined) {
    if (!scalarText(at('main'))) problems.error(node ?? root, said('mainMissing'))
    return null
  }
  const pre = readScript(at('pre'), problems)
  const post = readScript(at('post'), problems)
  return {
    using: 'node',
    version: Number(version),
    main,
    ...(pre !== undefined && { pre }),
    preIf: readPhase(at('pre-if'), problems),
    ...(post !== undefined && { post }),
    postIf: readPhase(at('post-if'), problems),
  }
}

/** Without a word of its own a phase runs whatever happened before. */
const readPhase = (node: Node | undefined, problems: Problems): Condition =>
  scalarText(node)?.trim() ? readCondition(node, 'step-if', problems) : 'always()'

function readScript(node: Node | undefined, problems: Problems): string | undefined {
  const script = scalarText(node)?.trim()
  if (script === undefined || script === '') return undefined
  if (script.length <= 1000 && !script.startsWith('/')) return script
  problems.error(node!, said('scriptPlace'))
  return undefined
}

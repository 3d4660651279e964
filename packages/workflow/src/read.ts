import { faultOf } from './expressions.ts'
import type { Condition, RunDefaults, Template } from './model.ts'
import type { Problems } from './problems.ts'
import type { Said } from './say.ts'
import { allowedAt } from './schema.ts'
import { said } from './sentences.ts'
import { hasExpression, insertKey, isInsert, splitTemplate } from './template.ts'
import { child, type Entry, type Node, scalarText } from './yaml.ts'

/*
 * Readers of the shapes that occur in many places. They return undefined for a shape the schema refuses, and leave it
 * to the schema check to say so; what they report themselves is what the schema lets pass.
 */

/**
 * Keys and texts, as under `env`, `with` and `outputs`. An expression for the whole is kept as GitHub's own way of
 * writing it: under the key `${{ insert }}`.
 */
export function readTemplates(node: Node | undefined): Record<string, Template> {
  if (node?.kind === 'scalar' && typeof node.value === 'string' && hasExpression(node.value)) {
    return { [insertKey]: node.value }
  }
  if (node?.kind !== 'mapping') return {}
  return Object.fromEntries(
    node.entries.flatMap(({ key, value }) => {
      const name = scalarText(key) ?? ''
      const text = scalarText(value)
      return text === undefined ? [] : [[isInsert(name) ? insertKey : name, text]]
    }),
  )
}

export function readFlag(node: Node | undefined): boolean | Template | undefined {
  if (node?.kind !== 'scalar') return undefined
  if (typeof node.value === 'boolean') return node.value
  return typeof node.value === 'string' && hasExpression(node.value) ? node.value : undefined
}

/** A number that is not negative, or an expression. */
export function readNumber(node: Node | undefined, what: string, problems: Problems): number | Template | undefined {
  if (node?.kind !== 'scalar') return undefined
  if (typeof node.value === 'string' && hasExpression(node.value)) return node.value
  if (typeof node.value !== 'number') return undefined
  if (node.value >= 0 && Number.isFinite(node.value)) return node.value
  problems.error(node, said('notNegative', { key: what }))
  return undefined
}

/** Minutes of a time limit; 0 means none, as on GitHub. */
export function readMinutes(node: Node | undefined, problems: Problems): number | Template | undefined {
  const minutes = readNumber(node, 'timeout-minutes', problems)
  return minutes === 0 ? undefined : minutes
}

/** The `if` of a job or step, with or without braces. `place` names the definition of the schema that says what it may use. */
export function readCondition(node: Node | undefined, place: 'job-if' | 'step-if', problems: Problems): Condition {
  const text = scalarText(node)
  if (!node || text === undefined || text.trim() === '') return 'success()'
  if (hasExpression(text)) {
    if (!isOneExpression(text)) {
      problems.warning(node, said('alwaysTrue'))
    }
    return text
  }
  const fault = faultOf(text.trim(), allowedAt(place))
  if (fault) problems.error(node, fault)
  return text.trim()
}

function isOneExpression(text: string): boolean {
  try {
    return splitTemplate(text).length === 1
  } catch {
    return true // Not closed: the schema check reports it.
  }
}

export function readDefaults(node: Node | undefined, problems: Problems): RunDefaults {
  const run = child(node, 'run')
  const shell = readShell(child(run, 'shell'), problems)
  const workingDirectory = scalarText(child(run, 'working-directory'))
  return { ...(shell !== undefined && { shell }), ...(workingDirectory !== undefined && { workingDirectory }) }
}

/** Those of Windows are taken as well: a job that asks for it never meets a Linux agent. */
const shells = ['bash', 'sh', 'python', 'pwsh', 'powershell', 'cmd']

export function readShell(node: Node | undefined, problems: Problems): Template | undefined {
  const shell = scalarText(node)?.trim()
  if (!node || shell === undefined || shell === '') return undefined
  if (shells.includes(shell) || shell.includes('{0}') || hasExpression(shell)) return shell
  problems.error(node, said('shellUnknown', { shell, known: shells.join(', ') }))
  return undefined
}

/** GitHub's rule for the ids of jobs and steps. Returns what is wrong. */
export function idFault(id: string): Said | null {
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,98}$/.test(id)) {
    return said('idInvalid', { id: id.slice(0, 120) })
  }
  return id.startsWith('__') ? said('idReserved', { id }) : null
}

/** Texts of a scalar or of a list of scalars, each with its node. */
export function readTexts(node: Node | undefined): { text: string; node: Node }[] {
  if (!node || node.kind === 'mapping') return []
  const nodes = node.kind === 'sequence' ? node.items : [node]
  return nodes.flatMap((each) => {
    const text = scalarText(each)
    return text === undefined || (each.kind === 'scalar' && each.value === null) ? [] : [{ text, node: each }]
  })
}

/** Entries of a mapping with their keys as text. */
export function entriesOf(node: Node | undefined): (Entry & { name: string })[] {
  if (node?.kind !== 'mapping') return []
  return node.entries.map((each) => ({ ...each, name: scalarText(each.key) ?? '' }))
}

import type { Said } from '@juanie/workflow/say'
import type { Problems } from '../problems.ts'
import { said } from '../sentences.ts'
import type { Node } from './tree.ts'

/**
 * Compose's interpolation: `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}`, `${NAME:?word}`, `${NAME?word}`,
 * `${NAME:+word}`, `${NAME+word}` (each word may hold the same again), and `$$` for a dollar sign.
 * Only the given variables are looked at, never the environment of this process.
 */
export type Lookup = (name: string) => string | undefined

export interface Interpolated {
  text: string
  /** Names that have no value and no default. */
  unset: string[]
  /** Each thing that is wrong. */
  errors: Said[]
  /** Names whose absence is one of the errors. */
  required: string[]
}

const maxNesting = 20
/** A value used many times over must not grow without bound. */
const maxLength = 1024 * 1024

export function interpolate(text: string, lookup: Lookup): Interpolated {
  const result: Interpolated = { text: '', unset: [], errors: [], required: [] }
  result.text = expand(text, lookup, result, 0)
  return result
}

const nameAt = /[_A-Za-z][_A-Za-z0-9]*/y
const operatorAt = /:?[-?+]/y

function match(pattern: RegExp, text: string, position: number): string {
  pattern.lastIndex = position
  return pattern.exec(text)?.[0] ?? ''
}

function expand(text: string, lookup: Lookup, result: Interpolated, depth: number): string {
  if (!text.includes('$')) return text
  if (depth > maxNesting) {
    result.errors.push(said('variablesDeep'))
    return ''
  }
  let out = ''
  let position = 0
  while (position < text.length) {
    const dollar = text.indexOf('$', position)
    if (dollar === -1) break
    out += text.slice(position, dollar)
    if (out.length > maxLength) {
      result.errors.push(said('valueLarge'))
      return ''
    }
    const next = text[dollar + 1]
    if (next === '$') {
      out += '$'
      position = dollar + 2
    } else if (next === '{') {
      const end = closing(text, dollar + 1)
      const inner = end === -1 ? text.slice(dollar + 2) : text.slice(dollar + 2, end)
      const name = match(nameAt, inner, 0)
      const operator = match(operatorAt, inner, name.length)
      if (end === -1 || name === '' || (operator === '' && inner.length > name.length)) {
        result.errors.push(said('notVariable', { text: text.slice(dollar, end === -1 ? undefined : end + 1) }))
        return out
      }
      out += braced(name, operator, inner.slice(name.length + operator.length), { lookup, result, depth })
      position = end + 1
    } else {
      const name = match(nameAt, text, dollar + 1)
      out += name === '' ? '$' : plain(name, lookup, result)
      position = dollar + 1 + name.length
    }
  }
  return out + text.slice(position)
}

/** The brace that closes the one at `open`; -1 when there is none. */
function closing(text: string, open: number): number {
  let depth = 0
  for (let index = open; index < text.length; index++) {
    if (text[index] === '{') depth += 1
    else if (text[index] === '}' && --depth === 0) return index
  }
  return -1
}

function plain(name: string, lookup: Lookup, result: Interpolated): string {
  const value = lookup(name)
  if (value === undefined) result.unset.push(name)
  return value ?? ''
}

interface Place {
  lookup: Lookup
  result: Interpolated
  depth: number
}

function braced(name: string, operator: string, word: string, { lookup, result, depth }: Place): string {
  if (operator === '') return plain(name, lookup, result)
  const value = lookup(name)
  const isGiven = value !== undefined && (value !== '' || !operator.startsWith(':'))
  const inner = () => expand(word, lookup, result, depth + 1)
  switch (operator.at(-1)) {
    case '-':
      return isGiven ? value : inner()
    case '+':
      return isGiven ? inner() : ''
    default: {
      if (isGiven) return value
      const why = inner()
      result.required.push(name)
      result.errors.push(
        why === '' ? said('variableRequired', { name }) : said('variableRequiredFor', { name, text: why }),
      )
      return ''
    }
  }
}

export interface Variables {
  lookup: Lookup
  /** When describing, no value is known yet: what depends on one is left open instead of being wrong. */
  isOpen: boolean
}

/** Fills the variables in every text of the tree, in place of it; keys stay as they are written. */
export function interpolateTree(node: Node, { lookup, isOpen }: Variables, problems: Problems): Node {
  if (node.kind === 'map') {
    for (const [key, value] of node.entries) node.entries.set(key, interpolateTree(value, { lookup, isOpen }, problems))
    return node
  }
  if (node.kind === 'list') {
    node.items = node.items.map((item) => interpolateTree(item, { lookup, isOpen }, problems))
    return node
  }
  if (typeof node.value !== 'string' || !node.value.includes('$')) return node
  const { text, unset, errors, required } = interpolate(node.value, lookup)
  const open = isOpen && (unset.length > 0 || required.length > 0)
  for (const fault of errors) {
    if (isOpen && required.length === errors.length) continue
    const reason = required.length > 0 ? 'application.variable_required' : 'application.invalid'
    problems.error({ at: node.at, reason, said: fault })
  }
  if (!isOpen)
    for (const name of new Set(unset))
      problems.warn({
        at: node.at,
        reason: 'application.variable_unset',
        said: said('variableUnset', { name }),
      })
  return { ...node, value: text, ...(open ? { open } : {}) }
}

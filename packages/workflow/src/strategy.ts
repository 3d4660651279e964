import type { MatrixValue, Strategy, Template } from './model.ts'
import type { Problems } from './problems.ts'
import { entriesOf, readFlag, readNumber } from './read.ts'
import { said } from './sentences.ts'
import { hasExpression } from './template.ts'
import { child, type Node, scalarText } from './yaml.ts'

/** GitHub's bound on the jobs that one matrix makes. */
export const maxCombinations = 256

export function readStrategy(node: Node | undefined, problems: Problems): Strategy | undefined {
  if (!node) return undefined
  if (node.kind !== 'mapping') {
    const text = scalarText(node)
    return text !== undefined && hasExpression(text) ? { whole: text, failFast: true } : undefined
  }
  const strategy: Strategy = { failFast: readFlag(child(node, 'fail-fast')) ?? true }
  const maxParallel = readNumber(child(node, 'max-parallel'), 'max-parallel', problems)
  if (typeof maxParallel === 'number' && (maxParallel < 1 || !Number.isInteger(maxParallel))) {
    problems.error(child(node, 'max-parallel') ?? node, said('maxParallel'))
  }
  if (maxParallel !== undefined) strategy.maxParallel = maxParallel
  const matrix = readMatrix(child(node, 'matrix'), problems)
  if (matrix !== undefined) strategy.matrix = matrix
  return strategy
}

function readMatrix(node: Node | undefined, problems: Problems): Strategy['matrix'] {
  const text = scalarText(node)
  if (text !== undefined) return hasExpression(text) ? text : undefined
  if (node?.kind !== 'mapping') return undefined
  const axes: [string, MatrixValue[] | Template][] = []
  for (const { name, value } of entriesOf(node)) {
    if (name === 'include' || name === 'exclude') continue
    if (value.kind === 'sequence') {
      if (value.items.length === 0) problems.error(value, said('axisEmpty', { name }))
      axes.push([name, value.items.map(toMatrixValue)])
    } else if (value.kind === 'scalar' && hasExpression(scalarText(value) ?? '')) {
      axes.push([name, String(value.value)])
    }
  }
  const include = readCombinations(child(node, 'include'))
  const exclude = readCombinations(child(node, 'exclude'))
  if (axes.length === 0 && include.length === 0) {
    problems.error(node, said('matrixEmpty'))
  }
  // What can be counted before the run; the rest is counted when the matrix is expanded.
  const count = axes.reduce((product, [, values]) => product * (typeof values === 'string' ? 1 : values.length), 1)
  if (axes.length > 0 && exclude.length === 0 && count > maxCombinations) {
    problems.error(node, said('matrixMany', { count, most: maxCombinations }))
  }
  return { axes: Object.fromEntries(axes), include, exclude }
}

function readCombinations(node: Node | undefined): (Record<string, MatrixValue> | Template)[] | Template {
  const text = scalarText(node)
  if (text !== undefined) return hasExpression(text) ? text : []
  if (node?.kind !== 'sequence') return []
  return node.items.flatMap((item): (Record<string, MatrixValue> | Template)[] => {
    if (item.kind === 'mapping') return [toMatrixValue(item) as Record<string, MatrixValue>]
    const entry = scalarText(item) ?? ''
    return hasExpression(entry) ? [entry] : []
  })
}

function toMatrixValue(node: Node): MatrixValue {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'sequence') return node.items.map(toMatrixValue)
  return Object.fromEntries(entriesOf(node).map(({ name, value }) => [name, toMatrixValue(value)]))
}

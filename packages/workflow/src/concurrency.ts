import type { Concurrency } from './model.ts'
import { readFlag } from './read.ts'
import { child, type Node, scalarText } from './yaml.ts'

/** `concurrency` of a workflow or a job: a group alone, or a mapping. */
export function readConcurrency(node: Node | undefined): Concurrency | undefined {
  const group = scalarText(node) ?? scalarText(child(node, 'group'))
  if (group === undefined || group === '') return undefined
  return {
    group,
    cancelInProgress: readFlag(child(node, 'cancel-in-progress')) ?? false,
    isQueue: scalarText(child(node, 'queue')) === 'max',
  }
}

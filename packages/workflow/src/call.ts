import type { Template, WorkflowCall } from './model.ts'
import type { Problems } from './problems.ts'
import { entriesOf, readTemplates } from './read.ts'
import { said } from './sentences.ts'
import { hasExpression } from './template.ts'
import { child, entry, type Node, scalarText } from './yaml.ts'

/** Reads a job that calls a workflow; undefined for one with steps of its own. */
export function readCall(node: Node, problems: Problems): WorkflowCall | undefined {
  const found = entry(node, 'uses')
  if (!found) return undefined
  const uses = (scalarText(found.value) ?? '').trim()
  if (!parseCalled(uses)) {
    problems.error(found.value, said('calledUnknown', { uses: uses.slice(0, 120) }))
  }
  return {
    uses,
    with: readWith(child(node, 'with')),
    secrets: scalarText(child(node, 'secrets')) === 'inherit' ? 'inherit' : readTemplates(child(node, 'secrets')),
    position: found.value.range.start,
  }
}

/** Numbers and flags keep their kind, so that they fit an input of it. */
function readWith(node: Node | undefined): Record<string, Template | boolean | number> {
  return Object.fromEntries(
    entriesOf(node).flatMap(({ name, value }) => {
      if (value.kind !== 'scalar') return []
      return [[name, value.value === null ? '' : value.value]]
    }),
  )
}

/** Where a reusable workflow lies. */
export type CalledFile =
  | { kind: 'local'; path: string }
  | { kind: 'remote'; owner: string; name: string; path: string; ref: string }

const folders = /^(\.github|\.juanie)\/workflows\/[^/]+\.ya?ml$/

/** Reads what stands after `uses` of a job; null when it names no workflow. */
export function parseCalled(uses: string): CalledFile | null {
  if (hasExpression(uses) || uses.length > 1000 || uses.includes('..')) return null
  // `$/` is the repository of the workflow that calls, which is what `./` means for a workflow.
  const local = /^[.$]\/(.+)$/.exec(uses)?.[1]
  if (local !== undefined) return folders.test(local) ? { kind: 'local', path: local } : null
  const [, owner, name, path, ref] = /^([\w.-]+)\/([\w.-]+)\/([^@]+)@([^@\s]+)$/.exec(uses) ?? []
  if (!owner || !name || !path || !ref || !folders.test(path)) return null
  return { kind: 'remote', owner, name, path, ref }
}

import type { PermissionLevel, Permissions } from './model.ts'
import type { Problems } from './problems.ts'
import { entriesOf } from './read.ts'
import { said } from './sentences.ts'
import { type Node, scalarText } from './yaml.ts'

const levels = ['read', 'write', 'none'] as const
const ranks: Record<PermissionLevel, number> = { none: 0, read: 1, write: 2 }

/** `permissions` of a workflow or a job. Names that GitHub may add later are kept; a level that is none gives nothing. */
export function readPermissions(node: Node | undefined, problems: Problems): Permissions | undefined {
  if (!node) return undefined
  const text = scalarText(node)
  if (text === 'read-all' || text === 'write-all') return text
  if (text !== undefined) {
    if (text !== '') {
      problems.warning(node, said('permissionsUnknown', { text: text.slice(0, 80) }))
    }
    return {}
  }
  return Object.fromEntries(
    entriesOf(node).map(({ name, value }): [string, PermissionLevel] => {
      const written = scalarText(value) ?? ''
      const level = levels.find((each) => each === written)
      if (!level) {
        problems.warning(value, said('permissionLevel', { text: written.slice(0, 80) }))
      }
      return [name, level ?? 'none']
    }),
  )
}

/** The level that a set gives for a name. */
export function permissionOf(permissions: Permissions, name: string): PermissionLevel {
  if (permissions === 'write-all') return 'write'
  if (permissions === 'read-all') return 'read'
  return Object.hasOwn(permissions, name) ? permissions[name]! : 'none'
}

/** What a called job may do: its own permissions, but never more than those of the job that calls. */
export function boundPermissions(
  own: Permissions | undefined,
  caller: Permissions | undefined,
): Permissions | undefined {
  if (!caller || !own) return own ?? caller
  if (own === 'write-all') return caller
  if (caller === 'write-all') return own
  if (typeof own === 'string' && typeof caller === 'string') return 'read-all'
  const names = Object.keys(typeof own === 'string' ? caller : own)
  return Object.fromEntries(
    names.map((name) => {
      const [a, b] = [permissionOf(own, name), permissionOf(caller, name)]
      return [name, ranks[a] < ranks[b] ? a : b]
    }),
  )
}

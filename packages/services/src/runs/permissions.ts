import type { Job, PermissionLevel } from '@juanie/workflow'

/** What a job gets whose workflow says nothing of `permissions`. */
const unsaid: Record<string, PermissionLevel> = { contents: 'read', metadata: 'read', packages: 'read' }

/**
 * What the run's own token may do with one thing. Whoever lists some gets no others, as on GitHub. `read-all` gives no
 * id token, as there is none to read.
 */
export function granted({ permissions }: Job, thing: string): PermissionLevel {
  if (permissions === undefined) return unsaid[thing] ?? 'none'
  if (permissions === 'write-all') return 'write'
  if (permissions === 'read-all') return thing === 'id-token' ? 'none' : 'read'
  return Object.hasOwn(permissions, thing) ? (permissions[thing] ?? 'none') : 'none'
}

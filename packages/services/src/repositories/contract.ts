export const pushStatuses = ['received', 'accepted', 'handled', 'refused'] as const
export type PushStatus = (typeof pushStatuses)[number]

/** `connected`: its code lies elsewhere, and only what was fetched lies here. */
export const repositoryKinds = ['hosted', 'connected'] as const
export type RepositoryKind = (typeof repositoryKinds)[number]

export interface RepositoryView {
  id: string
  kind: RepositoryKind
  defaultBranch: string | null
  /** Where git clones from, and pushes to where it is hosted. */
  cloneUrl: string
  branches: { name: string; commit: string }[]
  tags: { name: string; commit: string }[]
}

export const pushStatuses = ['received', 'accepted', 'handled', 'refused'] as const
export type PushStatus = (typeof pushStatuses)[number]

export interface RepositoryView {
  id: string
  kind: 'hosted'
  defaultBranch: string | null
  /** Where git clones from and pushes to. */
  cloneUrl: string
  branches: { name: string; commit: string }[]
  tags: { name: string; commit: string }[]
}

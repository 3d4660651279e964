import type { Transaction } from '@juanie/core/database'
import type { ProjectScope } from '@juanie/core/scope'

export interface NewProject {
  id: string
  slug: string
  name: string
  organization: { id: string; slug: string }
  /** The first commit of its repository: texts by path; none for an empty one. */
  files: Record<string, string>
}

/**
 * What a domain above has for every project: its environments, its repository. Parts begin in the order in which they
 * are given, inside the transaction that makes the project, so that a failure halfway leaves no row behind.
 */
export interface ProjectPart {
  begin(tx: Transaction, scope: ProjectScope, project: NewProject): Promise<void>
  /**
   * The transaction came to nothing: removes what `begin` made outside the database. Called for every part whose
   * `begin` was called, in the opposite order; safe to repeat. After a crash, or when the database cannot say whether
   * the project is there, nobody calls it: such a part also sweeps what no row knows.
   */
  undo?(projectId: string): Promise<void>
  /**
   * The project is deleted, in this transaction: ends what it still does (instances, hostnames, queued work). Rows
   * may stay, and what lies outside the database is removed later, by a sweep.
   */
  end?(tx: Transaction, scope: ProjectScope): Promise<void>
}

/** A commit as its object says. */
export interface Commit {
  id: string
  tree: string
  parents: string[]
  /** Whole message, without the trailing newline. */
  message: string
  author: { name: string; email: string }
  /** ISO 8601, in UTC. */
  committedAt: string
}

export interface TreeEntry {
  name: string
  kind: 'file' | 'folder' | 'link' | 'submodule'
  id: string
}

/** What a list shows of a commit. */
interface LogEntry {
  id: string
  /** First line of the message, at most 500 characters. */
  title: string
  author: string
  /** ISO 8601, in UTC. */
  committedAt: string
}

export interface CommitLog {
  /** Newest first. */
  entries: LogEntry[]
  hasMore: boolean
  /** How many commits `from` has that `to` has not, counted up to the limit: none, unless history was rewritten. */
  lost: number
}

export interface InitialCommit {
  /** Texts by path; a path never leads outside. */
  files: Record<string, string>
  message: string
  branch: string
}

/** One move of a ref, as the repository's own log of it says. */
export interface RefMove {
  before: string
  after: string
  /** Whole seconds since the epoch. */
  at: number
}

/**
 * The bare repositories that Juanie keeps. Everything is read at exact ids, never at a branch head, so an answer may
 * be kept for ever. Calls may run concurrently. A repository or object that is not there reads as null; a git that
 * fails or does not answer in time throws `unavailable`.
 */
export interface GitStore {
  /** Absolute folder of the repository. */
  localPath(repositoryId: string): string
  exists(repositoryId: string): Promise<boolean>
  /** Makes it whole or not at all. Returns the id of the initial commit where one was asked for. */
  create(repositoryId: string, initial: InitialCommit | null): Promise<string | null>
  /** Removing what is not there is no error. */
  remove(repositoryId: string): Promise<void>
  /** Ids of the repositories whose folders were made so long ago, for finding those that no row knows. */
  list(olderThanMs: number): Promise<string[]>

  /** Prepares for reads that will come soon. */
  warm(repositoryId: string): void
  /** Follows tags to the commit they mean. */
  commit(repositoryId: string, id: string): Promise<Commit | null>
  /** Entries of one folder at a commit; null when there is no such folder. */
  folder(repositoryId: string, commit: string, path: string): Promise<TreeEntry[] | null>
  /** Text of a blob; null when it is missing, larger, or not text. */
  text(repositoryId: string, blob: string, maxBytes: number): Promise<string | null>
  /** Paths that differ; from nothing when `before` is null. Null when there are more than `limit`. */
  changedPaths(
    repositoryId: string,
    range: { before: string | null; after: string },
    limit: number,
  ): Promise<string[] | null>
  /**
   * The commits that `to` has and `from` has not, at most so many; with `from` null all that lead to `to`. Null when
   * one of the two is not here. One that takes too long throws `unavailable`, as every call does.
   */
  log(repositoryId: string, range: { from: string | null; to: string }, limit: number): Promise<CommitLog | null>
  /**
   * The commits that `to` has and `from` has not, oldest first: at most so many, of which the newest, and not more than
   * fit into about so many characters. With `from` null all that lead to `to`.
   */
  commits(
    repositoryId: string,
    range: { from: string | null; to: string },
    limits: { count: number; characters: number },
  ): Promise<Commit[]>
  isAncestor(repositoryId: string, older: string, newer: string): Promise<boolean>
  mergeBase(repositoryId: string, one: string, other: string): Promise<string | null>

  /** All branches and tags with what they point at. */
  refs(repositoryId: string): Promise<Map<string, string>>
  ref(repositoryId: string, ref: string): Promise<string | null>
  /** Moves of one ref, oldest first; empty for a deleted one. */
  movesOf(repositoryId: string, ref: string): Promise<RefMove[]>
  /** Where a ref of a connected repository went, 40 zeros for nowhere. What a hosted one holds, only a push moves. */
  moveRef(repositoryId: string, ref: string, commit: string): Promise<void>
  setDefaultBranch(repositoryId: string, branch: string): Promise<void>

  /** Keeps commits from ever being cleaned away. */
  pin(repositoryId: string, pins: { runId: string; commit: string }[]): Promise<void>
  unpin(repositoryId: string, runIds: string[]): Promise<void>
  /** Ids of the runs whose commits are pinned. */
  pinned(repositoryId: string): Promise<string[]>
}

export const noCommit = '0'.repeat(40)

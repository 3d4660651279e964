/** A repository elsewhere, and who may read it. */
export interface Remote {
  /** http or https. */
  url: string
  credential: { username: string; password: string } | null
}

export interface RemoteRefs {
  /** What HEAD names; null in an empty repository. */
  defaultBranch: string | null
  /** Branches and tags, with what they point at. */
  refs: Map<string, string>
}

/**
 * Repositories elsewhere, and the bare ones here that hold what was fetched. Refusals: `connection.denied` (the
 * credential), `connection.not_found`, `connection.unreachable` (also when it takes too long), `connection.too_large`,
 * and `address.private`.
 */
export interface RemoteRepositories {
  list(remote: Remote): Promise<RemoteRefs>
  /** All branches and tags, as they stand there; what is gone there goes here. Rebuilds what it finds damaged. */
  fetch(repositoryId: string, remote: Remote): Promise<void>
  /** One commit that no branch may lead to any more. False when the other side does not give it out. */
  fetchCommit(repositoryId: string, remote: Remote, commit: string): Promise<boolean>
  /** Begins the repository here anew and fetches everything again. */
  rebuild(repositoryId: string, remote: Remote): Promise<void>
}

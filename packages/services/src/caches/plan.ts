/** What decides of a job's caches. */
interface Origin {
  event: string
  ref: string
  /** Branch that a pull request wants to go to. */
  baseRef: string | null
  defaultBranch: string | null
}

export interface CacheScopes {
  /** The ref that its entries belong to; null: it may not write any. */
  write: string | null
  /** Where it looks, in that order. */
  read: string[]
}

/**
 * Events whose workflow runs with the rights of the default branch on what a stranger wrote: what they cached, the
 * default branch would read.
 */
const untrusted = new Set(['pull_request_target', 'issue_comment', 'issues', 'discussion', 'discussion_comment'])

/**
 * A branch reads its own entries and those of the default branch, a pull request also those of its base, and everybody
 * writes only their own: https://docs.github.com/en/actions/reference/dependency-caching-reference.
 */
export function cacheScopes({ event, ref, baseRef, defaultBranch }: Origin): CacheScopes {
  const read = [ref]
  for (const branch of [baseRef, defaultBranch]) {
    const name = branch && `refs/heads/${branch.replace(/^refs\/heads\//, '')}`
    if (name && !read.includes(name)) read.push(name)
  }
  return { write: untrusted.has(event) ? null : ref, read }
}

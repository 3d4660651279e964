import { AppError } from '@juanie/core/errors'
import type { Commit, CommitLog } from '../../repositories/index.ts'
import type { CommitReader } from '../history.ts'

/** Commits in memory, each with one parent at most. */
export class FakeCommits implements CommitReader {
  readonly #commits = new Map<string, Commit>()
  /** As when git does not answer in time. */
  isStuck = false

  /** Adds a commit; `id` is filled up to the length of one. */
  add(id: string, message: string, parent: string | null = null): string {
    const full = id.padEnd(40, '0')
    const author = { name: 'Ann', email: 'ann@example.com' }
    this.#commits.set(full, {
      id: full,
      tree: full,
      parents: parent ? [parent] : [],
      message,
      author,
      committedAt: new Date(this.#commits.size * 1000).toISOString(),
    })
    return full
  }

  async commit(_repositoryId: string, id: string): Promise<Commit | null> {
    if (this.isStuck) throw new AppError('unavailable', 'git.failed', { message: 'git failed' })
    return this.#commits.get(id) ?? null
  }

  async log(
    _repositoryId: string,
    { from, to }: { from: string | null; to: string },
    limit: number,
  ): Promise<CommitLog | null> {
    if ([from, to].some((id) => id !== null && !this.#commits.has(id))) return null
    const mine = this.#line(to)
    const theirs = from === null ? [] : this.#line(from)
    const found = mine.filter((one) => !theirs.includes(one))
    return {
      entries: found.slice(0, limit).map(({ id, message, author, committedAt }) => ({
        id,
        title: message.split('\n', 1)[0]!,
        author: author.name,
        committedAt,
      })),
      hasMore: found.length > limit,
      lost: Math.min(limit, theirs.filter((one) => !mine.includes(one)).length),
    }
  }

  #line(id: string): Commit[] {
    const line: Commit[] = []
    for (let next = this.#commits.get(id); next; next = this.#commits.get(next.parents[0] ?? '')) line.push(next)
    return line
  }
}

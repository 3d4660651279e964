import { type Database, maybeOne } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { and, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import type { GitStore } from '../repositories/index.ts'
import { repositories } from '../repositories/tables.ts'
import type { ReleaseChanges, ReleaseCommits, ReleaseRow } from './contract.ts'
import { applicationOf, type Joined, rowOf, selectReleases } from './rows.ts'
import { releases } from './tables.ts'

/** What releases need of a repository. */
export type CommitReader = Pick<GitStore, 'commit' | 'log'>

type Release = Joined['release']

const mostCommits = 50
/** Of the very first release. */
const firstCommits = 20

/** What differs between a release and the one before it. */
export async function changesOf(db: Database, git: CommitReader, release: Release): Promise<ReleaseChanges> {
  const before = await previousOf(db, release)
  const previous = before && rowOf(before)
  const [named] = previous ? await titled(db, git, release.projectId, [previous]) : []
  return {
    previous: named
      ? {
          id: named.id,
          number: named.number,
          commit: named.commit,
          branch: named.branch,
          title: named.title,
          createdAt: named.createdAt,
        }
      : null,
    commits: await commitsBetween(db, git, { release, previous: before?.release ?? null }),
    isSameBundle: before?.release.digest === release.digest,
    files: filesThatDiffer(
      before ? (await applicationOf(db, before.release.id)).files : {},
      (await applicationOf(db, release.id)).files,
    ),
  }
}

/** On a branch, the release before on that branch: what lies between comes from elsewhere. */
async function previousOf(db: Database, { projectId, number, ref }: Release) {
  const older = and(eq(releases.projectId, projectId), lt(releases.number, number))
  const isSame = sql<boolean>`${releases.ref} is not distinct from ${ref}`
  const [row] = await selectReleases(db).where(older).orderBy(desc(isSame), desc(releases.number)).limit(1)
  return row ?? null
}

async function commitsBetween(
  db: Database,
  git: CommitReader,
  { release, previous }: { release: Release; previous: Release | null },
): Promise<ReleaseCommits> {
  if (release.commit === null) return { kind: 'no_commit', of: 'this' }
  if (previous && previous.commit === null) return { kind: 'no_commit', of: 'previous' }
  if (previous?.commit === release.commit) return { kind: 'same' }
  const from = previous?.commit ?? null
  const repositoryId = await repositoryOf(db, release.projectId)
  try {
    if (!repositoryId || !(await git.commit(repositoryId, release.commit))) return { kind: 'missing', of: 'this' }
    const log = await git.log(repositoryId, { from, to: release.commit }, from ? mostCommits : firstCommits)
    if (!log) return { kind: 'missing', of: 'previous' }
    const commits = log.entries.map(({ id, title, author, committedAt }) => ({ id, title, author, at: committedAt }))
    return { kind: 'listed', commits, hasMore: log.hasMore, lost: log.lost }
  } catch (error) {
    // The rest of a release is worth showing without it.
    if (error instanceof AppError && error.code === 'unavailable') return { kind: 'unreadable' }
    throw error
  }
}

/** Gives the titles of commits whose runs were cleaned away, as far as the repository still has them. */
export async function titled(
  db: Database,
  git: CommitReader,
  projectId: string,
  rows: ReleaseRow[],
): Promise<ReleaseRow[]> {
  const wanted = [...new Set(rows.flatMap(({ title, commit }) => (title === null && commit !== null ? [commit] : [])))]
  if (wanted.length === 0) return rows
  const repositoryId = await repositoryOf(db, projectId)
  if (!repositoryId) return rows
  const read = async (id: string): Promise<[string, string | null]> => {
    const commit = await git.commit(repositoryId, id).catch(() => null)
    return [id, commit?.message.split('\n', 1)[0]?.slice(0, 500) || null]
  }
  const found = new Map(await Promise.all(wanted.map(read)))
  return rows.map((row) => (row.title === null && row.commit ? { ...row, title: found.get(row.commit) ?? null } : row))
}

async function repositoryOf(db: Database, projectId: string): Promise<string | null> {
  const row = await maybeOne(
    db
      .select({ id: repositories.id })
      .from(repositories)
      .where(and(eq(repositories.projectId, projectId), isNull(repositories.deletedAt))),
  )
  return row?.id ?? null
}

function filesThatDiffer(before: Record<string, string>, after: Record<string, string>): ReleaseChanges['files'] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const at = (files: Record<string, string>, path: string) => (Object.hasOwn(files, path) ? files[path]! : null)
  return paths
    .map((path) => ({ path, from: at(before, path), to: at(after, path) }))
    .filter(({ from, to }) => from !== to)
}

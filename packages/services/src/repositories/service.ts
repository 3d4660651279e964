import { type Database, maybeOne, type Transaction } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import { uuidv7 } from '@juanie/core/ids'
import type { ProjectScope } from '@juanie/core/scope'
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import { organizations } from '../organizations/tables.ts'
import type { NewProject, ProjectPart } from '../projects/port.ts'
import { projects } from '../projects/tables.ts'
import type { RepositoryKind, RepositoryView } from './contract.ts'
import { pushPoint } from './points.ts'
import type { GitStore } from './port.ts'
import { repositories, repositoryRefs } from './tables.ts'

const initialBranch = 'main'

/** A repository as the git routes need it. */
export interface HostedRepository {
  repositoryId: string
  kind: RepositoryKind
  projectId: string
  project: string
  organizationId: string
  organization: string
  defaultBranch: string | null
}

/** The repositories of projects: rows here, bare repositories in the git store. */
export class Repositories implements ProjectPart {
  readonly #db: Database
  readonly #git: GitStore
  readonly #url: () => string
  /** Repositories made in transactions that are still under way, by project. */
  readonly #begun = new Map<string, string>()

  constructor(parts: { db: Database; git: GitStore; url: () => string }) {
    this.#db = parts.db
    this.#git = parts.git
    this.#url = parts.url
  }

  /**
   * Makes the repository of a new project, with the files of its template as the first commit. That commit is no
   * push and starts no run: the first push of a person does.
   */
  async begin(tx: Transaction, scope: ProjectScope, project: NewProject): Promise<void> {
    const id = uuidv7()
    const isEmpty = Object.keys(project.files).length === 0
    pushPoint('repository.before.create')
    this.#begun.set(scope.projectId, id)
    const commit = await this.#git.create(
      id,
      isEmpty ? null : { files: project.files, message: 'Begin from a template', branch: initialBranch },
    )
    pushPoint('repository.folder_made')
    await tx
      .insert(repositories)
      .values({ id, projectId: scope.projectId, defaultBranch: commit === null ? null : initialBranch })
    if (commit !== null) {
      await tx.insert(repositoryRefs).values({ repositoryId: id, ref: `refs/heads/${initialBranch}`, commit })
    }
    pushPoint('repository.after.create')
  }

  async undo(projectId: string): Promise<void> {
    const id = this.#begun.get(projectId)
    this.#begun.delete(projectId)
    if (id) await this.#git.remove(id)
  }

  /** The folder stays for a while, as a way back; `clean` removes it. */
  async end(tx: Transaction, scope: ProjectScope): Promise<void> {
    await tx
      .update(repositories)
      .set({ deletedAt: sql`now()` })
      .where(and(eq(repositories.projectId, scope.projectId), isNull(repositories.deletedAt)))
  }

  async find(organization: string, project: string): Promise<HostedRepository | null> {
    return maybeOne(
      this.#db
        .select(hosted)
        .from(projects)
        .innerJoin(organizations, eq(organizations.id, projects.organizationId))
        .innerJoin(repositories, and(eq(repositories.projectId, projects.id), isNull(repositories.deletedAt)))
        .where(and(eq(organizations.slug, organization), eq(projects.slug, project), isNull(projects.deletedAt))),
    )
  }

  async view(scope: ProjectScope): Promise<RepositoryView> {
    const row = await maybeOne(
      this.#db
        .select(hosted)
        .from(repositories)
        .innerJoin(projects, eq(projects.id, repositories.projectId))
        .innerJoin(organizations, eq(organizations.id, projects.organizationId))
        .where(and(eq(repositories.projectId, scope.projectId), isNull(repositories.deletedAt))),
    )
    if (!row) throw notFound('repository')
    const refs = [...(await this.#git.refs(row.repositoryId))].slice(0, 1000)
    const named = (prefix: string) =>
      refs.flatMap(([ref, commit]) => (ref.startsWith(prefix) ? [{ name: ref.slice(prefix.length), commit }] : []))
    return {
      id: row.repositoryId,
      kind: row.kind,
      defaultBranch: row.defaultBranch,
      cloneUrl: `${this.#url()}/git/${row.organization}/${row.project}.git`,
      branches: named('refs/heads/'),
      tags: named('refs/tags/'),
    }
  }

  /** Removes folders that no living row knows, once they are old enough to belong to nobody's transaction. */
  async clean(olderThanMs: number): Promise<number> {
    const found = await this.#git.list(olderThanMs)
    let removed = 0
    for (let from = 0; from < found.length; from += 500) {
      const ids = found.slice(from, from + 500)
      const living = await this.#db
        .select({ id: repositories.id })
        .from(repositories)
        .where(
          and(
            inArray(repositories.id, ids),
            sql`(${repositories.deletedAt} is null or ${repositories.deletedAt} > now() - ${`${olderThanMs} milliseconds`}::interval)`,
          ),
        )
      const known = new Set(living.map(({ id }) => id))
      for (const id of ids) {
        if (known.has(id)) continue
        await this.#git.remove(id)
        removed++
      }
    }
    return removed
  }
}

const hosted = {
  repositoryId: repositories.id,
  kind: repositories.kind,
  projectId: projects.id,
  project: projects.slug,
  organizationId: organizations.id,
  organization: organizations.slug,
  defaultBranch: repositories.defaultBranch,
}

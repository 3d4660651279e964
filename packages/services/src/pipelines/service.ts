import type { Database, Queryable } from '@juanie/core/database'
import type { ProjectScope } from '@juanie/core/scope'
import { defaultWorkflow, type Parsed, parseWorkflow } from '@juanie/workflow'
import { said, sentenceOf } from '@juanie/workflow/sentences'
import { asc, eq, sql } from 'drizzle-orm'
import type { Commit, GitStore } from '../repositories/port.ts'
import type { Origin, PipelineView } from './contract.ts'
import { pipelines } from './tables.ts'

/** One workflow as it stands at a commit. */
export interface WorkflowAt {
  file: string
  name: string
  origin: Origin
  text: string
  parsed: Parsed
  /** Of a default workflow: whether the commit holds anything that could be run or served. */
  isApplication?: boolean
}

/** Where workflows lie; the first folder that holds any is the one that counts. */
const workflowFolders = ['.juanie/workflows', '.github/workflows'] as const

const maxFileBytes = 1024 * 1024
const maxFiles = 100
const maxKnown = 200

/** A project's records of its workflows, and the workflows of a commit. */
export class Pipelines {
  readonly #db: Database
  readonly #git: GitStore
  /** By blob or tree id and file: what git names by its content never changes. The least recently used go first. */
  readonly #known = new Map<string, WorkflowAt>()

  constructor(parts: { db: Database; git: GitStore }) {
    this.#db = parts.db
    this.#git = parts.git
  }

  /**
   * The commit that an id means, and its workflows; null when the repository has no such commit. One without any gets
   * the default workflow, which releases pushes of the default branch.
   */
  async read(
    repositoryId: string,
    id: string,
    defaultBranch: string | null,
  ): Promise<{ commit: Commit; workflows: WorkflowAt[] } | null> {
    // All asked at once, so that they are one exchange with git.
    const [commit, ...folders] = await Promise.all([
      this.#git.commit(repositoryId, id),
      ...workflowFolders.map((path) => this.#git.folder(repositoryId, id, path)),
    ])
    if (!commit) return null
    for (const [index, entries] of folders.entries()) {
      const files = (entries ?? []).filter(({ kind, name }) => kind === 'file' && /\.ya?ml$/.test(name))
      if (files.length === 0) continue
      const workflows = await Promise.all(
        files
          .slice(0, maxFiles)
          .map(({ name, id: blob }) => this.#file(repositoryId, blob, `${workflowFolders[index]}/${name}`)),
      )
      return { commit, workflows }
    }
    return { commit, workflows: [await this.#default(repositoryId, commit, defaultBranch ?? 'main')] }
  }

  /** One file of a commit, read as a workflow; null when there is none. */
  async fileAt(repositoryId: string, commit: string, file: string): Promise<WorkflowAt | null> {
    const slash = file.lastIndexOf('/')
    const entries = await this.#git.folder(repositoryId, commit, file.slice(0, Math.max(0, slash)))
    const entry = entries?.find(({ kind, name }) => kind === 'file' && name === file.slice(slash + 1))
    return entry ? this.#file(repositoryId, entry.id, file) : null
  }

  async #file(repositoryId: string, blob: string, file: string): Promise<WorkflowAt> {
    const known = this.#recall(`${blob} ${file}`)
    if (known) return known
    const text = await this.#git.text(repositoryId, blob, maxFileBytes)
    const parsed: Parsed =
      text === null
        ? {
            workflow: null,
            problems: [
              {
                severity: 'error',
                file,
                position: null,
                message: sentenceOf(said('fileNoText')),
                ...said('fileNoText'),
              },
            ],
          }
        : parseWorkflow(file, text)
    return this.#keep(`${blob} ${file}`, workflowAt({ file, text: text ?? '', parsed, origin: 'repository' }))
  }

  /** The default workflow of a commit, whatever workflows it has; null when there is no such commit. */
  async readDefault(
    repositoryId: string,
    id: string,
    defaultBranch: string | null,
  ): Promise<{ commit: Commit; workflow: WorkflowAt } | null> {
    const commit = await this.#git.commit(repositoryId, id)
    return commit && { commit, workflow: await this.#default(repositoryId, commit, defaultBranch ?? 'main') }
  }

  async #default(repositoryId: string, commit: Commit, defaultBranch: string): Promise<WorkflowAt> {
    const key = `${commit.tree} ${defaultBranch}`
    const known = this.#recall(key)
    if (known) return known
    const root = (await this.#git.folder(repositoryId, commit.id, '')) ?? []
    const read = async (path: string) => {
      const entry = root.find(({ name, kind }) => name === path && kind === 'file')
      return entry ? this.#git.text(repositoryId, entry.id, maxFileBytes) : null
    }
    const [packageJson, pyproject] = await Promise.all([read('package.json'), read('pyproject.toml')])
    const made = defaultWorkflow({ names: root.map(({ name }) => name), packageJson, pyproject, defaultBranch })
    const { isApplication, ...written } = made
    const found = workflowAt({ ...written, parsed: parseWorkflow(made.file, made.text), origin: 'default' })
    return this.#keep(key, { ...found, isApplication })
  }

  #recall(key: string): WorkflowAt | undefined {
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    this.#known.delete(key)
    this.#known.set(key, known)
    return known
  }

  #keep(key: string, workflow: WorkflowAt): WorkflowAt {
    this.#known.set(key, workflow)
    if (this.#known.size > maxKnown) this.#known.delete(this.#known.keys().next().value!)
    return workflow
  }

  /**
   * Makes the rows of these workflows where they are missing, and gives each the run numbers it asks for. Answers
   * the ids, and the last number given, by file.
   */
  async number(
    tx: Queryable,
    projectId: string,
    workflows: { file: string; name: string; origin: Origin; runs: number }[],
  ): Promise<Map<string, { id: string; lastRun: number }>> {
    if (workflows.length === 0) return new Map()
    const rows = await tx
      .insert(pipelines)
      .values(workflows.map(({ runs, ...workflow }) => ({ ...workflow, projectId, lastRun: runs })))
      .onConflictDoUpdate({
        target: [pipelines.projectId, pipelines.file],
        set: {
          name: sql`excluded.name`,
          origin: sql`excluded.origin`,
          lastRun: sql`${pipelines.lastRun} + excluded.last_run`,
        },
      })
      .returning({ id: pipelines.id, file: pipelines.file, lastRun: pipelines.lastRun })
    return new Map(rows.map(({ file, ...row }) => [file, row]))
  }

  async list(scope: ProjectScope): Promise<PipelineView[]> {
    const rows = await this.#db
      .select()
      .from(pipelines)
      .where(eq(pipelines.projectId, scope.projectId))
      .orderBy(asc(pipelines.file))
      .limit(maxFiles * 10)
    return rows.map(({ id, file, name, origin, lastRun, createdAt }) => ({
      id,
      file,
      name,
      origin,
      lastRun,
      createdAt: createdAt.toISOString(),
    }))
  }
}

/** A workflow without a name is known by its file, as on GitHub. */
function workflowAt(found: { file: string; text: string; parsed: Parsed; origin: Origin }): WorkflowAt {
  return { ...found, name: (found.parsed.workflow?.name ?? found.file).slice(0, 1000) }
}

import { type Database, violates } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { ProjectScope } from '@juanie/core/scope'
import { matchPush } from '@juanie/workflow'
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Pipelines, WorkflowAt } from '../pipelines/index.ts'
import { type Commit, type GitStore, noCommit, type PinQueue, pushesThatCan } from '../repositories/index.ts'
import { pushes, repositories, repositoryRefs } from '../repositories/tables.ts'
import type { AdvanceParts } from './advance.ts'
import { localCalls } from './called-texts.ts'
import { shortRef, sourceOf } from './contexts.ts'
import type { DispatchRun } from './contract.ts'
import { type Person, type ProjectFacts, personFacts, projectFacts, projectVariables } from './facts.ts'
import { type Draft, RunWriter, type StartedRun } from './run-writer.ts'
import { checkEnvironments, chooseWorkflow, readInputs, resolveRef } from './startable.ts'
import { syncTriggers } from './triggers.ts'
import { inWork, type Work } from './work.ts'

/** One ref of a push whose ref has moved. */
export interface MovedRef {
  id: string
  projectId: string
  repositoryId: string
  ref: string
  before: string
  after: string
  pusherId: string | null
  /** The job that pushed it by its own token; such a push starts nothing. */
  jobId: string | null
  /** Its branch had gone on before: it starts its runs and moves nothing. */
  isBehind: boolean
}

/** A move of a ref, the workflows of its commit, and the runs that it would start. */
interface Move {
  push: MovedRef
  workflows: WorkflowAt[] | null
  drafts: Draft[]
}

/** What the author of a commit writes so that it starts nothing. */
const skips = (message: string): boolean =>
  /\[(skip ci|ci skip|no ci|skip actions|actions skip)\]/i.test(message) ||
  /\n\n(?:.*\n)*skip-checks: ?true\s*$/i.test(message)

/** Beyond so many changed files, every `paths` filter counts as met. */
const maxChangedPaths = 10_000
/** GitHub's own bound of a payload's commits; and what a run keeps of their messages. */
const maxPushed = { count: 2_048, characters: 512 * 1024 }

/** Makes runs: of pushes, and by hand. */
export class RunStarts {
  readonly #db: Database
  readonly #git: GitStore
  readonly #pipelines: Pipelines
  readonly #writer: RunWriter

  constructor(parts: { db: Database; git: GitStore; pipelines: Pipelines; pins: PinQueue } & AdvanceParts) {
    this.#db = parts.db
    this.#git = parts.git
    this.#pipelines = parts.pipelines
    this.#writer = new RunWriter(parts)
  }

  /**
   * Handles refs of one project that have moved: writes where they stand now, and one run per push and pipeline.
   * Safe to repeat, at the same time too; what was handled before answers nothing.
   */
  async handle(moved: MovedRef[], known?: { project: ProjectFacts; actor: Person | null }): Promise<StartedRun[]> {
    const [first] = moved
    if (!first) return []
    const project = known?.project ?? (await projectFacts(this.#db, first.projectId))
    if (!project) return []
    // The first branch pushed is about to become the default.
    const branch = project.defaultBranch ?? shortRef(moved.find(isStandingBranch)?.ref ?? 'refs/heads/main')
    const [actor, vars, ...moves] = await Promise.all([
      known ? known.actor : first.pusherId ? personFacts(this.#db, first.pusherId) : null,
      projectVariables(this.#db, first.projectId),
      ...moved.map((push) => this.#move(push, branch)),
    ])
    const started = await inWork(this.#db, async (work) => {
      const claimed = await this.#claim(work, moves, project)
      const standing = moves
        .filter(({ push }) => claimed.has(push.id) && !push.isBehind && push.ref === `refs/heads/${branch}`)
        .at(-1)
      if (standing?.workflows) await syncTriggers(work.tx, first.projectId, standing.workflows)
      const wanted = moves.flatMap(({ push, drafts }) => (claimed.has(push.id) ? drafts : []))
      return this.#writer.write(work, wanted, { project, actor, vars })
    })
    return started
  }

  /** Starts a run by hand. */
  async dispatch(scope: ProjectScope, input: DispatchRun): Promise<StartedRun> {
    const project = await projectFacts(this.#db, scope.projectId)
    if (!project) throw notFound('project')
    const { ref, id } = await resolveRef(this.#git, project, input.ref)
    const found = await this.#pipelines.read(project.repositoryId, id, project.defaultBranch)
    if (!found) throw notFound('commit')
    const workflow = chooseWorkflow(found.workflows, input.workflow)
    const inputs = workflow.parsed.workflow ? readInputs(workflow.parsed.workflow, input.inputs) : {}
    if (workflow.parsed.workflow) {
      await checkEnvironments(this.#db, scope.projectId, { workflow: workflow.parsed.workflow, inputs })
    }
    const [actor, vars] = await Promise.all([
      scope.actor.kind === 'user' ? personFacts(this.#db, scope.actor.id) : null,
      projectVariables(this.#db, scope.projectId),
    ])
    const draft: Draft = {
      push: null,
      event: 'workflow_dispatch',
      ref,
      before: null,
      commit: found.commit,
      source: sourceOf(found.commit, { created: false, forced: false }),
      workflow,
      inputs,
      calls: await localCalls(this.#pipelines, { ...found, repositoryId: project.repositoryId, commit: id }, workflow),
    }
    const [started] = await inWork(this.#db, (work) => this.#writer.write(work, [draft], { project, actor, vars }))
    return started!
  }

  /**
   * Makes a release of a commit that was pushed by its default workflow, as a run of its own. Null when that was done
   * before, or the commit holds nothing to release, or is gone.
   */
  async release(push: Omit<MovedRef, 'jobId' | 'isBehind'>): Promise<StartedRun | null> {
    const project = await projectFacts(this.#db, push.projectId)
    const found = project && (await this.#pipelines.readDefault(push.repositoryId, push.after, project.defaultBranch))
    if (!project || !found?.workflow.isApplication) return null
    const [actor, vars] = await Promise.all([
      push.pusherId ? personFacts(this.#db, push.pusherId) : null,
      projectVariables(this.#db, push.projectId),
    ])
    const draft: Draft = {
      push,
      event: 'push',
      ref: push.ref,
      before: push.before,
      commit: found.commit,
      source: sourceOf(found.commit, { created: push.before === noCommit, forced: false }),
      workflow: found.workflow,
      inputs: {},
      calls: { called: {}, problems: [] },
    }
    try {
      const [started] = await inWork(this.#db, (work) => this.#writer.write(work, [draft], { project, actor, vars }))
      return started!
    } catch (error) {
      if (violates(error, 'pipeline_runs_push_unique')) return null
      throw error
    }
  }

  /** What this move of a ref would start. A deleted ref starts nothing. */
  async #move(push: MovedRef, defaultBranch: string): Promise<Move> {
    const isBranch = push.ref.startsWith('refs/heads/')
    const nothing = { push, workflows: null, drafts: [] }
    if (push.after === noCommit || !(isBranch || push.ref.startsWith('refs/tags/'))) return nothing
    const found = await this.#pipelines.read(push.repositoryId, push.after, defaultBranch)
    if (!found) return nothing
    const { workflows } = found
    if (push.jobId !== null || skips(found.commit.message)) return { ...nothing, workflows }
    const paths = await this.#changedPaths(push, workflows)
    const fired = workflows.filter(({ parsed: { workflow } }) => {
      // A file that cannot be read says nothing of its triggers: its author learns of it from the branch.
      if (!workflow) return isBranch
      return (
        workflow.on.push !== undefined && matchPush(workflow.on.push, { ref: push.ref, changedPaths: paths }).matches
      )
    })
    if (fired.length === 0) return { ...nothing, workflows }
    const created = push.before === noCommit
    const forced =
      !created &&
      !found.commit.parents.includes(push.before) &&
      !(await this.#git.isAncestor(push.repositoryId, push.before, push.after))
    const source = sourceOf(found.commit, { created, forced, commits: await this.#newCommits(push, found.commit) })
    const drafts = await Promise.all(
      fired.map(
        async (workflow): Promise<Draft> => ({
          push,
          event: 'push',
          ref: push.ref,
          before: push.before,
          commit: found.commit,
          source,
          workflow,
          inputs: {},
          calls: await localCalls(
            this.#pipelines,
            { repositoryId: push.repositoryId, commit: push.after, workflows },
            workflow,
          ),
        }),
      ),
    )
    return { push, workflows, drafts }
  }

  /** Those that nobody pushed before; undefined where it is the one commit alone, which the run knows anyway. */
  async #newCommits(push: MovedRef, commit: Commit): Promise<Commit[] | undefined> {
    if (commit.parents.length === 1 && commit.parents[0] === push.before) return undefined
    // A tag brings none: those behind it came by a branch, or come in the same push.
    if (!push.ref.startsWith('refs/heads/')) return []
    let from: string | null = push.before
    if (push.before === noCommit) {
      const branch = await this.#defaultBranch(push)
      from = branch && branch.ref !== push.ref ? branch.head : null
    }
    return this.#git.commits(push.repositoryId, { from, to: push.after }, maxPushed)
  }

  async #changedPaths(push: MovedRef, workflows: WorkflowAt[]): Promise<string[] | null> {
    const isAsked = workflows.some(
      ({ parsed }) => parsed.workflow?.on.push?.paths ?? parsed.workflow?.on.push?.pathsIgnore,
    )
    if (!isAsked) return null
    const before = push.before === noCommit ? await this.#branchedFrom(push) : push.before
    return this.#git.changedPaths(push.repositoryId, { before, after: push.after }, maxChangedPaths)
  }

  /** A new branch is compared with where it left the default branch. */
  async #branchedFrom(push: MovedRef): Promise<string | null> {
    const head = (await this.#defaultBranch(push))?.head
    return head && head !== push.after ? this.#git.mergeBase(push.repositoryId, head, push.after) : null
  }

  async #defaultBranch({ repositoryId }: MovedRef): Promise<{ ref: string; head: string | null } | null> {
    const [repository] = await this.#db
      .select({ branch: repositories.defaultBranch })
      .from(repositories)
      .where(eq(repositories.id, repositoryId))
    if (!repository?.branch) return null
    const ref = `refs/heads/${repository.branch}`
    return { ref, head: await this.#git.ref(repositoryId, ref) }
  }

  /** Takes the pushes as handled, together with where their refs stand; answers those that nobody took before. */
  async #claim(work: Work, moves: Move[], project: ProjectFacts): Promise<Set<string>> {
    const moved = moves.map(({ push }) => push)
    crashPoint('push.before.handle')
    work.after(() => crashPoint('push.after.handle'))
    const claimed = await work.tx
      .update(pushes)
      .set({ status: 'handled', handledAt: sql`now()` })
      .where(
        and(
          inArray(
            pushes.id,
            moved.map(({ id }) => id),
          ),
          inArray(pushes.status, pushesThatCan('handle')),
        ),
      )
      .returning({ id: pushes.id })
    const taken = new Set(claimed.map(({ id }) => id))
    // A ref that moved several times stands where it went last.
    const last = new Map(moved.filter(({ id, isBehind }) => taken.has(id) && !isBehind).map((push) => [push.ref, push]))
    const standing = [...last.values()].filter(({ after }) => after !== noCommit)
    if (standing.length > 0) {
      await work.tx
        .insert(repositoryRefs)
        .values(
          standing.map(({ id, repositoryId, ref, after }) => ({
            repositoryId,
            ref,
            commit: after,
            workflows: moves.find(({ push }) => push.id === id)?.workflows?.map(({ file }) => file) ?? null,
          })),
        )
        .onConflictDoUpdate({
          target: [repositoryRefs.repositoryId, repositoryRefs.ref],
          set: { commit: sql`excluded.commit`, workflows: sql`excluded.workflows` },
        })
    }
    const gone = [...last.values()].filter(({ after }) => after === noCommit).map(({ ref }) => ref)
    if (gone.length > 0) {
      await work.tx
        .delete(repositoryRefs)
        .where(and(eq(repositoryRefs.repositoryId, project.repositoryId), inArray(repositoryRefs.ref, gone)))
    }
    await this.#chooseDefault(work, standing, project)
    return taken
  }

  /** The first branch pushed becomes the default. */
  async #chooseDefault(work: Work, standing: MovedRef[], project: ProjectFacts): Promise<void> {
    const first = standing.find(isStandingBranch)
    if (project.defaultBranch !== null || !first) return
    const branch = shortRef(first.ref)
    const [chosen] = await work.tx
      .update(repositories)
      .set({ defaultBranch: branch })
      .where(and(eq(repositories.id, project.repositoryId), isNull(repositories.defaultBranch)))
      .returning({ id: repositories.id })
    if (!chosen) return
    project.defaultBranch = branch
    // HEAD follows the row; a sweep sets it where this is lost.
    work.after(() => void this.#git.setDefaultBranch(project.repositoryId, branch).catch(() => {}))
  }
}

const isStandingBranch = ({ ref, after }: MovedRef): boolean => ref.startsWith('refs/heads/') && after !== noCommit

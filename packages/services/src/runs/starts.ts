import { type Database, one } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import { uuidv7 } from '@juanie/core/ids'
import { crashPoint } from '@juanie/core/points'
import type { ProjectScope } from '@juanie/core/scope'
import { ExpressionError, evaluateTemplate, matchPush, type Problem } from '@juanie/workflow'
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Pipelines, WorkflowAt } from '../pipelines/index.ts'
import { projects } from '../projects/tables.ts'
import { type Commit, type GitStore, noCommit, type PinQueue, pushesThatCan } from '../repositories/index.ts'
import { pushes, repositories, repositoryRefs } from '../repositories/tables.ts'
import { type AdvanceParts, recordRun, settle } from './advance.ts'
import { githubContext, runUrl, shortRef, sourceOf } from './contexts.ts'
import type { DispatchRun, RunEvent, RunSource, RunStatus } from './contract.ts'
import { type Person, type ProjectFacts, personFacts, projectFacts, projectVariables, type RunRow } from './facts.ts'
import { freshJobs } from './plan.ts'
import { chooseWorkflow, readInputs, resolveRef } from './startable.ts'
import { pipelineRuns } from './tables.ts'
import { inWork, movePoint, type Work } from './work.ts'

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
}

export interface StartedRun {
  id: string
  number: number
  status: RunStatus
  workflow: string
  ref: string
  url: string
  /** Those of an invalid run. */
  problems: Problem[]
}

interface Draft {
  push: MovedRef | null
  event: RunEvent
  ref: string
  before: string | null
  commit: Commit
  source: RunSource
  workflow: WorkflowAt
  inputs: Record<string, unknown>
}

interface Surroundings {
  project: ProjectFacts
  actor: Person | null
  vars: Record<string, string>
}

/** Beyond so many changed files, every `paths` filter counts as met. */
const maxChangedPaths = 10_000

/** Makes runs: of pushes, and by hand. */
export class RunStarts {
  readonly #db: Database
  readonly #git: GitStore
  readonly #pipelines: Pipelines
  readonly #pins: PinQueue
  readonly #parts: AdvanceParts

  constructor(parts: { db: Database; git: GitStore; pipelines: Pipelines; pins: PinQueue } & AdvanceParts) {
    this.#db = parts.db
    this.#git = parts.git
    this.#pipelines = parts.pipelines
    this.#pins = parts.pins
    this.#parts = parts
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
    const [actor, vars, ...drafts] = await Promise.all([
      known ? known.actor : first.pusherId ? personFacts(this.#db, first.pusherId) : null,
      projectVariables(this.#db, first.projectId),
      ...moved.map((push) => this.#drafts(push, branch)),
    ])
    const started = await inWork(this.#db, async (work) => {
      const claimed = await this.#claim(work, moved, project)
      const wanted = drafts.flat().filter((draft) => draft.push !== null && claimed.has(draft.push.id))
      return this.#write(work, wanted, { project, actor, vars })
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
    }
    const [started] = await inWork(this.#db, (work) => this.#write(work, [draft], { project, actor, vars }))
    return started!
  }

  /** What this move of a ref would start. A deleted ref starts nothing. */
  async #drafts(push: MovedRef, defaultBranch: string): Promise<Draft[]> {
    const isBranch = push.ref.startsWith('refs/heads/')
    if (push.jobId !== null || push.after === noCommit || !(isBranch || push.ref.startsWith('refs/tags/'))) return []
    const found = await this.#pipelines.read(push.repositoryId, push.after, defaultBranch)
    if (!found) return []
    const paths = await this.#changedPaths(push, found.workflows)
    const fired = found.workflows.filter(({ parsed: { workflow } }) => {
      // A file that cannot be read says nothing of its triggers: its author learns of it from the branch.
      if (!workflow) return isBranch
      return (
        workflow.on.push !== undefined && matchPush(workflow.on.push, { ref: push.ref, changedPaths: paths }).matches
      )
    })
    if (fired.length === 0) return []
    const created = push.before === noCommit
    const forced =
      !created &&
      !found.commit.parents.includes(push.before) &&
      !(await this.#git.isAncestor(push.repositoryId, push.before, push.after))
    const source = sourceOf(found.commit, { created, forced })
    return fired.map((workflow) => ({
      push,
      event: 'push',
      ref: push.ref,
      before: push.before,
      commit: found.commit,
      source,
      workflow,
      inputs: {},
    }))
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
    const [repository] = await this.#db
      .select({ branch: repositories.defaultBranch })
      .from(repositories)
      .where(eq(repositories.id, push.repositoryId))
    const head = repository?.branch && (await this.#git.ref(push.repositoryId, `refs/heads/${repository.branch}`))
    return head && head !== push.after ? this.#git.mergeBase(push.repositoryId, head, push.after) : null
  }

  /** Takes the pushes as handled, together with where their refs stand; answers those that nobody took before. */
  async #claim(work: Work, moved: MovedRef[], project: ProjectFacts): Promise<Set<string>> {
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
    const last = new Map(moved.filter(({ id }) => taken.has(id)).map((push) => [push.ref, push]))
    const standing = [...last.values()].filter(({ after }) => after !== noCommit)
    if (standing.length > 0) {
      await work.tx
        .insert(repositoryRefs)
        .values(standing.map(({ repositoryId, ref, after }) => ({ repositoryId, ref, commit: after })))
        .onConflictDoUpdate({
          target: [repositoryRefs.repositoryId, repositoryRefs.ref],
          set: { commit: sql`excluded.commit` },
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

  async #write(work: Work, drafts: Draft[], around: Surroundings): Promise<StartedRun[]> {
    if (drafts.length === 0) return []
    const { project } = around
    const counted = new Map<string, { file: string; name: string; origin: WorkflowAt['origin']; runs: number }>()
    for (const { workflow } of drafts) {
      const { file, name, origin } = workflow
      const known = counted.get(file)
      if (known) known.runs++
      else counted.set(file, { file, name, origin, runs: 1 })
    }
    const pipelines = await this.#pipelines.number(work.tx, project.projectId, [...counted.values()])
    const { last } = await one(
      work.tx
        .update(projects)
        .set({ lastRun: sql`${projects.lastRun} + ${drafts.length}` })
        .where(eq(projects.id, project.projectId))
        .returning({ last: projects.lastRun }),
    )
    const runs = drafts.map((draft, index) => {
      const pipeline = pipelines.get(draft.workflow.file)!
      const left = counted.get(draft.workflow.file)!
      left.runs--
      return runRow(draft, around, {
        pipelineId: pipeline.id,
        number: last - drafts.length + 1 + index,
        pipelineNumber: pipeline.lastRun - left.runs,
        url: this.#parts.url(),
      })
    })
    for (const run of runs) movePoint(work, 'run', run.status === 'invalid' ? 'refuse' : 'queue')
    await work.tx.insert(pipelineRuns).values(runs)
    const started: StartedRun[] = []
    for (const [index, run] of runs.entries()) {
      const { workflow: written } = drafts[index]!
      const facts = { run, project, workflowName: written.name, actor: around.actor }
      await recordRun(work, facts, run.status === 'invalid' ? 'run.finished' : 'run.queued')
      const { workflow } = written.parsed
      if (workflow && run.status === 'queued') {
        await settle(work, this.#parts, { facts, workflow, vars: around.vars, jobs: freshJobs(workflow, uuidv7) })
      }
      started.push({
        id: run.id,
        number: run.number,
        status: run.status,
        workflow: written.name,
        ref: run.ref,
        url: runUrl(this.#parts.url(), facts),
        problems: run.problems,
      })
    }
    work.after(() => {
      for (const run of runs) this.#pins.add(project.repositoryId, { runId: run.id, commit: run.commit })
    })
    return started
  }
}

function runRow(
  draft: Draft,
  { project, actor, vars }: Surroundings,
  given: { pipelineId: string; number: number; pipelineNumber: number; url: string },
): RunRow {
  const { workflow } = draft.workflow.parsed
  const now = new Date()
  const firstLine = draft.commit.message.split('\n')[0] || draft.commit.id.slice(0, 12)
  const run: RunRow = {
    id: uuidv7(),
    projectId: project.projectId,
    pipelineId: given.pipelineId,
    pushId: draft.push?.id ?? null,
    number: given.number,
    pipelineNumber: given.pipelineNumber,
    attempt: 1,
    event: draft.event,
    ref: draft.ref,
    commit: draft.commit.id,
    before: draft.before,
    title: (draft.event === 'push' ? firstLine : draft.workflow.name).slice(0, 1000),
    commitMessage: draft.commit.message.slice(0, 65_536),
    commitAuthor: draft.commit.author.name.slice(0, 1000),
    source: draft.source,
    actorId: actor?.id ?? null,
    inputs: draft.inputs,
    workflowFile: draft.workflow.file,
    workflowText: draft.workflow.text,
    problems: draft.workflow.parsed.problems,
    status: workflow ? 'queued' : 'invalid',
    reason: workflow ? null : 'workflow.invalid',
    cancelRequestedAt: null,
    createdAt: now,
    startedAt: null,
    finishedAt: workflow ? null : now,
  }
  if (!workflow?.runName) return run
  const facts = { run, project, workflowName: draft.workflow.name, actor }
  try {
    const contexts = { github: githubContext(facts, given.url), vars, inputs: run.inputs }
    const title = evaluateTemplate(workflow.runName, contexts).trim()
    return title === '' ? run : { ...run, title: title.slice(0, 1000) }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    // A title is no reason to refuse the run.
    return run
  }
}

const isStandingBranch = ({ ref, after }: MovedRef): boolean => ref.startsWith('refs/heads/') && after !== noCommit

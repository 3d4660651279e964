import { one } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { ExpressionError, evaluateTemplate, isBlocked, type Problem, type Workflow } from '@juanie/workflow'
import { eq, sql } from 'drizzle-orm'
import type { Pipelines, WorkflowAt } from '../pipelines/index.ts'
import { projects } from '../projects/tables.ts'
import type { Commit, PinQueue } from '../repositories/index.ts'
import { type AdvanceParts, recordRun, settle, tellGroups } from './advance.ts'
import { claimGroup } from './concurrency.ts'
import { groupOf } from './concurrency-group.ts'
import { githubContext, runUrl } from './contexts.ts'
import type { RunEvent, RunSource, RunStatus } from './contract.ts'
import type { Person, ProjectFacts, RunRow } from './facts.ts'
import { freshJobs } from './plan.ts'
import type { CalledWorkflows } from './plan-input.ts'
import { pipelineRuns } from './tables.ts'
import { movePoint, type Work } from './work.ts'

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

/** A run to be made. */
export interface Draft {
  push: { id: string } | null
  event: RunEvent
  ref: string
  before: string | null
  commit: Commit
  source: RunSource
  workflow: WorkflowAt
  inputs: Record<string, unknown>
  /** The workflows of the same commit that it calls, and what is wrong with the calls. */
  calls: { called: CalledWorkflows; problems: Problem[] }
  trigger?: { payload: Record<string, unknown>; key: string | null }
}

export interface Surroundings {
  project: ProjectFacts
  actor: Person | null
  vars: Record<string, string>
}

/** Writes runs with their first jobs. */
export class RunWriter {
  readonly #pipelines: Pipelines
  readonly #pins: PinQueue
  readonly #parts: AdvanceParts

  constructor(parts: { pipelines: Pipelines; pins: PinQueue } & AdvanceParts) {
    this.#pipelines = parts.pipelines
    this.#pins = parts.pins
    this.#parts = parts
  }

  async write(work: Work, drafts: Draft[], around: Surroundings): Promise<StartedRun[]> {
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
    await this.#claimGroups(work, runs)
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
      this.#parts.signals.runsChanged(runs.map(({ id }) => id))
    })
    return started
  }

  /** Those whose group is taken wait for it, before anything of them begins. In one order, so that no two wait for each other. */
  async #claimGroups(work: Work, runs: RunRow[]): Promise<void> {
    const asking = runs.filter(({ concurrency, status }) => concurrency !== null && status === 'queued')
    for (const run of asking.toSorted((a, b) => (a.concurrency!.name < b.concurrency!.name ? -1 : 1))) {
      if (await claimGroup(work.tx, run)) continue
      movePoint(work, 'run', 'block')
      run.status = 'blocked'
      run.reason = 'run.concurrency'
      await work.tx
        .update(pipelineRuns)
        .set({ status: run.status, reason: run.reason })
        .where(eq(pipelineRuns.id, run.id))
      tellGroups(work, this.#parts, run.projectId, [run.concurrency!.name])
    }
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
    called: draft.calls.called,
    trigger: draft.trigger?.payload ?? null,
    triggerKey: draft.trigger?.key ?? null,
    concurrency: null,
    announced: 0,
    problems: [...draft.workflow.parsed.problems, ...draft.calls.problems],
    status: 'queued',
    reason: null,
    cancelRequestedAt: null,
    createdAt: now,
    startedAt: null,
    finishedAt: null,
  }
  const facts = { run, project, workflowName: draft.workflow.name, actor }
  const contexts = () => ({ github: githubContext(facts, given.url), vars, inputs: run.inputs })
  if (!workflow || draft.calls.problems.some(({ severity }) => severity === 'error')) {
    return refused(run, 'workflow.invalid')
  }
  // Nothing of it could run: that is said before anything starts.
  if (isBlocked(workflow))
    return refused({ ...run, problems: asErrors(workflow, run.problems) }, 'workflow.needs_docker')
  try {
    if (workflow.concurrency) run.concurrency = groupOf(workflow.concurrency, contexts())
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    const problem: Problem = { severity: 'error', file: run.workflowFile, position: null, message: error.message }
    return refused({ ...run, problems: [...run.problems, problem] }, 'workflow.invalid')
  }
  if (!workflow.runName) return run
  try {
    const title = evaluateTemplate(workflow.runName, contexts()).trim()
    return title === '' ? run : { ...run, title: title.slice(0, 1000) }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    // A title is no reason to refuse the run.
    return run
  }
}

const refused = (run: RunRow, reason: string): RunRow => ({
  ...run,
  status: 'invalid',
  reason,
  finishedAt: run.createdAt,
})

/** What keeps every job from running is no mere warning. */
function asErrors(workflow: Workflow, problems: Problem[]): Problem[] {
  const places = workflow.jobs.flatMap(({ blockers = [] }) =>
    blockers.map(({ position }) => `${position.line}:${position.column}`),
  )
  return problems.map((each) =>
    each.position && places.includes(`${each.position.line}:${each.position.column}`)
      ? { ...each, severity: 'error' as const }
      : each,
  )
}

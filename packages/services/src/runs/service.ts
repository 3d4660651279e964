import { type Database, maybeOne } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import type { ProjectScope } from '@juanie/core/scope'
import { and, desc, eq, ilike, inArray, lt, sql } from 'drizzle-orm'
import { pipelines } from '../pipelines/tables.ts'
import { users } from '../users/tables.ts'
import { type AdvanceParts, cancelLocked, moveRun, settle, storedWorkflow, tellGroups } from './advance.ts'
import { claimGroup } from './concurrency.ts'
import type { ListedRun, ListRuns, RunStatus, RunSummary, RunView } from './contract.ts'
import { projectFacts, projectVariables, type RunFacts, runFacts } from './facts.ts'
import { withReasons } from './listed.ts'
import { againAll, againFailed } from './rerun.ts'
import { lockJobs, storeJobs } from './rows.ts'
import { isRunOver, nextRunStatus } from './status.ts'
import { jobs, pipelineRuns, steps } from './tables.ts'
import { summaryColumns, summaryOf, viewRun } from './view.ts'
import { inWork, type Work } from './work.ts'

type Reference = number | string

/** What people do with runs. They are made by `RunStarts`. */
export class Runs {
  readonly #db: Database
  readonly #parts: AdvanceParts

  constructor(parts: { db: Database } & AdvanceParts) {
    this.#db = parts.db
    this.#parts = parts
  }

  async list(scope: ProjectScope, input: ListRuns): Promise<{ rows: ListedRun[]; next: string | null }> {
    const after = input.after === undefined ? null : Number(input.after)
    if (after !== null && !(Number.isInteger(after) && after > 0 && after < 2 ** 31)) {
      throw new AppError('invalid', 'run.cursor_invalid', { message: 'after: is not a cursor that a list gave.' })
    }
    const rows = await this.#db
      .select({ run: summaryColumns, pipeline: pipelines, actor: users.name })
      .from(pipelineRuns)
      .innerJoin(pipelines, eq(pipelines.id, pipelineRuns.pipelineId))
      .leftJoin(users, eq(users.id, pipelineRuns.actorId))
      .where(
        and(
          eq(pipelineRuns.projectId, scope.projectId),
          after === null ? undefined : lt(pipelineRuns.number, after),
          input.status === undefined ? undefined : inArray(pipelineRuns.status, [input.status].flat()),
          input.event === undefined ? undefined : eq(pipelineRuns.event, input.event),
          input.text === undefined ? undefined : ilike(pipelineRuns.title, `%${likeText(input.text)}%`),
          input.pipelineId === undefined ? undefined : eq(pipelineRuns.pipelineId, input.pipelineId),
          input.workflow === undefined ? undefined : eq(pipelines.file, input.workflow),
          input.branch === undefined
            ? undefined
            : inArray(pipelineRuns.ref, [input.branch, `refs/heads/${input.branch}`, `refs/tags/${input.branch}`]),
        ),
      )
      .orderBy(desc(pipelineRuns.number))
      .limit(input.limit + 1)
    const shown = rows.slice(0, input.limit)
    const page = shown.map(({ run, pipeline, actor }) => ({
      summary: summaryOf(run, pipeline, actor),
      problems: run.problems,
    }))
    return {
      rows: await withReasons(this.#db, page),
      next: rows.length > input.limit ? String(shown.at(-1)!.run.number) : null,
    }
  }

  async view(scope: ProjectScope, input: { run: Reference; attempt?: number }): Promise<RunView> {
    const id = await this.find(scope, input.run)
    const found = await maybeOne(this.#rows().where(eq(pipelineRuns.id, id)))
    const project = await projectFacts(this.#db, scope.projectId)
    if (!found || !project) throw notFound('run')
    const attempt = input.attempt ?? found.run.attempt
    if (attempt > found.run.attempt) throw notFound('attempt')
    const summary = summaryOf(found.run, found.pipeline, found.actor)
    return viewRun(this.#db, summary, { run: found.run, project, attempt, url: this.#parts.url() })
  }

  /** A new attempt on the stored workflow text. */
  async rerun(scope: ProjectScope, input: { run: Reference; jobs: 'all' | 'failed' }): Promise<RunSummary> {
    const id = await this.find(scope, input.run)
    await inWork(this.#db, async (work) => {
      const facts = await this.#lock(work, id)
      const { run } = facts
      if (nextRunStatus(run.status, 'rerun') === null) throw cannot('rerun', run.status)
      const workflow = storedWorkflow(run)
      if (!workflow) {
        throw new AppError('conflict', 'run.text_unreadable', {
          message: 'The stored workflow text cannot be read by this version of Juanie; push again instead.',
        })
      }
      const before = await lockJobs(work.tx, run.id, run.attempt)
      const again = input.jobs === 'all' ? againAll(workflow, uuidv7) : againFailed(workflow, before, uuidv7)
      if (!again) {
        throw new AppError('conflict', 'run.nothing_failed', {
          message: `Every job of run ${run.number} succeeded; rerun all of them instead.`,
        })
      }
      run.attempt++
      run.cancelRequestedAt = null
      await moveRun(work, this.#parts, facts, { move: 'rerun' })
      await record(work.tx, scope, 'run.rerun', { subjectId: run.id, data: { number: run.number, jobs: input.jobs } })
      if (run.concurrency && !(await claimGroup(work.tx, run))) {
        await moveRun(work, this.#parts, facts, { move: 'block', reason: 'run.concurrency' })
        await storeJobs(work, run, again)
        tellGroups(work, this.#parts, run.projectId, [run.concurrency.name])
        return
      }
      const vars = await projectVariables(work.tx, scope.projectId)
      await settle(work, this.#parts, { facts, workflow, vars, jobs: again })
    })
    return this.#summary(id)
  }

  /**
   * Ends a run: what waits is canceled now, what runs is told to end. Jobs that ask for it (`if: always()`) still run
   * afterwards; a second cancel ends those too.
   */
  async cancel(scope: ProjectScope, input: { run: Reference }): Promise<RunSummary> {
    const id = await this.find(scope, input.run)
    await inWork(this.#db, async (work) => {
      const facts = await this.#lock(work, id)
      const { run } = facts
      if (isRunOver(run.status)) throw cannot('cancel', run.status)
      await cancelLocked(work, this.#parts, facts)
    })
    return this.#summary(id)
  }

  /** Id of a run by its number or id. */
  async find(scope: ProjectScope, reference: Reference): Promise<string> {
    const row = await maybeOne(
      this.#db
        .select({ id: pipelineRuns.id })
        .from(pipelineRuns)
        .where(
          and(
            eq(pipelineRuns.projectId, scope.projectId),
            typeof reference === 'number' ? eq(pipelineRuns.number, reference) : eq(pipelineRuns.id, reference),
          ),
        ),
    )
    if (!row) throw notFound('run')
    return row.id
  }

  /** The stream of a step's log, and whether it is complete; a job of a rerun shows the one whose success it took over. */
  async stepStream(
    scope: ProjectScope,
    at: { run: Reference; jobId: string; place: number },
  ): Promise<{ streamId: string; name: string; lines: number; status: string; isOver: boolean }> {
    const runId = await this.find(scope, at.run)
    const row = await maybeOne(
      this.#db
        .select({ streamId: steps.id, name: steps.name, lines: steps.lines, status: steps.status })
        .from(jobs)
        .innerJoin(steps, sql`${steps.jobId} = coalesce(${jobs.carriedFrom}, ${jobs.id})`)
        .where(and(eq(jobs.runId, runId), eq(jobs.id, at.jobId), eq(steps.place, at.place))),
    )
    if (!row) throw notFound('step')
    return { ...row, isOver: row.status !== 'pending' && row.status !== 'running' }
  }

  async #lock(work: Work, id: string): Promise<RunFacts> {
    const facts = await runFacts(work.tx, id, true)
    if (!facts) throw notFound('run')
    return facts
  }

  async #summary(id: string): Promise<RunSummary> {
    const found = await maybeOne(this.#rows().where(eq(pipelineRuns.id, id)))
    if (!found) throw notFound('run')
    return summaryOf(found.run, found.pipeline, found.actor)
  }

  #rows() {
    return this.#db
      .select({ run: pipelineRuns, pipeline: pipelines, actor: users.name })
      .from(pipelineRuns)
      .innerJoin(pipelines, eq(pipelines.id, pipelineRuns.pipelineId))
      .leftJoin(users, eq(users.id, pipelineRuns.actorId))
      .$dynamic()
  }
}

/** As itself: `%` and `_` stand for others in a pattern. */
const likeText = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')

const cannot = (what: 'rerun' | 'cancel', status: RunStatus) =>
  new AppError('conflict', what === 'rerun' ? 'run.not_rerunnable' : 'run.over', {
    message:
      what === 'cancel'
        ? `The run is over: it ${status === 'succeeded' ? 'has' : 'is'} ${status}.`
        : status === 'invalid'
          ? 'The workflow of this run is invalid: correct it and push again.'
          : `A run that is ${status} cannot be run again${isRunOver(status) ? '' : ' before it is over'}.`,
    details: { status },
  })

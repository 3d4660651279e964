import { type Database, maybeOne, type Queryable, violates } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import type { ProjectScope } from '@juanie/core/scope'
import { matchWorkflowRun, nextTick, type WorkflowRunType, workflowRunTypes } from '@juanie/workflow'
import { and, asc, eq, lte, sql } from 'drizzle-orm'
import type { Pipelines, WorkflowAt } from '../pipelines/index.ts'
import type { GitStore, PinQueue } from '../repositories/index.ts'
import type { AdvanceParts } from './advance.ts'
import { localCalls } from './called-texts.ts'
import { shortRef, sourceOf } from './contexts.ts'
import type { DispatchRepository } from './contract.ts'
import { type Person, type ProjectFacts, personFacts, projectFacts, projectVariables, type RunFacts } from './facts.ts'
import { followedPayload } from './followed-payload.ts'
import { type Draft, RunWriter, type StartedRun } from './run-writer.ts'
import { pipelineTriggers } from './tables.ts'
import { inWork } from './work.ts'

type TriggerRow = typeof pipelineTriggers.$inferSelect
type Event = 'schedule' | 'workflow_run' | 'repository_dispatch'

/** Renews what the workflows of the default branch wait for. The next time of a schedule that stays is kept. */
export async function syncTriggers(tx: Queryable, projectId: string, workflows: WorkflowAt[]): Promise<void> {
  const now = new Date()
  const wanted = workflows.flatMap(({ file, parsed }) => {
    const on = parsed.workflow?.on
    if (!on) return []
    const plain = { projectId, file, cron: '', timezone: '', nextAt: null }
    return [
      ...(on.workflowRun ? [{ ...plain, event: 'workflow_run' as const }] : []),
      ...(on.repositoryDispatch ? [{ ...plain, event: 'repository_dispatch' as const }] : []),
      ...(on.schedule ?? []).map(({ cron, timezone = '' }) => ({
        ...plain,
        event: 'schedule' as const,
        cron,
        timezone,
        nextAt: nextTick(cron, now, timezone || undefined),
      })),
    ]
  })
  const kept = await tx.select().from(pipelineTriggers).where(eq(pipelineTriggers.projectId, projectId))
  const keyOf = (each: { file: string; event: string; cron: string; timezone: string }) =>
    [each.file, each.event, each.cron, each.timezone].join('\n')
  const names = new Set(wanted.map(keyOf))
  const gone = kept.filter((each) => !names.has(keyOf(each))).map(({ id }) => id)
  if (gone.length > 0) {
    await tx.delete(pipelineTriggers).where(sql`${pipelineTriggers.id} = any(${sql.param(gone)}::uuid[])`)
  }
  const known = new Set(kept.map(keyOf))
  const fresh = new Map(wanted.filter((each) => !known.has(keyOf(each))).map((each) => [keyOf(each), each]))
  if (fresh.size > 0)
    await tx
      .insert(pipelineTriggers)
      .values([...fresh.values()])
      .onConflictDoNothing()
}

const batch = 50
/** A run that follows a run that follows a run: further ones are not followed, so that no circle turns for ever. */
const maxLevels = 3

/** Makes the runs that nobody pushed: of schedules, of other runs, and of dispatches. */
export class TriggeredRuns {
  readonly #db: Database
  readonly #git: GitStore
  readonly #pipelines: Pipelines
  readonly #writer: RunWriter
  readonly #url: () => string

  constructor(parts: { db: Database; git: GitStore; pipelines: Pipelines; pins: PinQueue } & AdvanceParts) {
    this.#db = parts.db
    this.#git = parts.git
    this.#pipelines = parts.pipelines
    this.#writer = new RunWriter(parts)
    this.#url = parts.url
  }

  /** Makes the runs of the schedules that are due. Ticks that were missed are caught up once. Answers how many were due. */
  async turn(now: Date = new Date()): Promise<number> {
    const due = await this.#db
      .select()
      .from(pipelineTriggers)
      .where(lte(pipelineTriggers.nextAt, now))
      .orderBy(asc(pipelineTriggers.nextAt))
      .limit(batch)
    for (const trigger of due) await this.#tick(trigger, now)
    return due.length
  }

  async #tick(trigger: TriggerRow, now: Date): Promise<void> {
    const { id, cron, timezone, nextAt } = trigger
    const project = await projectFacts(this.#db, trigger.projectId)
    const at = project && (await this.#standing(project))
    const workflow = at?.workflows.find(({ file }) => file === trigger.file)
    const isListed = workflow?.parsed.workflow?.on.schedule?.some((each) => each.cron === cron)
    const draft =
      at && workflow && isListed
        ? await this.#draft(at, workflow, {
            event: 'schedule',
            payload: { schedule: cron },
            key: `schedule:${id}:${nextAt!.toISOString()}`,
          })
        : null
    const vars = project ? await projectVariables(this.#db, project.projectId) : {}
    await inWork(this.#db, async (work) => {
      const moved = await work.tx
        .update(pipelineTriggers)
        .set({ nextAt: nextTick(cron, now, timezone || undefined) })
        .where(and(eq(pipelineTriggers.id, id), eq(pipelineTriggers.nextAt, nextAt!)))
        .returning({ id: pipelineTriggers.id })
      // Another server made it.
      if (moved.length === 0 || !draft || !project) return
      await this.#writer.write(work, [draft], { project, actor: null, vars })
    })
  }

  /** Makes the runs that follow this one, for what has become of it since `announced`. */
  async follow(facts: RunFacts, types: WorkflowRunType[]): Promise<void> {
    const { run, project } = facts
    const level = run.event === 'workflow_run' ? Number(run.trigger?.level ?? 1) : 0
    if (level >= maxLevels || types.length === 0) return
    if (!(await this.#isAwaited(project.projectId, 'workflow_run'))) return
    const at = await this.#standing(project)
    if (!at) return
    const branch = shortRef(run.ref)
    for (const type of types) {
      const fired = at.workflows.filter(({ parsed }) => {
        const trigger = parsed.workflow?.on.workflowRun
        return trigger && matchWorkflowRun(trigger, { workflow: facts.workflowName, type, branch })
      })
      const payload = { ...followedPayload(facts, type, this.#url()), level: level + 1 }
      const key = `workflow_run:${run.id}:${run.attempt}:${type}`
      await this.#start(at, fired, { event: 'workflow_run', payload, key }, { project, actor: facts.actor })
    }
  }

  /** Somebody outside says that something has happened. Answers the runs that it started. */
  async dispatch(scope: ProjectScope, input: DispatchRepository): Promise<StartedRun[]> {
    const project = await projectFacts(this.#db, scope.projectId)
    if (!project) throw notFound('project')
    const at = await this.#standing(project)
    if (!at) return []
    const fired = at.workflows.filter(({ parsed }) => {
      const trigger = parsed.workflow?.on.repositoryDispatch
      return trigger && (trigger.types.length === 0 || trigger.types.includes(input.eventType))
    })
    const actor = scope.actor.kind === 'user' ? await personFacts(this.#db, scope.actor.id) : null
    const payload = { action: input.eventType, branch: project.defaultBranch, client_payload: input.clientPayload }
    return this.#start(at, fired, { event: 'repository_dispatch', payload, key: null }, { project, actor })
  }

  async #start(
    at: Standing,
    fired: WorkflowAt[],
    trigger: { event: Event; payload: Record<string, unknown>; key: string | null },
    around: { project: ProjectFacts; actor: Person | null },
  ): Promise<StartedRun[]> {
    if (fired.length === 0) return []
    const drafts = await Promise.all(fired.map((workflow) => this.#draft(at, workflow, trigger)))
    const vars = await projectVariables(this.#db, around.project.projectId)
    try {
      return await inWork(this.#db, (work) => this.#writer.write(work, drafts, { ...around, vars }))
    } catch (error) {
      // They were made before, all of them at once.
      if (violates(error, 'pipeline_runs_trigger_unique')) return []
      throw error
    }
  }

  async #draft(
    at: Standing,
    workflow: WorkflowAt,
    { event, payload, key }: { event: Event; payload: Record<string, unknown>; key: string | null },
  ): Promise<Draft> {
    return {
      push: null,
      event,
      ref: at.ref,
      before: null,
      commit: at.commit,
      source: sourceOf(at.commit, { created: false, forced: false }),
      workflow,
      inputs: {},
      calls: await localCalls(this.#pipelines, { ...at, commit: at.commit.id }, workflow),
      trigger: { payload, key },
    }
  }

  /** The workflows of the default branch as it stands now: only they are started by such events. */
  async #standing(project: ProjectFacts) {
    if (project.defaultBranch === null) return null
    const ref = `refs/heads/${project.defaultBranch}`
    const id = await this.#git.ref(project.repositoryId, ref)
    const found = id && (await this.#pipelines.read(project.repositoryId, id, project.defaultBranch))
    return found ? { ...found, ref, repositoryId: project.repositoryId } : null
  }

  async #isAwaited(projectId: string, event: Event): Promise<boolean> {
    const row = await maybeOne(
      this.#db
        .select({ id: pipelineTriggers.id })
        .from(pipelineTriggers)
        .where(and(eq(pipelineTriggers.projectId, projectId), eq(pipelineTriggers.event, event)))
        .limit(1),
    )
    return row !== null
  }
}

type Standing = NonNullable<Awaited<ReturnType<Pipelines['read']>>> & { ref: string; repositoryId: string }

/** What others are told of a run that has come so far: `announced` counts through these. */
export const stagesOf = (from: number, to: number): WorkflowRunType[] => workflowRunTypes.slice(from, to)

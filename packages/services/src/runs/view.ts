import { maybeOne, type Queryable } from '@juanie/core/database'
import { and, asc, eq, getColumns, inArray } from 'drizzle-orm'
import type { pipelines } from '../pipelines/tables.ts'
import { attemptsOf } from './attempts.ts'
import { runUrl, shortRef } from './contexts.ts'
import type { AnnotationView, JobView, RunSummary, RunView, StepView } from './contract.ts'
import type { ProjectFacts, RunRow } from './facts.ts'
import { knownAgents } from './known-agents.ts'
import { isRunOver } from './status.ts'
import { annotations, concurrencyClaims, jobs, pipelineRuns, steps } from './tables.ts'
import { waitingOf, waitsFor } from './waiting.ts'

type PipelineRow = typeof pipelines.$inferSelect

const text = (at: Date | null): string | null => at?.toISOString() ?? null

/** A list reads no texts: each may be a megabyte. */
const { workflowText: _text, commitMessage: _message, ...light } = getColumns(pipelineRuns)
export const summaryColumns = light

export const summaryOf = (
  run: Omit<RunRow, 'workflowText' | 'commitMessage'>,
  pipeline: PipelineRow,
  actor: string | null,
): RunSummary => ({
  id: run.id,
  number: run.number,
  attempt: run.attempt,
  status: run.status,
  reason: run.reason,
  event: run.event,
  branch: shortRef(run.ref),
  ref: run.ref,
  commit: run.commit,
  title: run.title,
  workflow: { id: pipeline.id, file: run.workflowFile, name: pipeline.name, origin: pipeline.origin },
  actor,
  createdAt: run.createdAt.toISOString(),
  startedAt: text(run.startedAt),
  finishedAt: text(run.finishedAt),
})

const maxSteps = 20_000
const maxAnnotations = 5_000

/** A run with its jobs, steps and annotations, and what each waits for. */
export async function viewRun(
  db: Queryable,
  summary: RunSummary,
  around: { run: RunRow; project: ProjectFacts; attempt: number; url: string },
): Promise<RunView> {
  const { run } = around
  const rows = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.runId, run.id), eq(jobs.attempt, around.attempt)))
    .orderBy(asc(jobs.id))
  const stepOwners = rows.map(({ id, carriedFrom }) => carriedFrom ?? id)
  const [stepRows, notes, known, attempts, blocker] = await Promise.all([
    stepOwners.length > 0
      ? db
          .select()
          .from(steps)
          .where(inArray(steps.jobId, stepOwners))
          .orderBy(asc(steps.jobId), asc(steps.place))
          .limit(maxSteps)
      : [],
    stepOwners.length > 0
      ? db
          .select({ annotation: annotations })
          .from(annotations)
          .innerJoin(steps, eq(steps.id, annotations.stepId))
          .where(inArray(steps.jobId, stepOwners))
          .orderBy(asc(annotations.id))
          .limit(maxAnnotations)
      : [],
    knownAgents(db),
    attemptsOf(db, run),
    run.status === 'blocked' && run.concurrency ? groupWaitsFor(db, run.projectId, run.concurrency.name) : null,
  ])
  const annotationsOf = grouped(notes, ({ annotation }) => annotation.stepId)
  const stepsOf = grouped(stepRows, ({ jobId }) => jobId)
  const views = rows.map((row): JobView => {
    const waiting = waitingOf(row, rows, known.agents)
    return {
      id: row.id,
      key: row.key,
      name: row.name,
      status: row.status,
      reason: row.reason,
      waitsFor: waiting && waitsFor(waiting),
      waiting,
      needs: row.needs,
      labels: row.labels,
      place: row.place,
      repeat: row.repeat,
      isCarried: row.carriedFrom !== null,
      continueOnError: row.continueOnError,
      environment: row.environment,
      environmentUrl: row.environmentUrl,
      timeoutMs: row.timeoutMs,
      agent: row.agentId ? (known.names.get(row.agentId) ?? null) : null,
      outputs: row.outputs,
      queuedAt: text(row.queuedAt),
      startedAt: text(row.startedAt),
      finishedAt: text(row.finishedAt),
      steps: (stepsOf.get(row.carriedFrom ?? row.id) ?? []).map((step) =>
        stepView(
          step,
          (annotationsOf.get(step.id) ?? []).map(({ annotation }) => annotation),
        ),
      ),
    }
  })
  return {
    ...summary,
    attempt: around.attempt,
    latestAttempt: run.attempt,
    attempts,
    isCanceling: run.cancelRequestedAt !== null && !isRunOver(run.status),
    inputs: run.inputs,
    problems: run.problems,
    workflowText: run.workflowText,
    jobs: views,
    waitsFor: blocker ?? runWaitsFor(views),
    url: runUrl(around.url, around),
  }
}

/** Who holds the group that a run waits for. */
async function groupWaitsFor(db: Queryable, projectId: string, name: string): Promise<string> {
  const holder = await maybeOne(
    db
      .select({ number: pipelineRuns.number })
      .from(concurrencyClaims)
      .innerJoin(pipelineRuns, eq(pipelineRuns.id, concurrencyClaims.runId))
      .where(
        and(
          eq(concurrencyClaims.projectId, projectId),
          eq(concurrencyClaims.name, name),
          inArray(concurrencyClaims.state, ['holding', 'ousted']),
        ),
      ),
  )
  return holder
    ? `Waits until run ${holder.number} ends, which holds the concurrency group '${name}'; a newer run of the group takes its place.`
    : `Is about to begin: the concurrency group '${name}' is free.`
}

/** What the run as a whole waits for: that of its jobs, when none of them is being worked on. */
function runWaitsFor(views: JobView[]): string | null {
  if (views.some(({ status }) => status === 'running')) return null
  const first = views.find(({ status }) => status === 'queued' || status === 'leased')
  return first ? `${first.name}: ${first.waitsFor}` : null
}

const stepView = (step: typeof steps.$inferSelect, notes: AnnotationView[]): StepView => ({
  id: step.id,
  place: step.place,
  name: step.name,
  status: step.status,
  outcome: step.outcome,
  conclusion: step.conclusion,
  exitCode: step.exitCode,
  reason: step.reason,
  summary: step.summary,
  lines: step.lines,
  startedAt: text(step.startedAt),
  finishedAt: text(step.finishedAt),
  annotations: notes.map(({ level, message, title, file, line, column, logLine }) => ({
    level,
    message,
    title,
    file,
    line,
    column,
    logLine,
  })),
})

function grouped<T>(rows: T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(row)
    else groups.set(keyOf(row), [row])
  }
  return groups
}

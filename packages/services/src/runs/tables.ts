import { createdAt, inStatus, instant, oneOf, owned, primaryId } from '@juanie/core/database'
import type { JobInstance, Outcome, Problem } from '@juanie/workflow'
import { isNotNull, sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  primaryKey,
  snakeCase,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { agents } from '../hosts/tables.ts'
import { pipelines } from '../pipelines/tables.ts'
import { projects } from '../projects/tables.ts'
import { pushes } from '../repositories/tables.ts'
import { users } from '../users/tables.ts'
import type { ConcurrencyGroup } from './concurrency-group.ts'
import {
  cancelReasons,
  claimStates,
  jobStatuses,
  type RunSource,
  runEvents,
  runStatuses,
  stepStatuses,
} from './contract.ts'
import type { CalledWorkflows } from './plan-input.ts'

export const pipelineRuns = snakeCase.table(
  'pipeline_runs',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    pipelineId: owned(() => pipelines.id),
    pushId: uuid().references(() => pushes.id, { onDelete: 'set null' }),
    /** Counts per project. */
    number: integer().notNull(),
    /** Counts per workflow: `github.run_number`. */
    pipelineNumber: integer().notNull(),
    /** Number of the latest attempt; a rerun is a new attempt on the same workflow text. */
    attempt: integer().notNull().default(1),
    event: text({ enum: runEvents }).notNull(),
    ref: text().notNull(),
    /** The commit this run is of; pinned under `refs/juanie/runs/<id>`. */
    commit: text().notNull(),
    /** `before` of the push: `github.event.before`. */
    before: text(),
    title: text().notNull(),
    commitMessage: text().notNull(),
    commitAuthor: text().notNull(),
    /** The rest of what `github.event` tells of the push. */
    source: jsonb().$type<RunSource>().notNull(),
    actorId: uuid().references(() => users.id, { onDelete: 'set null' }),
    inputs: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    workflowFile: text().notNull(),
    /** The exact text that this run runs. */
    workflowText: text().notNull(),
    problems: jsonb().$type<Problem[]>().notNull().default([]),
    /** The workflows that its jobs call, as far as they are known, by what calls name them. */
    called: jsonb().$type<CalledWorkflows>().notNull().default({}),
    /** What `github.event` tells of a schedule, of the run that was followed, or of a dispatch. */
    trigger: jsonb().$type<Record<string, unknown>>(),
    /** What it was started for, where that may start it only once: a tick of a schedule, an end of another run. */
    triggerKey: text(),
    /** Evaluated `concurrency` of the workflow. */
    concurrency: jsonb().$type<ConcurrencyGroup>(),
    /** How far others were told of it: 1 requested, 2 in progress, 3 completed. Runs from before this column need nothing. */
    announced: integer().notNull().default(3),
    status: text({ enum: runStatuses }).notNull().default('created'),
    /** A stable dotted key, e.g. `job.lost`, for a status that needs one. */
    reason: text(),
    cancelRequestedAt: instant(),
    createdAt: createdAt(),
    startedAt: instant(),
    finishedAt: instant(),
  },
  (r) => [
    oneOf('pipeline_runs_status', r.status, runStatuses),
    oneOf('pipeline_runs_event', r.event, runEvents),
    // One run per push and pipeline, however often the push is handled.
    uniqueIndex('pipeline_runs_push_unique').on(r.pushId, r.pipelineId),
    uniqueIndex('pipeline_runs_trigger_unique').on(r.pipelineId, r.triggerKey),
    index('pipeline_runs_unannounced').on(r.id).where(sql`${r.announced} < 3`),
    index('pipeline_runs_commit').on(r.projectId, r.commit),
    uniqueIndex('pipeline_runs_number_unique').on(r.projectId, r.number),
    index('pipeline_runs_open').on(r.id).where(sql`${r.status} in ('created', 'blocked', 'queued', 'running')`),
    index('pipeline_runs_finished').on(r.finishedAt),
    // The latest of a branch, and what failed lately.
    index('pipeline_runs_branch').on(r.pipelineId, r.ref, r.number),
    index('pipeline_runs_failed')
      .on(r.projectId, r.finishedAt)
      .where(inStatus(r.status, ['failed', 'timed_out', 'invalid'])),
  ],
)

export const jobs = snakeCase.table(
  'jobs',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    runId: owned(() => pipelineRuns.id),
    attempt: integer().notNull(),
    /** Key in the workflow. */
    key: text().notNull(),
    /** Place in its matrix; 0 without one. Null until its needs are over and the matrix is known. */
    place: integer(),
    /** 1, and 2 when it was lost and is repeated. */
    repeat: integer().notNull().default(1),
    name: text().notNull(),
    /** Null until its needs are over. */
    instance: jsonb().$type<JobInstance>(),
    needs: jsonb().$type<string[]>().notNull(),
    /** Evaluated `runs-on`, in lower case. */
    labels: jsonb().$type<string[]>().notNull().default([]),
    status: text({ enum: jobStatuses }).notNull().default('pending'),
    /** Sentence or dotted key that explains a waiting or failed one. */
    reason: text(),
    outputs: jsonb().$type<Record<string, string>>().notNull().default({}),
    /** It names an environment, was given a secret, or began a deploy step: never repeated by itself. */
    isUnrepeatable: boolean().notNull().default(false),
    /** The evaluated `continue-on-error`: a failure then counts as success. */
    continueOnError: boolean().notNull().default(false),
    /** Evaluated name of the environment that the job says it works on. */
    environment: text(),
    /** Where it says that this environment is to be found; `http` or `https`. */
    environmentUrl: text(),
    timeoutMs: integer().notNull(),
    /** Evaluated `concurrency`; null until its needs are over. */
    concurrency: jsonb().$type<ConcurrencyGroup>(),
    /** Set while it is held by an agent that was asked to end it. */
    cancelReason: text({ enum: cancelReasons }),
    /** A rerun of failed jobs takes over what succeeded: the job whose result, outputs and steps these are. */
    carriedFrom: uuid(),
    agentId: uuid().references(() => agents.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
    queuedAt: instant(),
    startedAt: instant(),
    finishedAt: instant(),
  },
  (j) => [
    oneOf('jobs_status', j.status, jobStatuses),
    uniqueIndex('jobs_place_unique').on(j.runId, j.attempt, j.key, j.place, j.repeat),
    index('jobs_queued').on(j.queuedAt).where(sql`${j.status} = 'queued'`),
    index('jobs_held').on(j.agentId).where(sql`${j.status} in ('leased', 'running')`),
  ],
)

/** Who has asked for a concurrency group: a run, or a job of one. Those that are over leave it. */
export const concurrencyClaims = snakeCase.table(
  'concurrency_claims',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    runId: owned(() => pipelineRuns.id),
    jobId: uuid().references(() => jobs.id, { onDelete: 'cascade' }),
    /** Name of the group, in lower case. */
    name: text().notNull(),
    cancelsOthers: boolean().notNull(),
    isQueue: boolean().notNull(),
    state: text({ enum: claimStates }).notNull(),
    createdAt: createdAt(),
  },
  (c) => [
    oneOf('concurrency_claims_state', c.state, claimStates),
    uniqueIndex('concurrency_claims_one_holds')
      .on(c.projectId, c.name)
      .where(inStatus(c.state, ['holding', 'ousted'])),
    uniqueIndex('concurrency_claims_job_unique').on(c.jobId),
    uniqueIndex('concurrency_claims_run_unique').on(c.runId).where(sql`${c.jobId} is null`),
    index('concurrency_claims_name').on(c.projectId, c.name),
    index('concurrency_claims_run').on(c.runId),
  ],
)

const triggerEvents = ['schedule', 'workflow_run', 'repository_dispatch'] as const

/** What the workflows of the default branch wait for; renewed with each push of it. */
export const pipelineTriggers = snakeCase.table(
  'pipeline_triggers',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    file: text().notNull(),
    event: text({ enum: triggerEvents }).notNull(),
    /** The five fields of a schedule; empty for other events. */
    cron: text().notNull().default(''),
    timezone: text().notNull().default(''),
    /** When a schedule comes next. */
    nextAt: instant(),
    createdAt: createdAt(),
  },
  (t) => [
    oneOf('pipeline_triggers_event', t.event, triggerEvents),
    uniqueIndex('pipeline_triggers_unique').on(t.projectId, t.file, t.event, t.cron, t.timezone),
    index('pipeline_triggers_due').on(t.nextAt).where(isNotNull(t.nextAt)),
  ],
)

export const steps = snakeCase.table(
  'steps',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    jobId: owned(() => jobs.id),
    /** Zero-based place in the job. */
    place: integer().notNull(),
    name: text().notNull(),
    status: text({ enum: stepStatuses }).notNull().default('pending'),
    outcome: text().$type<Outcome>(),
    conclusion: text().$type<Outcome>(),
    exitCode: integer(),
    reason: text(),
    summary: text(),
    /** Stored log lines; the last sequence number. */
    lines: integer().notNull().default(0),
    startedAt: instant(),
    finishedAt: instant(),
  },
  (s) => [oneOf('steps_status', s.status, stepStatuses), uniqueIndex('steps_place_unique').on(s.jobId, s.place)],
)

export const annotations = snakeCase.table(
  'annotations',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    stepId: owned(() => steps.id),
    level: text({ enum: ['error', 'warning', 'notice'] }).notNull(),
    message: text().notNull(),
    title: text(),
    file: text(),
    line: integer(),
    column: integer(),
    logLine: integer().notNull(),
  },
  (a) => [index('annotations_step').on(a.stepId, a.id)],
)

/**
 * Log lines in chunks as they arrived. A stream is a step or an instance; numbers run without gap or repeat, which
 * the primary key and the writer (it locks the stream's row) hold together.
 */
export const logChunks = snakeCase.table(
  'log_chunks',
  {
    streamId: uuid().notNull(),
    firstSeq: integer().notNull(),
    lastSeq: integer().notNull(),
    projectId: owned(() => projects.id),
    /** NDJSON of `[milliseconds, text]`. */
    lines: text().notNull(),
    /** What stands out in it, as JSON of `[line, kind]`; null where nothing does. */
    marks: text(),
    createdAt: createdAt(),
  },
  (c) => [
    primaryKey({ columns: [c.streamId, c.firstSeq] }),
    index('log_chunks_age').on(c.createdAt),
    index('log_chunks_marks').on(c.streamId, c.firstSeq).where(isNotNull(c.marks)),
  ],
)

/** What the actions and workflows of other repositories meant when a run first used them: a rerun gets the same. */
export const runActions = snakeCase.table(
  'run_actions',
  {
    runId: owned(() => pipelineRuns.id),
    /** `<owner>/<name>` in lower case. */
    repository: text().notNull(),
    /** As written after the `@`. */
    ref: text().notNull(),
    commit: text().notNull(),
    createdAt: createdAt(),
  },
  (a) => [primaryKey({ columns: [a.runId, a.repository, a.ref] })],
)

/** A git token good for reading one commit's repository while one job is leased. */
export const jobTokens = snakeCase.table('job_tokens', {
  hash: text().primaryKey(),
  jobId: owned(() => jobs.id),
  projectId: owned(() => projects.id),
  fence: bigint({ mode: 'number' }).notNull(),
  expiresAt: instant().notNull(),
})

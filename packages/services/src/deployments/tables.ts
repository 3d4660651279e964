import { createdAt, inStatus, instant, oneOf, owned, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  real,
  snakeCase,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { environments } from '../environments/tables.ts'
import { instanceStates } from '../hosts/contract.ts'
import { hosts } from '../hosts/tables.ts'
import { projects } from '../projects/tables.ts'
import { releases } from '../releases/tables.ts'
import { pipelineRuns } from '../runs/tables.ts'
import { users } from '../users/tables.ts'
import {
  activeStatuses,
  deploymentKinds,
  deploymentMethods,
  deploymentOrigins,
  deploymentStatuses,
  finalStatuses,
  type Snapshot,
  type Stages,
  type Why,
} from './contract.ts'

export const deployments = snakeCase.table(
  'deployments',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    environmentId: owned(() => environments.id),
    releaseId: owned(() => releases.id),
    hostId: owned(() => hosts.id),
    number: integer().notNull(),
    kind: text({ enum: deploymentKinds }).notNull(),
    origin: text({ enum: deploymentOrigins }).notNull(),
    deploymentMethod: text({ enum: deploymentMethods }).notNull().default('manual'),
    gitCommitSha: text(),
    gitopsResourceId: uuid(),
    status: text({ enum: deploymentStatuses }).notNull().default('queued'),
    /** A sentence for people: why it failed, waits or was rolled back. */
    reason: text(),
    /** The same in parts, for other languages. */
    why: jsonb().$type<Why>(),
    snapshot: jsonb().$type<Snapshot>().notNull(),
    /** `sha256:<hex>` over release and snapshot. */
    digest: text().notNull(),
    /** Of a rollback: the deployment whose snapshot this is. */
    snapshotOf: uuid().references((): AnyPgColumn => deployments.id, { onDelete: 'set null' }),
    /** What served when this one switched; where its failure returns to. */
    replaces: uuid().references((): AnyPgColumn => deployments.id, { onDelete: 'set null' }),
    requestedBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    runId: uuid().references(() => pipelineRuns.id, { onDelete: 'set null' }),
    /** Run number of the release's run: an automatic deployment of an older one is superseded. */
    runNumber: integer(),
    requestKey: text(),
    stages: jsonb().$type<Stages>().notNull().default({}),
    cancelRequestedAt: instant(),
    /** Who canceled it, as a sentence. */
    cancelReason: text(),
    /** Over 30 minutes under way: a person is asked. */
    flaggedAt: instant(),
    createdAt: createdAt(),
    finishedAt: instant(),
  },
  (d) => [
    oneOf('deployments_status', d.status, deploymentStatuses),
    oneOf('deployments_method', d.deploymentMethod, deploymentMethods),
    oneOf('deployments_kind', d.kind, deploymentKinds),
    oneOf('deployments_origin', d.origin, deploymentOrigins),
    uniqueIndex('deployments_number_unique').on(d.projectId, d.number),
    uniqueIndex('deployments_request_unique').on(d.projectId, d.requestKey),
    // Those that wait in line are not active: any number of them may queue.
    uniqueIndex('deployments_one_active').on(d.environmentId).where(inStatus(d.status, activeStatuses)),
    index('deployments_environment').on(d.environmentId, d.number),
    // What serves is the last that succeeded.
    index('deployments_succeeded')
      .on(d.environmentId, d.finishedAt, d.number)
      .where(inStatus(d.status, ['succeeded'])),
    index('deployments_failed')
      .on(d.projectId, d.finishedAt)
      .where(inStatus(d.status, ['failed', 'rolled_back', 'rollback_failed'])),
    index('deployments_open')
      .on(d.id)
      .where(sql`not (${inStatus(d.status, finalStatuses)})`),
  ],
)

/** One process that a host should keep, or kept. */
export const instances = snakeCase.table(
  'instances',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    environmentId: owned(() => environments.id),
    deploymentId: owned(() => deployments.id),
    hostId: owned(() => hosts.id),
    service: text().notNull(),
    index: integer().notNull(),
    /** `task` runs once, e.g. a migration. */
    kind: text({ enum: ['instance', 'task'] })
      .notNull()
      .default('instance'),
    /** Counts when a stopped version comes back: a process that was ended is never started again, a new one is. */
    life: integer().notNull().default(0),
    /** `gone` ones leave desired state: the agent has said that they are stopped. */
    want: text({ enum: ['running', 'stopped', 'gone'] })
      .notNull()
      .default('running'),
    state: text({ enum: [...instanceStates, 'running', 'succeeded'] })
      .notNull()
      .default('waiting'),
    reason: text(),
    port: integer(),
    pid: integer(),
    restarts: integer().notNull().default(0),
    exitCode: integer(),
    exitSignal: text(),
    startedAt: instant(),
    /** Last stored probe; the agent resends later ones. */
    lastProbe: integer().notNull().default(0),
    notHonoured: jsonb().$type<string[]>().notNull().default([]),
    /** What it used when it was looked at last. */
    memoryBytes: bigint({ mode: 'number' }),
    /** Of one core. */
    cpu: real(),
    measuredAt: instant(),
    /** Stored log lines. */
    lines: integer().notNull().default(0),
    createdAt: createdAt(),
    stoppedAt: instant(),
  },
  (i) => [
    uniqueIndex('instances_place_unique').on(i.deploymentId, i.kind, i.service, i.index, i.life),
    index('instances_wanted').on(i.hostId).where(sql`${i.want} <> 'gone'`),
  ],
)

/** Each probe that verified or soaked a deployment, and later changes of health. */
export const healthEvidence = snakeCase.table(
  'health_evidence',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    deploymentId: owned(() => deployments.id),
    instanceId: owned(() => instances.id),
    seq: integer().notNull(),
    at: instant().notNull(),
    good: boolean().notNull(),
    status: integer(),
    latencyMs: real().notNull(),
    body: text().notNull(),
    stage: text().notNull(),
  },
  (h) => [
    uniqueIndex('health_evidence_unique').on(h.instanceId, h.seq),
    index('health_evidence_deployment').on(h.deploymentId, h.id),
  ],
)

import type { Database, Transaction } from '@juanie/core/database'
import { and, desc, eq, getColumns, inArray, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { environments } from '../environments/tables.ts'
import { releases } from '../releases/tables.ts'
import { routes } from '../routes/tables.ts'
import { shortRef } from '../runs/index.ts'
import { pipelineRuns } from '../runs/tables.ts'
import { users } from '../users/tables.ts'
import {
  type DeploymentAnswer,
  type DeploymentOutcome,
  type DeploymentRow,
  deploymentOutcomes,
  type ReleaseName,
} from './contract.ts'
import { isFinal } from './status.ts'
import { deployments } from './tables.ts'

/** The address at which people reach a hostname; `EdgeUrls.of` is one. */
export type UrlOf = (hostname: string) => Promise<string>

const other = alias(deployments, 'other')
const original = alias(deployments, 'original')

// A list would carry the whole description of every row.
const { snapshot: _, ...light } = getColumns(deployments)

/** The outer table is named in full: alone in its query, its columns would lose their prefix. */
export const hostnameOf = sql<
  string | null
>`(select r.hostname from ${routes} r where r.environment_id = environments.id and r.is_default limit 1)`

const columns = {
  deployment: light,
  environmentName: environments.name,
  releaseNumber: releases.number,
  releaseDigest: releases.digest,
  releaseCommit: releases.commit,
  releaseRef: releases.ref,
  title: pipelineRuns.title,
  requestedBy: users.name,
  replacesNumber: other.number,
  originalNumber: original.number,
  hostname: sql<string>`coalesce(${hostnameOf}, ${deployments.snapshot} ->> 'hostname')`,
}

export const selectDeployments = (db: Database | Transaction) =>
  db
    .select(columns)
    .from(deployments)
    .innerJoin(environments, eq(environments.id, deployments.environmentId))
    .innerJoin(releases, eq(releases.id, deployments.releaseId))
    .leftJoin(pipelineRuns, eq(pipelineRuns.id, deployments.runId))
    .leftJoin(users, eq(users.id, deployments.requestedBy))
    .leftJoin(other, eq(other.id, deployments.replaces))
    .leftJoin(original, eq(original.id, deployments.snapshotOf))

export type Joined = Awaited<ReturnType<typeof selectDeployments>>[number]

export const rowOf = async (joined: Joined, url: UrlOf): Promise<DeploymentRow> => {
  const { deployment: d } = joined
  return {
    ...(await answerOf(joined, url)),
    why: d.why,
    kind: d.kind,
    origin: d.origin,
    environment: { id: d.environmentId, name: joined.environmentName },
    requestedBy: joined.requestedBy,
    runNumber: d.runNumber,
    title: joined.title,
    branch: joined.releaseRef && shortRef(joined.releaseRef),
    createdAt: d.createdAt.toISOString(),
    finishedAt: d.finishedAt?.toISOString() ?? null,
    final: isFinal(d.status),
  }
}

const answerOf = async (joined: Joined, url: UrlOf): Promise<DeploymentAnswer> => ({
  id: joined.deployment.id,
  number: joined.deployment.number,
  status: joined.deployment.status,
  reason: joined.deployment.reason,
  url: await url(joined.hostname),
  release: releaseOf(joined),
})

export const releaseOf = (joined: Joined): ReleaseName => ({
  id: joined.deployment.releaseId,
  number: joined.releaseNumber,
  digest: joined.releaseDigest,
  commit: joined.releaseCommit,
})

export async function readAnswer(db: Database, id: string, url: UrlOf): Promise<DeploymentAnswer | null> {
  const [joined] = await selectDeployments(db).where(eq(deployments.id, id))
  return joined ? answerOf(joined, url) : null
}

export interface RowQuery {
  projectId: string
  environmentId: string | null
  releaseId?: string | null
  outcome: DeploymentOutcome | null
  before: number | null
  limit: number
}

/** Newest first. */
export async function readRows(db: Database | Transaction, query: RowQuery, url: UrlOf): Promise<DeploymentRow[]> {
  const rows = await selectDeployments(db)
    .where(
      and(
        eq(deployments.projectId, query.projectId),
        query.environmentId === null ? undefined : eq(deployments.environmentId, query.environmentId),
        query.releaseId ? eq(deployments.releaseId, query.releaseId) : undefined,
        query.outcome === null ? undefined : inArray(deployments.status, [...deploymentOutcomes[query.outcome]]),
        query.before === null ? undefined : lt(deployments.number, query.before),
      ),
    )
    .orderBy(desc(deployments.number))
    .limit(query.limit)
  return Promise.all(rows.map((joined) => rowOf(joined, url)))
}

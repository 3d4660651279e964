import type { Database } from '@juanie/core/database'
import { and, asc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { releases } from '../releases/tables.ts'
import { logChunks } from '../runs/tables.ts'
import { finalStatuses } from './contract.ts'
import { deployments, healthEvidence, instances } from './tables.ts'

export interface Keeping {
  /** Of each environment, the last so many deployments that succeeded; at least 1, so that what serves is kept. */
  deployments: number
  /** Of each project, the newest releases that nobody has deployed. */
  releases: number
  /** No younger release is removed: a run may be about to deploy it. */
  releaseMs: number
  /** How long probes of a version that is simply running are kept. */
  evidenceMs: number
}

/** Attempts that never succeeded are kept in this number where nothing ever did. */
const mostAttempts = 200
/** Small transactions: nobody waits for a cleaning. */
const batch = 100
const mostBatches = 50

const isFinal = inArray(deployments.status, [...finalStatuses])

/** Removes deployments that nobody returns to any more, with their instances, evidence and lines. */
export async function cleanDeployments(db: Database, keeping: Keeping): Promise<number> {
  let removed = 0
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const page = await db
      .select({ id: environments.id })
      .from(environments)
      .where(gt(environments.id, after))
      .orderBy(asc(environments.id))
      .limit(batch)
    for (const { id } of page) removed += await cleanEnvironment(db, id, keeping)
    if (page.length < batch) return removed
    after = page.at(-1)!.id
  }
}

async function cleanEnvironment(db: Database, environmentId: string, keeping: Keeping): Promise<number> {
  const keep = Math.max(1, keeping.deployments)
  let removed = 0
  for (let round = 0; round < mostBatches; round++) {
    const count = await db.transaction(async (tx) => {
      const { rows } = await tx.execute<{ oldest: number | null }>(sql`
        select coalesce(
          (select d.number from ${deployments} d where d.environment_id = ${environmentId} and d.status = 'succeeded'
            order by d.finished_at desc, d.number desc offset ${keep - 1} limit 1),
          (select d.number from ${deployments} d where d.environment_id = ${environmentId}
            order by d.number desc offset ${mostAttempts - 1} limit 1)) as oldest`)
      const oldest = rows[0]?.oldest
      if (oldest === null || oldest === undefined) return 0
      const old = await tx
        .select({ id: deployments.id })
        .from(deployments)
        .where(
          and(
            eq(deployments.environmentId, environmentId),
            lt(deployments.number, oldest),
            isFinal,
            sql`not exists (select 1 from ${instances} i where i.deployment_id = ${deployments.id} and i.want <> 'gone')`,
            sql`not exists (select 1 from ${deployments} later
              where later.replaces = ${deployments.id} and later.status not in (${sql.raw(finalStatuses.map((one) => `'${one}'`).join(', '))}))`,
          ),
        )
        .orderBy(asc(deployments.number))
        .limit(batch)
        .for('update', { skipLocked: true })
      if (old.length === 0) return 0
      const ids = old.map(({ id }) => id)
      const streams = tx.select({ id: instances.id }).from(instances).where(inArray(instances.deploymentId, ids))
      await tx.delete(logChunks).where(inArray(logChunks.streamId, streams))
      await tx.delete(deployments).where(inArray(deployments.id, ids))
      return ids.length
    })
    removed += count
    if (count < batch) break
  }
  return removed
}

/** Removes releases that no kept deployment is of, except the newest of each project and those of the last hours. */
export async function cleanReleases(db: Database, keeping: Keeping): Promise<number> {
  let removed = 0
  for (let round = 0; round < mostBatches; round++) {
    const count = await db.transaction(async (tx) => {
      const isUnused = sql`not exists (select 1 from ${deployments} d where d.release_id = ${releases.id})`
      const old = await tx
        .select({ id: releases.id })
        .from(releases)
        .where(
          and(
            isUnused,
            lt(releases.createdAt, sql`now() - ${`${keeping.releaseMs} milliseconds`}::interval`),
            sql`(select count(*) from ${releases} newer where newer.project_id = ${releases.projectId}
                  and newer.number > ${releases.number}) >= ${keeping.releases}`,
          ),
        )
        .limit(batch)
        .for('update', { skipLocked: true })
      if (old.length === 0) return 0
      // Looked at again under the lock: a deployment of it may have been written in between, and would go with it.
      const gone = await tx
        .delete(releases)
        .where(
          and(
            inArray(
              releases.id,
              old.map(({ id }) => id),
            ),
            isUnused,
          ),
        )
        .returning({ id: releases.id })
      return gone.length
    })
    removed += count
    if (count < batch) break
  }
  return removed
}

/** Probes of what simply runs; those that verified or soaked a deployment stay with it. */
export async function cleanEvidence(db: Database, keeping: Keeping): Promise<void> {
  for (let round = 0; round < mostBatches; round++) {
    const old = db
      .select({ id: healthEvidence.id })
      .from(healthEvidence)
      .where(
        and(
          eq(healthEvidence.stage, 'succeeded'),
          lt(healthEvidence.at, sql`now() - ${`${keeping.evidenceMs} milliseconds`}::interval`),
        ),
      )
      .limit(1000)
    const gone = await db
      .delete(healthEvidence)
      .where(inArray(healthEvidence.id, old))
      .returning({ id: healthEvidence.id })
    if (gone.length < 1000) return
  }
}

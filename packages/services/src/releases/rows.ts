import { one, type Queryable } from '@juanie/core/database'
import { and, eq, getColumns } from 'drizzle-orm'
import type { ApplicationSource } from '../applications/contract.ts'
import { shortRef } from '../runs/index.ts'
import { pipelineRuns } from '../runs/tables.ts'
import { users } from '../users/tables.ts'
import type { ReleaseRow } from './contract.ts'
import { artifacts, releases } from './tables.ts'

// A list would carry the whole description of every row.
const { application: _, ...light } = getColumns(releases)

export const selectReleases = (db: Queryable) =>
  db
    .select({
      release: light,
      runNumber: pipelineRuns.number,
      title: pipelineRuns.title,
      createdBy: users.name,
      bytes: artifacts.bytes,
    })
    .from(releases)
    .leftJoin(pipelineRuns, eq(pipelineRuns.id, releases.runId))
    .leftJoin(users, eq(users.id, releases.createdBy))
    .leftJoin(artifacts, and(eq(artifacts.projectId, releases.projectId), eq(artifacts.digest, releases.digest)))

export type Joined = Awaited<ReturnType<typeof selectReleases>>[number]

export const rowOf = ({ release, runNumber, title, createdBy, bytes }: Joined): ReleaseRow => ({
  id: release.id,
  number: release.number,
  name: release.name,
  digest: release.digest,
  bytes,
  commit: release.commit,
  ref: release.ref,
  branch: release.ref && shortRef(release.ref),
  title,
  run: release.runId && runNumber !== null ? { id: release.runId, number: runNumber } : null,
  createdBy,
  createdAt: release.createdAt.toISOString(),
})

/** The description as it was written. */
export const applicationOf = async (db: Queryable, releaseId: string): Promise<ApplicationSource> =>
  (await one(db.select({ application: releases.application }).from(releases).where(eq(releases.id, releaseId))))
    .application

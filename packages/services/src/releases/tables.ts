import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, primaryKey, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { ApplicationSource } from '../applications/contract.ts'
import { projects } from '../projects/tables.ts'
import { pipelineRuns } from '../runs/tables.ts'
import { users } from '../users/tables.ts'

/** A file in the store, known by digest. Stored once, listed per project, so that no project reads another's. */
export const artifacts = snakeCase.table(
  'artifacts',
  {
    projectId: owned(() => projects.id),
    /** `sha256:<hex>`. */
    digest: text().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    createdAt: createdAt(),
    /** Touched by whoever is about to make a release of it, so that it is not cleaned away in between. */
    usedAt: createdAt(),
  },
  (a) => [primaryKey({ columns: [a.projectId, a.digest] }), index('artifacts_digest').on(a.digest)],
)

/** Immutable: what can be deployed to any environment of its project. */
export const releases = snakeCase.table(
  'releases',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    number: integer().notNull(),
    name: text(),
    /** Digest of the bundle. */
    digest: text().notNull(),
    /** Null for one that a person packed from a folder. */
    commit: text(),
    ref: text(),
    runId: uuid().references(() => pipelineRuns.id, { onDelete: 'set null' }),
    /** Run number of the run, kept when the run is cleaned away. */
    runNumber: integer(),
    createdBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    /** Makes a repeated request find the first one's release. */
    requestKey: text(),
    application: jsonb().$type<ApplicationSource>().notNull(),
    createdAt: createdAt(),
    /** When the environments that follow its branch were told of it; null is found by a sweep. */
    followedAt: instant(),
  },
  (r) => [
    uniqueIndex('releases_number_unique').on(r.projectId, r.number),
    uniqueIndex('releases_request_unique').on(r.projectId, r.requestKey),
    index('releases_run').on(r.runId),
    index('releases_bundle').on(r.projectId, r.digest),
    index('releases_unfollowed').on(r.id).where(sql`${r.followedAt} is null`),
  ],
)

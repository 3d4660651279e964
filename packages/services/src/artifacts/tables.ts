import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import { isNotNull } from 'drizzle-orm'
import { bigint, index, integer, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { projects } from '../projects/tables.ts'
import { jobs, pipelineRuns } from '../runs/tables.ts'
import { storedFiles } from '../storage/tables.ts'

/** What a run hands on: to its later jobs, and to people for as long as it is kept. */
export const runArtifacts = snakeCase.table(
  'run_artifacts',
  {
    id: primaryId(),
    /** By which the clients of artifacts know it. */
    number: bigint({ mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    projectId: owned(() => projects.id),
    runId: owned(() => pipelineRuns.id),
    attempt: integer().notNull(),
    /** The job that made it. */
    jobId: uuid().references(() => jobs.id, { onDelete: 'set null' }),
    name: text().notNull(),
    mimeType: text().notNull(),
    fileId: owned(() => storedFiles.id),
    bytes: bigint({ mode: 'number' }).notNull().default(0),
    digest: text(),
    createdAt: createdAt(),
    expiresAt: instant().notNull(),
    /** Null while it is uploaded: until then nobody sees it. */
    finishedAt: instant(),
  },
  (a) => [
    // One of a name in each attempt; several may be on their way.
    uniqueIndex('run_artifacts_name_unique').on(a.runId, a.attempt, a.name).where(isNotNull(a.finishedAt)),
    uniqueIndex('run_artifacts_file_unique').on(a.fileId),
    uniqueIndex('run_artifacts_number_unique').on(a.number),
    index('run_artifacts_project').on(a.projectId, a.id),
    index('run_artifacts_expiry').on(a.expiresAt),
  ],
)

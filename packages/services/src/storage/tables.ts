import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { bigint, index, integer, primaryKey, snakeCase, text, uuid } from 'drizzle-orm/pg-core'
import { projects } from '../projects/tables.ts'
import { pipelineRuns } from '../runs/tables.ts'

/** A file that a job uploads in pieces. It is served only once it is complete, and never changes afterwards. */
export const storedFiles = snakeCase.table(
  'stored_files',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    /** The run that it goes with; null for one that outlives its run. */
    runId: uuid().references(() => pipelineRuns.id, { onDelete: 'cascade' }),
    /** The job that may write it, for as long as it is held by this number. */
    jobId: uuid().notNull(),
    fence: bigint({ mode: 'number' }).notNull(),
    maxBytes: bigint({ mode: 'number' }).notNull(),
    /** Of the pieces in their order; null until they have one. */
    bytes: bigint({ mode: 'number' }),
    /** `sha256:<hex>` of the whole; null where nobody asks for it. */
    digest: text(),
    createdAt: createdAt(),
    completedAt: instant(),
  },
  (f) => [
    index('stored_files_run').on(f.runId),
    index('stored_files_project').on(f.projectId),
    index('stored_files_open').on(f.createdAt).where(sql`${f.completedAt} is null`),
  ],
)

/** What a file is made of: pieces known by the digest of their content, each stored once however many files have it. */
export const filePieces = snakeCase.table(
  'file_pieces',
  {
    fileId: owned(() => storedFiles.id),
    /** As the uploader names it. */
    key: text().notNull(),
    /** Zero-based; null until the uploader has said the order. */
    place: integer(),
    digest: text().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
  },
  (p) => [primaryKey({ columns: [p.fileId, p.key] }), index('file_pieces_digest').on(p.digest)],
)

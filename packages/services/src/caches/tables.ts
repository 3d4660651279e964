import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import { isNotNull } from 'drizzle-orm'
import { bigint, index, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { projects } from '../projects/tables.ts'
import { storedFiles } from '../storage/tables.ts'

/** What jobs keep for the next ones. An entry never changes: another content has another key. */
export const caches = snakeCase.table(
  'caches',
  {
    id: primaryId(),
    /** By which the clients of caches know it. */
    number: bigint({ mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    projectId: owned(() => projects.id),
    /** The ref whose jobs may write it: a branch, a tag, or a pull request's own. */
    scope: text().notNull(),
    key: text().notNull(),
    /** Digest of the paths and the compression, by the client: archives of another version cannot be unpacked. */
    version: text().notNull(),
    fileId: owned(() => storedFiles.id),
    /** The job that writes it, or wrote it. */
    jobId: uuid().notNull(),
    bytes: bigint({ mode: 'number' }).notNull().default(0),
    createdAt: createdAt(),
    usedAt: createdAt(),
    /** Null while it is uploaded: until then nobody is given it. */
    finishedAt: instant(),
  },
  (c) => [
    uniqueIndex('caches_key_unique').on(c.projectId, c.scope, c.key, c.version).where(isNotNull(c.finishedAt)),
    uniqueIndex('caches_file_unique').on(c.fileId),
    uniqueIndex('caches_number_unique').on(c.number),
    index('caches_use').on(c.projectId, c.usedAt),
    index('caches_unused').on(c.usedAt),
  ],
)

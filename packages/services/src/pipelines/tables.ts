import { createdAt, oneOf, owned, primaryId } from '@juanie/core/database'
import { integer, snakeCase, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { projects } from '../projects/tables.ts'
import { origins } from './contract.ts'

export const pipelines = snakeCase.table(
  'pipelines',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    /** Path in the repository, or the name under which the default workflow is shown. */
    file: text().notNull(),
    name: text().notNull(),
    origin: text({ enum: origins }).notNull(),
    /** Last `github.run_number` given. */
    lastRun: integer().notNull().default(0),
    createdAt: createdAt(),
  },
  (p) => [uniqueIndex('pipelines_file_unique').on(p.projectId, p.file), oneOf('pipelines_origin', p.origin, origins)],
)

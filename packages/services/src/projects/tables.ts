import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { boolean, integer, snakeCase, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { organizations } from '../organizations/tables.ts'

export const projects = snakeCase.table(
  'projects',
  {
    id: primaryId(),
    organizationId: owned(() => organizations.id),
    slug: text().notNull(),
    name: text().notNull(),
    /** Last given numbers: runs, releases and deployments count per project. */
    lastRun: integer().notNull().default(0),
    lastRelease: integer().notNull().default(0),
    lastDeployment: integer().notNull().default(0),
    /** Whether a commit of a followed branch whose runs all succeeded is released by itself. */
    releasesGreenCommits: boolean().notNull().default(true),
    createdAt: createdAt(),
    updatedAt: createdAt(),
    deletedAt: instant(),
  },
  (p) => [uniqueIndex('projects_slug_unique').on(p.organizationId, p.slug).where(sql`${p.deletedAt} is null`)],
)

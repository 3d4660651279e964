import { type Database, maybeOne } from '@juanie/core/database'
import { secretHash } from '@juanie/core/ids'
import { and, eq, gt, inArray, sql } from 'drizzle-orm'
import { heldJobStatuses } from './status.ts'
import { jobs, jobTokens } from './tables.ts'

export const jobTokenPrefix = 'jgt_'

/** The git tokens of leased jobs: each reads one project, for as long as its job is held by that number. */
export class JobTokens {
  readonly #db: Database

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  async read(token: string): Promise<{ projectId: string; jobId: string } | null> {
    if (!token.startsWith(jobTokenPrefix)) return null
    return maybeOne(
      this.#db
        .select({ projectId: jobTokens.projectId, jobId: jobTokens.jobId })
        .from(jobTokens)
        .innerJoin(jobs, eq(jobs.id, jobTokens.jobId))
        .where(
          and(
            eq(jobTokens.hash, secretHash(token)),
            gt(jobTokens.expiresAt, sql`now()`),
            inArray(jobs.status, [...heldJobStatuses]),
            sql`exists (select from leases l where l.subject_id = ${jobTokens.jobId} and l.fence = ${jobTokens.fence})`,
          ),
        ),
    )
  }
}

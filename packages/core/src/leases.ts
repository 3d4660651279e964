import { and, eq, sql } from 'drizzle-orm'
import { bigint, index, snakeCase, text, uuid } from 'drizzle-orm/pg-core'
import { instant, maybeOne, type Queryable } from './database.ts'

/** How long a holder may be silent; it renews each second, so a dead one is decided within 5 s of its death. */
export const leaseMs = 4_000
export const renewMs = 1_000

/**
 * The right to work on one thing (a job, a deployment) for a few seconds at a time. `fence` grows with every taking;
 * a write that carries an old number is refused. Expiry is judged by the database's clock alone.
 */
export const leases = snakeCase.table(
  'leases',
  {
    /** Id of the job or deployment. */
    subjectId: uuid().primaryKey(),
    kind: text({ enum: ['job', 'deployment', 'singleton'] }).notNull(),
    /** Id of the agent or server that holds it. */
    owner: uuid().notNull(),
    fence: bigint({ mode: 'number' }).notNull(),
    expiresAt: instant().notNull(),
  },
  (l) => [index('leases_expiry').on(l.kind, l.expiresAt), index('leases_owner').on(l.owner)],
)

const term = sql`now() + ${sql.raw(`interval '${leaseMs} milliseconds'`)}`

/** Takes a free or expired lease; null when somebody else holds it. Taking one's own again gives a new number. */
export async function takeLease(
  db: Queryable,
  lease: { subjectId: string; kind: 'job' | 'deployment' | 'singleton'; owner: string },
): Promise<{ fence: number } | null> {
  return maybeOne(
    db
      .insert(leases)
      .values({ ...lease, fence: 1, expiresAt: term })
      .onConflictDoUpdate({
        target: leases.subjectId,
        set: { owner: lease.owner, fence: sql`${leases.fence} + 1`, expiresAt: term },
        setWhere: sql`${leases.expiresAt} < now() or ${leases.owner} = ${lease.owner}`,
      })
      .returning({ fence: leases.fence }),
  )
}

/** False when the lease was lost: the caller must stop and may write nothing more. */
export async function renewLease(db: Queryable, subjectId: string, fence: number): Promise<boolean> {
  const rows = await db
    .update(leases)
    .set({ expiresAt: term })
    .where(and(eq(leases.subjectId, subjectId), eq(leases.fence, fence)))
    .returning({ fence: leases.fence })
  return rows.length === 1
}

/** Ends the term but keeps the row, so that the number goes on growing. */
export async function releaseLease(db: Queryable, subjectId: string, fence: number): Promise<void> {
  await db
    .update(leases)
    .set({ expiresAt: sql`now() - interval '1 second'` })
    .where(and(eq(leases.subjectId, subjectId), eq(leases.fence, fence)))
}

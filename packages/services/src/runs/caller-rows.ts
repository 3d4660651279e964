import { type Database, maybeOne } from '@juanie/core/database'
import type { Contexts } from '@juanie/workflow'
import { and, desc, eq } from 'drizzle-orm'
import { placeOf } from './calls.ts'
import { latest, needsOf } from './plan.ts'
import { plannedOf } from './rows.ts'
import { jobs } from './tables.ts'

interface Attempt {
  db: Database
  runId: string
  attempt: number
}

/** The job that stands at a path, in its last repeat. */
export function callerOf({ db, runId, attempt }: Attempt, path: string) {
  const { key, place } = placeOf(path)
  return maybeOne(
    db
      .select({ instance: jobs.instance, needs: jobs.needs })
      .from(jobs)
      .where(
        and(
          eq(jobs.runId, runId),
          eq(jobs.attempt, attempt),
          eq(jobs.key, key),
          place === null ? undefined : eq(jobs.place, place),
        ),
      )
      .orderBy(desc(jobs.repeat))
      .limit(1),
  )
}

export async function needsAt(
  { db, runId, attempt }: Attempt,
  needs: string[],
): Promise<NonNullable<Contexts['needs']>> {
  if (needs.length === 0) return {}
  const rows = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.runId, runId), eq(jobs.attempt, attempt)))
  return needsOf({ needs }, latest(rows.map((row) => plannedOf(row))))
}

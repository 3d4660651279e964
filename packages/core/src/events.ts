import { sql } from 'drizzle-orm'
import { bigint, index, jsonb, pgSequence, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, primaryId, type Transaction } from './database.ts'
import { uuidv7 } from './ids.ts'
import type { Scope } from './scope.ts'

/**
 * Every fact, written once, in the transaction of the change it tells of. `position` is given by the relay after the
 * commit, because identity values are not commit order: readers follow `position` and can miss nothing.
 */
export const projectEvents = snakeCase.table(
  'project_events',
  {
    id: primaryId(),
    position: bigint({ mode: 'number' }),
    organizationId: uuid().notNull(),
    /** Null for what belongs to no project. */
    projectId: uuid(),
    /** `thing.past`, e.g. `deployment.queued`. */
    type: text().notNull(),
    /** What it happened to: the id of the thing in the type. */
    subjectId: uuid().notNull(),
    actorKind: text().notNull(),
    actorId: uuid(),
    data: jsonb().$type<Record<string, unknown>>().notNull(),
    createdAt: createdAt(),
  },
  (e) => [
    uniqueIndex('project_events_position').on(e.position),
    index('project_events_unplaced').on(e.id).where(sql`${e.position} is null`),
    index('project_events_project').on(e.projectId, e.position),
    index('project_events_organization').on(e.organizationId, e.position),
  ],
)

/**
 * Gives positions; only the relay moves it, under its lock.
 *
 * @public read by drizzle-kit
 */
export const eventPositions = pgSequence('event_positions')

/** Told when a transaction that recorded events commits; payload empty. The relay listens. */
export const eventsChannel = 'juanie_events'

export interface Fact {
  /** `thing.past`. */
  type: string
  subjectId: string
  /** Ids and plain values for readers, never a secret. */
  data?: Record<string, unknown>
}

/** Records a fact in the transaction of the change it tells of. */
export const record = (tx: Transaction, scope: Scope, type: string, fact: Omit<Fact, 'type'>): Promise<void> =>
  recordAll(tx, scope, [{ type, ...fact }])

/** Several facts of one transaction, in their order. */
export async function recordAll(tx: Transaction, scope: Scope, facts: Fact[]): Promise<void> {
  if (facts.length === 0) return
  const rows = facts.map(({ type, subjectId, data = {} }) => ({ id: uuidv7(), type, subjectId, data }))
  const { organizationId, projectId, actor } = scope
  // One statement for both: this is in every transaction that changes anything.
  await tx.execute(sql`
    with recorded as (
      insert into ${projectEvents} (id, organization_id, project_id, type, subject_id, actor_kind, actor_id, data)
      select r.id, ${organizationId}::uuid, ${projectId}::uuid, r.type, r."subjectId", ${actor.kind}, ${actor.id}::uuid, r.data
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(id uuid, type text, "subjectId" uuid, data jsonb)
    )
    select pg_notify(${eventsChannel}, '')`)
}

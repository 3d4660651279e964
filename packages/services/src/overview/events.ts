import type { Database } from '@juanie/core/database'
import { projectEvents } from '@juanie/core/events'
import type { ProjectScope, Scope } from '@juanie/core/scope'
import { and, desc, eq, inArray, isNotNull, lt, type SQL, sql } from 'drizzle-orm'
import { type EventView, eventTypes, type ListEvents } from './contract.ts'
import { withNames } from './event-names.ts'

/**
 * A filter looks through so many events at most for one page: a page may be short, or empty, and yet go on. However
 * long a project's past is, a question costs no more than this.
 */
const mostLooked = 5_000

/** What happened, newest first. */
export class Events {
  readonly #db: Database

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  ofOrganization(scope: Scope, input: ListEvents) {
    return this.#page(eq(projectEvents.organizationId, scope.organizationId), input)
  }

  ofProject(scope: ProjectScope, input: ListEvents) {
    return this.#page(eq(projectEvents.projectId, scope.projectId), input)
  }

  async #page(tenant: SQL, input: ListEvents): Promise<{ rows: EventView[]; next: number | null }> {
    const looked = this.#looked(tenant, input.before ?? null)
    const rows = await this.#db
      .select()
      .from(looked)
      .where(inArray(looked.type, wanted(input)))
      .orderBy(desc(looked.position))
      .limit(input.limit + 1)
    const shown = rows.slice(0, input.limit)
    const next = rows.length > input.limit ? shown.at(-1)!.position : await this.#lastLooked(tenant, input)
    return { rows: await withNames(this.#db, shown), next }
  }

  #looked(tenant: SQL, before: number | null) {
    return this.#db
      .select()
      .from(projectEvents)
      .where(
        and(
          tenant,
          isNotNull(projectEvents.position),
          before === null ? undefined : lt(projectEvents.position, before),
        ),
      )
      .orderBy(desc(projectEvents.position))
      .limit(mostLooked)
      .as('looked')
  }

  /** Where the next page goes on although this one is not full; null when there is nothing older. */
  async #lastLooked(tenant: SQL, input: ListEvents): Promise<number | null> {
    const looked = this.#looked(tenant, input.before ?? null)
    const [last] = await this.#db
      .select({ position: sql<number>`min(${looked.position})`.mapWith(Number), count: sql<number>`count(*)::int` })
      .from(looked)
    return last?.count === mostLooked ? last.position : null
  }
}

const wanted = ({ kind, isDetailed }: ListEvents): string[] =>
  Object.entries(eventTypes)
    .filter(([, each]) => (isDetailed || !each.isDetail) && (!kind || each.kind === kind))
    .map(([type]) => type)

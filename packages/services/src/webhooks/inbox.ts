import { type Database, maybeOne } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import { paged } from '@juanie/core/pages'
import type { ProjectScope } from '@juanie/core/scope'
import { and, asc, desc, eq, inArray, lt, sql } from 'drizzle-orm'
import { pipelineRuns } from '../runs/tables.ts'
import type { DeliveryRow, DeliveryView, FindDelivery, ListDeliveries } from './contract.ts'
import type { Webhooks } from './service.ts'
import { deliveries } from './tables.ts'

const shownBytes = 256 * 1024

/** What came for a project, what became of it, and how to act on it again. */
export class Inbox {
  readonly #db: Database
  readonly #webhooks: Webhooks

  constructor(parts: { db: Database; webhooks: Webhooks }) {
    this.#db = parts.db
    this.#webhooks = parts.webhooks
  }

  async list(scope: ProjectScope, input: ListDeliveries): Promise<{ rows: DeliveryRow[]; next: string | null }> {
    const rows = await this.#db
      .select(listed)
      .from(deliveries)
      .where(
        and(
          eq(deliveries.projectId, scope.projectId),
          input.after === undefined ? undefined : lt(deliveries.id, input.after),
          input.verdict === undefined ? undefined : eq(deliveries.verdict, input.verdict),
        ),
      )
      .orderBy(desc(deliveries.id))
      .limit(input.limit + 1)
    const page = paged(rows, input.limit)
    return { rows: await this.#withRuns(scope, page.rows), next: page.next }
  }

  async view(scope: ProjectScope, { id }: FindDelivery): Promise<DeliveryView> {
    const row = await maybeOne(
      this.#db
        .select({
          ...listed,
          headers: deliveries.headers,
          body: sql<Buffer>`substring(${deliveries.body} from 1 for ${shownBytes})`,
          bytes: sql<number>`length(${deliveries.body})`,
        })
        .from(deliveries)
        .where(and(eq(deliveries.id, id), eq(deliveries.projectId, scope.projectId))),
    )
    if (!row) throw notFound('delivery')
    const { headers, body, bytes, ...shown } = row
    const [found] = await this.#withRuns(scope, [shown])
    return { ...found!, headers, body: body.toString('utf8'), isCut: bytes > shownBytes }
  }

  /** Acts on the same call again, as a delivery of its own. */
  async replay(scope: ProjectScope, { id }: FindDelivery): Promise<{ id: string }> {
    const replayed = await this.#db.transaction(async (tx) => {
      const row = await maybeOne(
        tx
          .select()
          .from(deliveries)
          .where(and(eq(deliveries.id, id), eq(deliveries.projectId, scope.projectId))),
      )
      if (!row) throw notFound('delivery')
      const { provider, event, headers, body, connectionId, projectId } = row
      const fresh = uuidv7()
      await tx.insert(deliveries).values({
        id: fresh,
        provider,
        event,
        headers,
        body,
        connectionId,
        projectId,
        deliveryId: `replay-${fresh}`,
        replayOf: id,
      })
      await record(tx, scope, 'delivery.replayed', { subjectId: id, data: { event } })
      return fresh
    })
    await this.#webhooks.handle(replayed)
    return { id: replayed }
  }

  async #withRuns(
    scope: ProjectScope,
    rows: (Omit<DeliveryRow, 'runs'> & { pushId: string | null })[],
  ): Promise<DeliveryRow[]> {
    const ids = rows.flatMap(({ pushId }) => pushId ?? [])
    const made =
      ids.length === 0
        ? []
        : await this.#db
            .select({ pushId: pipelineRuns.pushId, number: pipelineRuns.number })
            .from(pipelineRuns)
            .where(and(eq(pipelineRuns.projectId, scope.projectId), inArray(pipelineRuns.pushId, ids)))
            .orderBy(asc(pipelineRuns.number))
    return rows.map(({ pushId, ...row }) => ({
      ...row,
      runs: made.filter((run) => run.pushId === pushId).map(({ number }) => number),
    }))
  }
}

const listed = {
  id: deliveries.id,
  provider: deliveries.provider,
  event: deliveries.event,
  deliveryId: deliveries.deliveryId,
  status: deliveries.status,
  verdict: deliveries.verdict,
  reason: deliveries.reason,
  ref: deliveries.ref,
  commit: deliveries.commit,
  pushId: deliveries.pushId,
  attempts: deliveries.attempts,
  receivedAt: deliveries.receivedAt,
  handledAt: deliveries.handledAt,
  replayOf: deliveries.replayOf,
}

import { type Database, maybeOne, type Transaction } from '@juanie/core/database'
import { AppError, messageOf } from '@juanie/core/errors'
import { uuidv7 } from '@juanie/core/ids'
import { crashPoint } from '@juanie/core/points'
import { and, asc, eq, inArray, isNull, lt, lte, sql } from 'drizzle-orm'
import type { Connections, Heard, RefNews, RemoteMoves, WebhookProvider } from '../connections/index.ts'
import { connections } from '../connections/tables.ts'
import { projects } from '../projects/tables.ts'
import { noCommit } from '../repositories/index.ts'
import type { Verdict } from './contract.ts'
import { addressesOf, callOf, newsOf, readBody } from './payloads.ts'
import { isSigned, type WebhookHeaders } from './signatures.ts'
import { deliveries } from './tables.ts'

/** Places at which a test may kill the server while it takes a delivery. */
export const deliveryPoints = ['delivery.before.store', 'delivery.after.store', 'delivery.before.settle'] as const

interface Incoming {
  provider: WebhookProvider
  /** Null for the address that serves the whole installation. */
  connectionId: string | null
  headers: WebhookHeaders
  body: Buffer
}

type Delivery = typeof deliveries.$inferSelect

const mostAttempts = 12
const longestWaitMs = 30 * 60_000
const sweepBatch = 100
/** One repository may be connected to several projects. */
const mostMatches = 50

/** Webhook calls of forges: checked, stored, answered, and then acted on. */
export class Webhooks {
  readonly #db: Database
  readonly #connections: Connections
  readonly #moves: RemoteMoves
  readonly #secret: string | null
  readonly #failed: (error: unknown) => void
  /** What came is acted on in the order in which it came, of each connection. */
  readonly #turns = new Map<string, Promise<void>>()

  constructor(parts: {
    db: Database
    connections: Connections
    moves: RemoteMoves
    /** Of the address that serves the whole installation. */
    secret: string | null
    failed: (error: unknown) => void
  }) {
    this.#db = parts.db
    this.#connections = parts.connections
    this.#moves = parts.moves
    this.#secret = parts.secret
    this.#failed = parts.failed
  }

  /**
   * Stored durably when this returns. `act` goes on with what was stored, after the answer. Throws `unauthenticated`
   * for a wrong or missing signature, of whichever kind, and for a connection that is not there.
   */
  async receive(incoming: Incoming): Promise<{ act: () => Promise<void> }> {
    const { provider, headers, body } = incoming
    const own = incoming.connectionId === null ? null : await this.#connections.webhookSecret(incoming.connectionId)
    const secret = incoming.connectionId === null ? this.#secret : own?.provider === provider ? own.secret : null
    if (secret === null || !isSigned(provider, { headers, body, secret })) {
      throw new AppError('unauthenticated', 'webhook.unsigned', {
        message: 'The signature of this call is missing or wrong.',
      })
    }
    const call = callOf(provider, headers)
    if (!call) {
      throw new AppError('invalid', 'webhook.headers', {
        message: 'A header is missing that names the event or counts the delivery.',
      })
    }
    const matched =
      incoming.connectionId === null
        ? await this.#matching(provider, body, headers)
        : [{ connectionId: incoming.connectionId, projectId: own!.projectId }]
    crashPoint('delivery.before.store')
    const rows = (matched.length > 0 ? matched : [{ connectionId: null, projectId: null }]).map((place) => ({
      id: uuidv7(),
      ...place,
      provider,
      ...call,
      body,
    }))
    const stored = await this.#db
      .insert(deliveries)
      .values(rows)
      .onConflictDoNothing()
      .returning({ id: deliveries.id, connectionId: deliveries.connectionId })
    crashPoint('delivery.after.store')
    return {
      act: async () => {
        await Promise.all(
          stored.map(({ id, connectionId }) => this.#inOrder(connectionId ?? id, () => this.handle(id))),
        )
      },
    }
  }

  #inOrder(key: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work).catch(this.#failed)
    this.#turns.set(key, turn)
    void turn.then(() => {
      if (this.#turns.get(key) === turn) this.#turns.delete(key)
    })
    return turn
  }

  /** Acts on a delivery that was stored; safe to repeat. What cannot be done now is tried again later. */
  async handle(id: string): Promise<void> {
    const delivery = await maybeOne(
      this.#db
        .select()
        .from(deliveries)
        .where(and(eq(deliveries.id, id), eq(deliveries.status, 'received'))),
    )
    if (!delivery) return
    try {
      await this.#act(delivery)
    } catch (error) {
      await this.#postpone(delivery, error)
    }
  }

  async #act(delivery: Delivery): Promise<void> {
    const { id, provider, connectionId, event } = delivery
    if (connectionId === null) {
      return this.#settle(this.#db, id, {
        verdict: 'unmatched',
        reason: 'No project is connected to the repository that this call names.',
      })
    }
    await this.#db
      .update(connections)
      .set({ heardAt: sql`now()` })
      .where(
        and(
          eq(connections.id, connectionId),
          sql`coalesce(${connections.heardAt}, '-infinity') < now() - interval '1 minute'`,
        ),
      )
    const body = readBody(delivery.body, delivery.headers['content-type'])
    if (!body) return this.#settle(this.#db, id, { verdict: 'ignored', reason: 'The body is not a JSON object.' })
    const told = newsOf(provider, event, body)
    if (told.kind === 'ping') return this.#settle(this.#db, id, { verdict: 'greeted', reason: null })
    if (told.kind === 'other') return this.#settle(this.#db, id, { verdict: 'ignored', reason: told.reason })
    await this.#moves.hear(connectionId, { news: told.news, deliveryId: id }, async (tx, heard) => {
      crashPoint('delivery.before.settle')
      return this.#settleHeard(tx, id, told.news, heard)
    })
  }

  async #settleHeard(tx: Transaction, id: string, news: RefNews, { pushId, isKnown }: Heard): Promise<boolean> {
    const settled = await tx
      .update(deliveries)
      .set({
        status: 'handled',
        verdict: isKnown ? 'known' : 'started',
        reason: null,
        ref: news.ref,
        commit: news.after === noCommit ? null : news.after,
        pushId,
        handledAt: sql`now()`,
      })
      .where(and(eq(deliveries.id, id), eq(deliveries.status, 'received')))
      .returning({ id: deliveries.id })
    return settled.length > 0
  }

  async #settle(db: Database, id: string, what: { verdict: Verdict; reason: string | null }): Promise<void> {
    await db
      .update(deliveries)
      .set({ status: what.verdict === 'failed' ? 'failed' : 'handled', ...what, handledAt: sql`now()` })
      .where(and(eq(deliveries.id, id), eq(deliveries.status, 'received')))
  }

  async #postpone({ id, attempts }: Delivery, error: unknown): Promise<void> {
    const isFinal =
      error instanceof AppError && ['connection.commit_gone', 'connection.too_large'].includes(error.reason)
    if (!(error instanceof AppError)) this.#failed(error)
    const reason = (error instanceof AppError ? messageOf(error) : 'Something went wrong inside Juanie.').slice(
      0,
      1_000,
    )
    if (isFinal || attempts + 1 >= mostAttempts) return this.#settle(this.#db, id, { verdict: 'failed', reason })
    const waitMs = Math.min(5_000 * 2 ** attempts, longestWaitMs)
    await this.#db
      .update(deliveries)
      .set({
        attempts: sql`${deliveries.attempts} + 1`,
        reason,
        tryAt: sql`now() + ${`${waitMs} milliseconds`}::interval`,
      })
      .where(and(eq(deliveries.id, id), eq(deliveries.status, 'received')))
  }

  /** Acts on what a crash, or a forge that did not answer, has left. In order of arrival. */
  async turn(olderThanMs: number): Promise<number> {
    const open = await this.#db
      .select({ id: deliveries.id })
      .from(deliveries)
      .where(
        and(
          eq(deliveries.status, 'received'),
          lte(deliveries.tryAt, sql`now() - ${`${olderThanMs} milliseconds`}::interval`),
        ),
      )
      .orderBy(asc(deliveries.tryAt), asc(deliveries.id))
      .limit(sweepBatch)
    for (const { id } of open) await this.handle(id)
    return open.length
  }

  async clean(olderThanMs: number): Promise<void> {
    await this.#db
      .delete(deliveries)
      .where(lt(deliveries.receivedAt, sql`now() - ${`${olderThanMs} milliseconds`}::interval`))
  }

  /** The projects that are connected to the repository of a call. */
  async #matching(provider: WebhookProvider, body: Buffer, headers: WebhookHeaders) {
    const type = headers['content-type']
    const value = readBody(body, typeof type === 'string' ? type : undefined)
    const urls = value ? addressesOf(provider, value) : []
    if (urls.length === 0) return []
    return this.#db
      .select({ connectionId: connections.id, projectId: connections.projectId })
      .from(connections)
      .innerJoin(projects, and(eq(projects.id, connections.projectId), isNull(projects.deletedAt)))
      .where(and(eq(connections.provider, provider), inArray(connections.url, urls)))
      .limit(mostMatches)
  }
}

import { and, asc, eq, gt, isNotNull, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { projectEvents } from './events.ts'
import type { Listener } from './listener.ts'
import { placedChannel } from './relay.ts'

const batch = 500
/** A notification may be lost: somebody who watches waits this long at most. */
const pollMs = 1_000

export type FeedFilter = { organizationId: string } | { projectId: string }

/** An event as viewers get it. */
export interface FeedEvent {
  position: number
  type: string
  subjectId: string
  organizationId: string
  projectId: string | null
  actor: { kind: string; id: string | null }
  data: Record<string, unknown>
  at: string
}

interface Viewer {
  filter: FeedFilter
  /** Last position that was delivered or passed over. */
  cursor: number
  isLive: boolean
  deliver: (frame: Buffer) => void
}

/**
 * Placed events, live and in their order, to any number of viewers. They are read once for all, and each is one
 * buffer that all viewers share. Nothing is read while nobody watches.
 */
export class EventFeed {
  readonly #db: Database
  readonly #listener: Listener
  readonly #failed: (error: unknown) => void
  readonly #viewers = new Set<Viewer>()
  #position = 0
  #opening: Promise<void> | null = null
  #stopListening: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null
  #isWanted = false

  constructor(parts: { db: Database; listener: Listener; failed?: (error: unknown) => void }) {
    this.#db = parts.db
    this.#listener = parts.listener
    this.#failed = parts.failed ?? (() => {})
  }

  /**
   * Delivers every event after `after`, or from now on when it is null, each once and in order. `began` is told where
   * the stream begins before the first delivery. Returns what ends it.
   */
  async watch(
    watched: { filter: FeedFilter; after: number | null; began: (position: number) => void },
    deliver: (frame: Buffer) => void,
  ): Promise<() => void> {
    const viewer: Viewer = { filter: watched.filter, cursor: 0, isLive: false, deliver }
    this.#viewers.add(viewer)
    const leave = () => {
      this.#viewers.delete(viewer)
      if (this.#viewers.size === 0) this.#pause()
    }
    try {
      await this.#open()
      viewer.cursor = await this.#beginning(watched.after)
      watched.began(viewer.cursor)
      await this.#catchUp(viewer)
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }

  /**
   * Ahead of this reader may be what another server has told of already. Ahead of every event is who watched before
   * the database was restored from a backup: it would hear nothing until positions have come so far again.
   */
  async #beginning(after: number | null): Promise<number> {
    if (after === null) return this.#position
    return after <= this.#position ? after : Math.min(after, await this.#last())
  }

  async #last(): Promise<number> {
    const [row] = await this.#db
      .select({ last: sql<string | null>`max(${projectEvents.position})` })
      .from(projectEvents)
      .where(isNotNull(projectEvents.position))
    return Number(row?.last ?? 0)
  }

  /** The reader may be going on meanwhile: the viewer is live when it did not move while the viewer looked. */
  async #catchUp(viewer: Viewer): Promise<void> {
    while (this.#viewers.has(viewer)) {
      const before = this.#position
      const rows = viewer.cursor >= before ? [] : await this.#read(viewer.cursor, viewer.filter)
      for (const row of rows) {
        viewer.cursor = row.position
        viewer.deliver(frameOf(row))
      }
      if (rows.length === batch || this.#position !== before) continue
      viewer.cursor = Math.max(viewer.cursor, before)
      viewer.isLive = true
      return
    }
  }

  #open(): Promise<void> {
    this.#opening ??= (async () => {
      this.#position = await this.#last()
      this.#stopListening = this.#listener.on(placedChannel, () => this.#wake())
      this.#timer = setInterval(() => this.#wake(), pollMs)
    })().catch((error) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  #pause(): void {
    this.#stopListening?.()
    if (this.#timer) clearInterval(this.#timer)
    this.#stopListening = null
    this.#timer = null
    this.#opening = null
  }

  #wake(): void {
    this.#isWanted = true
    this.#running ??= this.#run().finally(() => {
      this.#running = null
    })
  }

  async #run(): Promise<void> {
    while (this.#isWanted && this.#viewers.size > 0) {
      this.#isWanted = false
      try {
        for (;;) {
          const rows = await this.#read(this.#position, null)
          for (const row of rows) this.#dispatch(row)
          if (rows.length < batch) break
        }
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  #dispatch(row: FeedEvent): void {
    // A pause and a new start in between may have moved it on already.
    if (row.position <= this.#position) return
    this.#position = row.position
    let frame: Buffer | null = null
    for (const viewer of this.#viewers) {
      if (!viewer.isLive || viewer.cursor >= row.position) continue
      viewer.cursor = row.position
      if (!concerns(row, viewer.filter)) continue
      frame ??= frameOf(row)
      viewer.deliver(frame)
    }
  }

  async #read(after: number, filter: FeedFilter | null): Promise<FeedEvent[]> {
    const rows = await this.#db
      .select()
      .from(projectEvents)
      .where(
        and(
          gt(projectEvents.position, after),
          filter === null
            ? undefined
            : 'projectId' in filter
              ? eq(projectEvents.projectId, filter.projectId)
              : eq(projectEvents.organizationId, filter.organizationId),
        ),
      )
      .orderBy(asc(projectEvents.position))
      .limit(batch)
    return rows.map((row) => ({
      position: row.position!,
      type: row.type,
      subjectId: row.subjectId,
      organizationId: row.organizationId,
      projectId: row.projectId,
      actor: { kind: row.actorKind, id: row.actorId },
      data: row.data,
      at: row.createdAt.toISOString(),
    }))
  }
}

const concerns = (event: FeedEvent, filter: FeedFilter): boolean =>
  'projectId' in filter ? event.projectId === filter.projectId : event.organizationId === filter.organizationId

/** `id` is what a browser sends back as `Last-Event-ID` (https://html.spec.whatwg.org/#server-sent-events). */
const frameOf = (event: FeedEvent): Buffer => Buffer.from(`id: ${event.position}\ndata: ${JSON.stringify(event)}\n\n`)

import type pg from 'pg'
import { eventsChannel } from './events.ts'
import type { Listener } from './listener.ts'

/** Told after events have got their positions; payload: the last one. Readers of the stream listen. */
export const placedChannel = 'juanie_placed'

const relayLock = 7_402_182
const pollMs = 1_000
const batch = 1_000

/**
 * Each statement sees what was committed before it began, so the update runs after the lock was granted and sees
 * every position that the holder before it gave. The sequence moves only under the lock: positions become visible in
 * their order.
 */
const place = `
  begin;
  set local statement_timeout = '10s';
  select pg_advisory_xact_lock(${relayLock});
  with placed as (
    update project_events e set position = o.position
      from (
        select id, nextval('event_positions') as position
          from (select id from project_events where position is null order by id limit ${batch}) unplaced
      ) o
     where e.id = o.id
    returning e.position
  ), told as (
    select pg_notify('${placedChannel}', max(position)::text) from placed having count(*) > 0
  )
  select (select count(*) from placed)::int as placed, (select count(*) from told) as told;
  commit;
`

/** Gives committed events their place in the one order that readers follow. Any number of servers may run one. */
export class EventRelay {
  readonly #pool: pg.Pool
  readonly #listener: Listener
  readonly #failed: (error: unknown) => void
  #stopListening: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null
  #isWanted = false
  #isStopped = false

  constructor(parts: { pool: pg.Pool; listener: Listener; failed?: (error: unknown) => void }) {
    this.#pool = parts.pool
    this.#listener = parts.listener
    this.#failed = parts.failed ?? (() => {})
  }

  start(): void {
    this.#stopListening = this.#listener.on(eventsChannel, () => this.#wake())
    this.#timer = setInterval(() => this.#wake(), pollMs)
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#stopListening?.()
    if (this.#timer) clearInterval(this.#timer)
    await this.#running
  }

  /** Places what is committed now; returns how many events got a position. */
  async placeAll(): Promise<number> {
    let total = 0
    for (;;) {
      const { rows } = await this.#pool.query('select 1 from project_events where position is null limit 1')
      if (rows.length === 0) return total
      const placed = await this.#placeBatch()
      total += placed
      if (placed < batch) return total
    }
  }

  async #placeBatch(): Promise<number> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    try {
      const results = (await client.query(place)) as unknown as pg.QueryResult<{ placed?: number }>[]
      return results.find((result) => result.rows[0]?.placed !== undefined)!.rows[0]!.placed!
    } catch (error) {
      broken = error as Error
      throw error
    } finally {
      // After an error the connection may still be inside the transaction: it is given up.
      client.release(broken)
    }
  }

  #wake(): void {
    if (this.#isStopped) return
    this.#isWanted = true
    this.#running ??= this.#run().finally(() => {
      this.#running = null
    })
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false
      try {
        await this.placeAll()
      } catch (error) {
        // The next poll tries again.
        this.#failed(error)
      }
    }
  }
}

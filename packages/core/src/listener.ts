import pg from 'pg'

/** Null: the connection was (re)made, so messages may have been missed and the caller looks for itself. */
type Callback = (payload: string | null) => void

const checkMs = 5_000
const firstRetryMs = 100
const lastRetryMs = 2_000

/**
 * `LISTEN` on one connection of its own, made again whenever it is lost. A notification is only a hint: PostgreSQL
 * keeps none for those who are away, so every user also looks by itself now and then.
 */
export class Listener {
  readonly #options: pg.ClientConfig
  readonly #failed: (error: unknown) => void
  readonly #callbacks = new Map<string, Set<Callback>>()
  #client: pg.Client | null = null
  #retry: NodeJS.Timeout | null = null
  #check: NodeJS.Timeout | null = null
  #listening: Promise<void> = Promise.resolve()
  #retryMs = firstRetryMs
  #state: 'idle' | 'running' | 'closed' = 'idle'

  /** `failed` is told of each loss of the connection, for the log. */
  constructor(parts: { options: pg.ClientConfig; failed?: (error: unknown) => void }) {
    this.#options = parts.options
    this.#failed = parts.failed ?? (() => {})
  }

  /** Calls back for every message on the channel until the returned function is called. */
  on(channel: string, callback: Callback): () => void {
    const callbacks = this.#callbacks.get(channel)
    if (callbacks) callbacks.add(callback)
    else {
      this.#callbacks.set(channel, new Set([callback]))
      void this.#listen(channel)
    }
    return () => {
      this.#callbacks.get(channel)?.delete(callback)
    }
  }

  get isConnected(): boolean {
    return this.#client !== null
  }

  async start(): Promise<void> {
    if (this.#state !== 'idle') return
    this.#state = 'running'
    await this.#connect()
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    if (this.#retry) clearTimeout(this.#retry)
    if (this.#check) clearInterval(this.#check)
    const client = this.#client
    this.#client = null
    await client?.end().catch(() => {})
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      ...this.#options,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: checkMs,
      application_name: 'juanie listener',
    })
    client.on('error', (error) => this.#lost(client, error))
    client.on('end', () => this.#lost(client, new Error('the connection was closed')))
    client.on('notification', ({ channel, payload }) => this.#call(channel, payload ?? ''))
    try {
      await client.connect()
      for (const channel of this.#callbacks.keys()) await client.query(`listen ${client.escapeIdentifier(channel)}`)
    } catch (error) {
      client.removeAllListeners('end')
      void client.end().catch(() => {})
      this.#again(error)
      return
    }
    if (this.#state === 'closed') {
      await client.end().catch(() => {})
      return
    }
    this.#client = client
    this.#retryMs = firstRetryMs
    // A peer that vanished without a word is noticed by asking.
    this.#check = setInterval(() => client.query('select 1').catch((error) => this.#lost(client, error)), checkMs)
    this.#check.unref()
    for (const channel of this.#callbacks.keys()) this.#call(channel, null)
  }

  /** One statement at a time: a client has no queue of its own. */
  #listen(channel: string): Promise<void> {
    this.#listening = this.#listening.then(() => this.#listenNow(channel))
    return this.#listening
  }

  async #listenNow(channel: string): Promise<void> {
    const client = this.#client
    if (!client) return
    try {
      await client.query(`listen ${client.escapeIdentifier(channel)}`)
      this.#call(channel, null)
    } catch (error) {
      this.#lost(client, error)
    }
  }

  #lost(client: pg.Client, error: unknown): void {
    if (client !== this.#client) return
    this.#client = null
    if (this.#check) clearInterval(this.#check)
    void client.end().catch(() => {})
    this.#again(error)
  }

  #again(error: unknown): void {
    if (this.#state !== 'running') return
    this.#failed(error)
    this.#retry = setTimeout(() => void this.#connect(), this.#retryMs)
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2)
  }

  #call(channel: string, payload: string | null): void {
    for (const callback of this.#callbacks.get(channel) ?? []) {
      try {
        callback(payload)
      } catch (error) {
        this.#failed(error)
      }
    }
  }
}

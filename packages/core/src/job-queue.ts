import type { Queue, Worker } from 'bullmq'
import pg from 'pg'
import { isTransient, messageOf } from './errors.ts'
import type { JobDefinition, Jobs, Lane } from './jobs.ts'

/** BullMQ takes 200 ms of processor time to load: the first requests after a start come first. */
const openDelayMs = 1_000
const reopenMs = 5_000
const schema = 'bullmq'
const concurrency: Record<Lane, number> = { deployment: 10, 'pipeline-execution': 10, maintenance: 2 }

interface Parts {
  /** Of the server's own pool; the queues get one beside it, because each worker keeps a connection to listen on. */
  database: pg.PoolConfig
  redisUrl: string | null
  /** Loses every job. */
  isDropping: boolean
  failed?: (error: unknown, job: string) => void
}

/**
 * BullMQ, the net under the sweeps: it wakes workers across servers and tries again what an outage stopped. It knows
 * nothing that PostgreSQL's own tables do not say, so it may lose what it likes.
 */
export class JobQueue implements Jobs {
  readonly #parts: Parts
  readonly #failed: (error: unknown, job: string) => void
  readonly #definitions = new Map<string, JobDefinition>()
  readonly #queues = new Map<Lane, Queue>()
  readonly #workers: Worker[] = []
  /** What was asked for before the queues were open. */
  readonly #early = new Map<string, { name: JobDefinition['name']; id: string }>()
  #disconnect: () => Promise<unknown> = async () => {}
  #timer: NodeJS.Timeout | null = null
  #opening: Promise<void> | null = null
  #isOpen = false
  #isStopped = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#failed = parts.failed ?? (() => {})
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Before `start`. */
  register(definitions: readonly JobDefinition[]): void {
    for (const definition of definitions) {
      if (this.#definitions.has(definition.name)) throw new Error(`two jobs are called ${definition.name}`)
      this.#definitions.set(definition.name, definition)
    }
  }

  async enqueue(name: JobDefinition['name'], { id }: { id: string }): Promise<void> {
    const definition = this.#definitions.get(name)
    if (!definition) throw new Error(`no job is called ${name}`)
    if (this.#parts.isDropping || this.#isStopped) return
    const key = `${name}:${id}`
    if (!this.#isOpen) {
      this.#early.set(key, { name, id })
      return
    }
    try {
      await this.#queues.get(definition.lane)!.add(
        name,
        { id },
        {
          // One waiting at most; a request during a run is kept and becomes one more run when that ends.
          deduplication: { id: key, keepLastIfActive: true },
          attempts: 8,
          backoff: { type: 'exponential', delay: 500 },
          removeOnComplete: true,
          removeOnFail: true,
        },
      )
    } catch (error) {
      this.#failed(error, name)
    }
  }

  start(): void {
    if (this.#parts.isDropping || this.#definitions.size === 0) return
    this.#openIn(openDelayMs)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#opening
    await this.#close()
  }

  #openIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#opening = this.#open().catch(async (error) => {
        this.#failed(error, 'queues')
        await this.#close()
        if (!this.#isStopped) this.#openIn(reopenMs)
      })
    }, ms)
    this.#timer.unref()
  }

  async #open(): Promise<void> {
    const bullmq = await import('bullmq')
    const { connection, backend } = await this.#connect(bullmq)
    const failed = (error: unknown) => {
      if (!this.#isStopped) this.#failed(error, 'queues')
    }
    for (const lane of new Set([...this.#definitions.values()].map((definition) => definition.lane))) {
      if (this.#isStopped) return
      const shared = { connection, skipVersionCheck: true } as const
      const queue = new bullmq.Queue(
        lane,
        { ...shared, streams: { events: { maxLen: 1000 } } } as never,
        backend as never,
      )
      queue.on('error', failed)
      this.#queues.set(lane, queue)
      const worker = new bullmq.Worker(
        lane,
        (job) => this.#work(bullmq.UnrecoverableError, job.name, (job.data as { id: string }).id),
        {
          ...shared,
          concurrency: concurrency[lane],
          drainDelay: 30,
          lockDuration: 30_000,
          maxStalledCount: 5,
        } as never,
        backend as never,
      )
      worker.on('error', failed)
      this.#workers.push(worker)
    }
    this.#isOpen = true
    const early = [...this.#early.values()]
    this.#early.clear()
    for (const { name, id } of early) await this.enqueue(name, { id })
  }

  /** The one place that chooses between PostgreSQL and Redis. */
  async #connect(bullmq: typeof import('bullmq')): Promise<{ connection: unknown; backend: unknown }> {
    if (this.#parts.redisUrl) {
      const { Redis } = await import('ioredis')
      // BullMQ asks for this: a blocking read must not give up by itself.
      const connection = new Redis(this.#parts.redisUrl, { maxRetriesPerRequest: null })
      connection.on('error', (error) => this.#failed(error, 'queues'))
      this.#disconnect = async () => connection.disconnect()
      return { connection, backend: undefined }
    }
    const pool = new pg.Pool({
      ...this.#parts.database,
      options: `-c search_path=${schema}`,
      application_name: 'juanie queues',
      // Each worker keeps one connection to listen on.
      max: 3 + concurrency.deployment,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 10_000,
      keepAlive: true,
    })
    pool.setMaxListeners(0)
    pool.on('error', () => {})
    this.#disconnect = () => pool.end()
    const client = await pool.connect()
    try {
      await bullmq.runMigrations(client as never, schema)
    } finally {
      client.release()
    }
    return { connection: pool, backend: bullmq.createPostgresBackend }
  }

  async #work(Unrecoverable: new (message: string) => Error, name: string, id: string): Promise<void> {
    const definition = this.#definitions.get(name)
    // Left by a newer build; its own servers will find the work.
    if (!definition) return
    try {
      await definition.run(id)
    } catch (error) {
      this.#failed(error, name)
      // An error with a NUL in it cannot be stored, and the job would run for ever.
      const message = messageOf(error).replaceAll('\u0000', '').slice(0, 1000)
      throw isTransient(error) ? Object.assign(new Error(message), { stack: '' }) : new Unrecoverable(message)
    }
  }

  async #close(): Promise<void> {
    this.#isOpen = false
    // Forced: what is under way here is safe to repeat, and its lease or row lock holds until it ends.
    await Promise.all(this.#workers.splice(0).map((worker) => worker.close(true).catch(() => {})))
    await Promise.all([...this.#queues.values()].map((queue) => queue.close().catch(() => {})))
    this.#queues.clear()
    await this.#disconnect().catch(() => {})
    this.#disconnect = async () => {}
  }
}

import type { Config } from '@juanie/core/config'
import { type Database, openDatabase } from '@juanie/core/database'
import { type Home, readMasterKey } from '@juanie/core/home'
import { uuidv7 } from '@juanie/core/ids'
import { JobQueue } from '@juanie/core/job-queue'
import { Listener } from '@juanie/core/listener'
import { EventRelay } from '@juanie/core/relay'
import { Sweeper } from '@juanie/core/sweeper'
import type pg from 'pg'
import type { Logger } from 'pino'
import { Lifecycle } from './lifecycle.ts'
import { Metrics } from './metrics.ts'

/** What every module builds its services from. */
export class Kernel {
  readonly config: Config
  readonly home: Home
  readonly pool: pg.Pool
  readonly db: Database
  readonly listener: Listener
  readonly jobs: JobQueue
  readonly sweeps: Sweeper
  readonly lifecycle: Lifecycle
  readonly metrics = new Metrics()
  readonly log: Logger
  /** Owner of this server's leases: new at every start. */
  readonly serverId = uuidv7()
  readonly masterKey: Buffer

  constructor(parts: { config: Config; home: Home; pool: pg.Pool; log: Logger }) {
    this.config = parts.config
    this.home = parts.home
    this.pool = parts.pool
    this.log = parts.log
    this.db = openDatabase(parts.pool)
    this.masterKey = parts.config.masterKey ?? readMasterKey(parts.home)
    this.lifecycle = new Lifecycle(parts.log)
    this.listener = new Listener({
      options: parts.pool.options,
      failed: (error) => this.log.warn({ err: error }, 'listening to the database was interrupted'),
    })
    this.lifecycle.add({ name: 'listener', start: () => this.listener.start(), stop: () => this.listener.close() })
    const relay = new EventRelay({
      pool: this.pool,
      listener: this.listener,
      failed: (error) => this.log.warn({ err: error }, 'events could not be placed; trying again'),
    })
    this.lifecycle.add({ name: 'event relay', start: () => relay.start(), stop: () => relay.stop() })
    this.jobs = new JobQueue({
      database: parts.pool.options,
      redisUrl: parts.config.redisUrl,
      isDropping: parts.config.dropJobs,
      failed: (error, job) => this.log.warn({ err: error, job }, 'job failed'),
    })
    this.lifecycle.add({ name: 'job queue', start: () => this.jobs.start(), stop: () => this.jobs.stop() })
    this.sweeps = new Sweeper({
      db: this.db,
      owner: this.serverId,
      failed: (sweep, error) => this.log.warn({ err: error, sweep }, 'sweep failed'),
    })
    this.lifecycle.add({ name: 'sweeps', start: () => this.sweeps.start(), stop: () => this.sweeps.stop() })
  }
}

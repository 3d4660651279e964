import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, openHome } from '@juanie/core/home'
import { openPostgres, type Postgres } from '@juanie/core/postgres/open'

/** PostgreSQL for the floors: the same binaries with the same settings as Juanie's own, so as durable. */
export class FloorDatabase implements AsyncDisposable {
  readonly folder: string
  readonly home: Home
  readonly postgres: Postgres

  private constructor(folder: string, home: Home, postgres: Postgres) {
    this.folder = folder
    this.home = home
    this.postgres = postgres
  }

  static async start(): Promise<FloorDatabase> {
    const folder = mkdtempSync(join(tmpdir(), 'juanie-floor-'))
    chmodSync(folder, 0o711)
    try {
      const home = openHome(join(folder, 'data'))
      return new FloorDatabase(folder, home, await openPostgres(home))
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  get url(): string {
    return this.postgres.url
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postgres.stop()
    if (this.home.isMoved) rmSync(this.home.path, { recursive: true, force: true })
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

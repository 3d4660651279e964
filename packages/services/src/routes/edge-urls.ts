import { type Database, maybeOne } from '@juanie/core/database'
import { desc, eq } from 'drizzle-orm'
import { agents, hosts } from '../hosts/tables.ts'

const freshMs = 1_000

/** Under which address people find what a hostname serves. */
export class EdgeUrls {
  readonly #db: Database
  readonly #port: number
  #observed: { port: number | null; until: number } = { port: null, until: 0 }

  /** `port` is the configured one; with 0 the edge took any, which its agent has told. */
  constructor(parts: { db: Database; port: number }) {
    this.#db = parts.db
    this.#port = parts.port
  }

  async of(hostname: string): Promise<string> {
    const port = this.#port || (await this.#actual())
    return `http://${hostname}${port && port !== 80 ? `:${port}` : ''}`
  }

  async #actual(): Promise<number | null> {
    if (this.#observed.until > Date.now()) return this.#observed.port
    const row = await maybeOne(
      this.#db
        .select({ edge: agents.edge })
        .from(agents)
        .innerJoin(hosts, eq(hosts.id, agents.hostId))
        .orderBy(desc(hosts.isLocal), desc(agents.lastSeenAt))
        .limit(1),
    )
    this.#observed = { port: row?.edge?.port ?? null, until: Date.now() + freshMs }
    return this.#observed.port
  }
}

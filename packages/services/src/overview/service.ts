import type { Database } from '@juanie/core/database'
import type { ProjectScope, Scope } from '@juanie/core/scope'
import { sql } from 'drizzle-orm'
import type { UrlOf } from '../deployments/index.ts'
import type { ListMatters, ListProjectCards } from './contract.ts'
import { countBroken, readMatters } from './matters.ts'
import { readProjectCards } from './projects.ts'

/** What an organization looks like from above. It only reads. */
export class Overview {
  readonly #db: Database
  readonly #url: UrlOf
  readonly #clock: () => number

  constructor(parts: { db: Database; url: UrlOf; clock?: () => number }) {
    this.#db = parts.db
    this.#url = parts.url
    this.#clock = parts.clock ?? Date.now
  }

  matters(scope: Scope, input: ListMatters) {
    return readMatters(this.#db, scope, { input, url: this.#url, now: this.#clock() })
  }

  projects(scope: Scope, input: ListProjectCards) {
    return readProjectCards(this.#db, scope, { input, url: this.#url })
  }

  /** How many jobs each host works on at this moment, of whichever organization: hosts belong to the installation. */
  async hostLoads(): Promise<{ hostId: string; jobs: number }[]> {
    return this.#db.execute<{ hostId: string; jobs: number }>(
      sql`
        select a.host_id as "hostId", count(*)::int as jobs
          from jobs j join agents a on a.id = j.agent_id
         where j.status in ('leased', 'running') group by a.host_id`,
      'objects',
    )
  }

  broken(scope: ProjectScope) {
    return countBroken(this.#db, scope)
  }
}

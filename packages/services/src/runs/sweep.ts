import type { Database } from '@juanie/core/database'
import { leaseMs } from '@juanie/core/leases'
import { sql } from 'drizzle-orm'
import { awayMs } from '../hosts/index.ts'
import { type AdvanceParts, advanceRun } from './advance.ts'
import { failAllUnclaimed, loseJob, requeueJob } from './lost.ts'
import { inWork } from './work.ts'

const everyMs = 400
/** So long between two turns, this process itself was not running, and cannot know who was silent. */
const absentMs = 1_500
const batch = 100

interface Parts extends AdvanceParts {
  db: Database
  failed: (error: unknown) => void
}

/**
 * Decides what became of jobs whose holder is silent. A server judges only after it has itself been up, with the
 * database answering, for one full lease time: until then every holder has a fresh term.
 */
export class LeaseJudge {
  readonly #parts: Parts
  readonly #now: () => number
  #answeringSince: number | null = null
  #lastTurn = 0
  #timer: NodeJS.Timeout | null = null
  #turn: Promise<void> | null = null

  constructor(parts: Parts & { now?: () => number }) {
    this.#parts = parts
    this.#now = parts.now ?? (() => performance.now())
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#turn ??= this.turn()
        .then(() => {}, this.#parts.failed)
        .finally(() => {
          this.#turn = null
        })
    }, everyMs)
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#turn
  }

  /** One look; answers how many leases were decided. */
  async turn(): Promise<number> {
    const began = this.#now()
    if (began - this.#lastTurn > absentMs) this.#answeringSince = null
    this.#lastTurn = began
    let expired: { id: string; runId: string; isUnheard: boolean }[]
    try {
      expired = await this.#expired()
    } catch (error) {
      this.#answeringSince = null
      throw error
    }
    const now = this.#now()
    // An answer that took so long says nothing of the time in between.
    if (now - began > absentMs) this.#answeringSince = null
    this.#answeringSince ??= now
    if (now - this.#answeringSince < leaseMs) return 0
    let decided = 0
    for (const { id, runId, isUnheard } of expired) {
      const decide = isUnheard ? requeueJob : loseJob
      if (await inWork(this.#parts.db, (work) => decide(work, this.#parts, runId, id))) decided++
    }
    return decided + (await failAllUnclaimed(this.#parts.db, this.#parts))
  }

  /** `isUnheard`: its agent speaks and renews, but never this job: the frame that gave it away did not arrive. */
  #expired() {
    return this.#parts.db.execute<{ id: string; runId: string; isUnheard: boolean }>(
      sql`
        select j.id, j.run_id as "runId",
               j.status = 'leased' and a.last_seen_at > now() - ${`${awayMs / 2} milliseconds`}::interval as "isUnheard"
          from jobs j
          join leases l on l.subject_id = j.id
          join agents a on a.id = j.agent_id
         where j.status in ('leased', 'running') and l.expires_at < now()
         order by l.expires_at limit ${batch}`,
      'objects',
    )
  }

  /** Plans anew every run that is not over: whatever a crash interrupted goes on. */
  async resume(): Promise<number> {
    let after = '00000000-0000-0000-0000-000000000000'
    let count = 0
    for (;;) {
      const runs = await this.#parts.db.execute<{ id: string }>(
        sql`select id from pipeline_runs where status in ('queued', 'running') and id > ${after} order by id limit ${batch}`,
        'objects',
      )
      for (const { id } of runs) await inWork(this.#parts.db, (work) => advanceRun(work, this.#parts, id))
      count += runs.length
      if (runs.length < batch) return count
      after = runs.at(-1)!.id
    }
  }
}

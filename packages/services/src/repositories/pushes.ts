import type { Database } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { and, asc, desc, eq, gt, inArray, isNull, lt, ne, or, sql } from 'drizzle-orm'
import { pushPoint } from './points.ts'
import { type GitStore, noCommit } from './port.ts'
import { pushesThatCan } from './status.ts'
import { pushes, repositories, repositoryRefs } from './tables.ts'

/** One ref of a push. */
export interface RefUpdate {
  ref: string
  before: string
  after: string
}

export type PushRow = typeof pushes.$inferSelect

/** Makes runs of refs that have moved; safe to repeat. */
export type PushHandler = (moved: PushRow[]) => Promise<unknown>

/** So long a push may take; one that has not moved its ref by then never will. */
export const pushLimitMs = 10 * 60_000
const batch = 200
/** How far the clocks of the database and of this machine may lie apart. */
const clockSlackMs = 2_000

/** What was pushed: written before git moves a ref, so that a crash leaves something to decide. */
export class Pushes {
  readonly #db: Database
  readonly #git: GitStore
  readonly #handle: PushHandler
  readonly #failed: (error: unknown) => void

  constructor(parts: { db: Database; git: GitStore; handle: PushHandler; failed: (error: unknown) => void }) {
    this.#db = parts.db
    this.#git = parts.git
    this.#handle = parts.handle
    this.#failed = parts.failed
  }

  /** Written durably when this returns: only then may git go on. */
  async receive(
    repository: { repositoryId: string; projectId: string },
    pusherId: string | null,
    updates: RefUpdate[],
    jobId: string | null = null,
  ): Promise<PushRow[]> {
    if (updates.length === 0) return []
    pushPoint('push.before.receive')
    const rows = await this.#db
      .insert(pushes)
      .values(updates.map((update, place) => ({ id: uuidv7(), ...repository, ...update, place, pusherId, jobId })))
      .returning()
    pushPoint('push.after.receive')
    return rows.sort((a, b) => a.place - b.place)
  }

  async refuse(ids: string[]): Promise<void> {
    if (ids.length === 0) return
    pushPoint('push.before.refuse')
    await this.#db
      .update(pushes)
      .set({ status: 'refused', handledAt: sql`now()` })
      .where(and(inArray(pushes.id, ids), inArray(pushes.status, pushesThatCan('refuse'))))
    pushPoint('push.after.refuse')
  }

  /**
   * Decides pushes that nobody decided by looking at the repository: what moved is handled, what did not is refused
   * once its time is over. Any number of servers may look at the same time.
   */
  async recover(options: { ids?: string[]; olderThanMs?: number } = {}): Promise<number> {
    let decided = 0
    let after = noId
    for (;;) {
      const rows = await this.#open(options, after)
      for (const group of grouped(rows)) {
        try {
          decided += await this.#decide(group)
        } catch (error) {
          // One broken repository must not keep the others waiting.
          this.#failed(error)
        }
      }
      if (rows.length < batch) return decided
      after = rows.at(-1)!.id
    }
  }

  #open(options: { ids?: string[]; olderThanMs?: number }, after: string): Promise<PushRow[]> {
    return this.#db
      .select()
      .from(pushes)
      .where(
        and(
          inArray(pushes.status, ['received', 'accepted']),
          options.ids && inArray(pushes.id, options.ids),
          sql`${pushes.id} > ${after}`,
          sql`${pushes.createdAt} <= now() - ${`${options.olderThanMs ?? 0} milliseconds`}::interval`,
        ),
      )
      .orderBy(asc(pushes.id))
      .limit(batch)
  }

  async #decide(rows: PushRow[]): Promise<number> {
    const moved: PushRow[] = []
    const stale: string[] = []
    for (const row of rows) {
      if (row.status === 'accepted' || (await this.#hasMoved(row))) moved.push(row)
      else if (Date.now() - row.createdAt.getTime() > 2 * pushLimitMs) stale.push(row.id)
    }
    await this.refuse(stale)
    if (moved.length > 0) await this.#handle(moved)
    return moved.length + stale.length
  }

  /**
   * By the ref's own log. The same move may have been asked for again, by a pusher whose first try died: it belongs to
   * the newest push that asked for it, and each push needs a move of its own.
   */
  async #hasMoved(row: PushRow): Promise<boolean> {
    if (row.after === noCommit) return (await this.#git.ref(row.repositoryId, row.ref)) === null
    const since = row.createdAt.getTime() - clockSlackMs
    const moves = await this.#git.movesOf(row.repositoryId, row.ref)
    const made = moves.filter(
      ({ before, after, at }) => before === row.before && after === row.after && (at + 1) * 1000 > since,
    ).length
    if (made === 0) return false
    const others = await this.#db
      .select({ id: pushes.id })
      .from(pushes)
      .where(
        and(
          eq(pushes.repositoryId, row.repositoryId),
          eq(pushes.ref, row.ref),
          eq(pushes.before, row.before),
          eq(pushes.after, row.after),
          or(
            and(gt(pushes.id, row.id), ne(pushes.status, 'refused')),
            and(lt(pushes.id, row.id), eq(pushes.status, 'handled'), gt(pushes.handledAt, new Date(since))),
          ),
        ),
      )
      .limit(made)
    return made > others.length
  }

  /** Marks moved refs whose runs could not be made now; a later look makes them. */
  async accept(ids: string[]): Promise<void> {
    if (ids.length === 0) return
    pushPoint('push.before.accept')
    await this.#db
      .update(pushes)
      .set({ status: 'accepted' })
      .where(and(inArray(pushes.id, ids), inArray(pushes.status, pushesThatCan('accept'))))
    pushPoint('push.after.accept')
  }

  /** Refs that stand elsewhere than Juanie has told of, e.g. moved by hand on the server, count as pushed. */
  async compareAll(): Promise<number> {
    let found = 0
    let after = noId
    for (;;) {
      const rows = await this.#db
        .select({
          repositoryId: repositories.id,
          projectId: repositories.projectId,
          defaultBranch: repositories.defaultBranch,
        })
        .from(repositories)
        .where(and(eq(repositories.kind, 'hosted'), isNull(repositories.deletedAt), sql`${repositories.id} > ${after}`))
        .orderBy(asc(repositories.id))
        .limit(batch)
      for (const row of rows) {
        try {
          if (row.defaultBranch) await this.#git.setDefaultBranch(row.repositoryId, row.defaultBranch)
          found += await this.#compare(row)
        } catch (error) {
          this.#failed(error)
        }
      }
      if (rows.length < batch) return found
      after = rows.at(-1)!.repositoryId
    }
  }

  async #compare(repository: { repositoryId: string; projectId: string }): Promise<number> {
    const { repositoryId, projectId } = repository
    const standing = await this.#git.refs(repositoryId)
    // Read after git: a push that moved a ref since has written its row before, and is seen here.
    const [told, open] = await Promise.all([
      this.#db.select().from(repositoryRefs).where(eq(repositoryRefs.repositoryId, repositoryId)),
      this.#db
        .select({ ref: pushes.ref })
        .from(pushes)
        .where(and(eq(pushes.repositoryId, repositoryId), inArray(pushes.status, ['received', 'accepted']))),
    ])
    const known = new Map(told.map(({ ref, commit }) => [ref, commit]))
    const underWay = new Set(open.map(({ ref }) => ref))
    const updates: RefUpdate[] = []
    for (const ref of new Set([...standing.keys(), ...known.keys()])) {
      const now = standing.get(ref) ?? null
      if (now === (known.get(ref) ?? null) || underWay.has(ref)) continue
      // A push may have come and gone between the two looks.
      if ((await this.#git.ref(repositoryId, ref)) !== now) continue
      const after = now ?? noCommit
      // Two pushes of one ref may have been handled in the other order, or the older one only by a recovery.
      if (await this.#isHandled(repositoryId, ref, after)) await this.#tell(repositoryId, ref, now)
      else updates.push({ ref, before: known.get(ref) ?? noCommit, after })
    }
    const rows = await this.receive({ repositoryId, projectId }, null, updates)
    if (rows.length > 0) await this.#handle(rows)
    return rows.length
  }

  /** Whether some push that brought the ref there has its runs. */
  async #isHandled(repositoryId: string, ref: string, after: string): Promise<boolean> {
    const rows = await this.#db
      .select({ after: pushes.after })
      .from(pushes)
      .where(and(eq(pushes.repositoryId, repositoryId), eq(pushes.ref, ref), ne(pushes.status, 'refused')))
      .orderBy(desc(pushes.id))
      .limit(1)
    return rows[0]?.after === after
  }

  async #tell(repositoryId: string, ref: string, commit: string | null): Promise<void> {
    const at = and(eq(repositoryRefs.repositoryId, repositoryId), eq(repositoryRefs.ref, ref))
    if (commit === null) await this.#db.delete(repositoryRefs).where(at)
    else {
      await this.#db
        .insert(repositoryRefs)
        .values({ repositoryId, ref, commit })
        .onConflictDoUpdate({ target: [repositoryRefs.repositoryId, repositoryRefs.ref], set: { commit } })
    }
  }
}

const noId = '00000000-0000-0000-0000-000000000000'

/** By repository, in the order in which they came. */
function grouped(rows: PushRow[]): PushRow[][] {
  const groups = new Map<string, PushRow[]>()
  for (const row of rows) {
    const group = groups.get(row.repositoryId)
    if (group) group.push(row)
    else groups.set(row.repositoryId, [row])
  }
  return [...groups.values()]
}

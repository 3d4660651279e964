import type { Database, Transaction } from '@juanie/core/database'
import { AppError, messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { and, asc, desc, eq, inArray, lte, ne, sql } from 'drizzle-orm'
import { type GitStore, noCommit, type PushHandler, type PushRow, refFault } from '../repositories/index.ts'
import { pushes, repositories, repositoryRefs } from '../repositories/tables.ts'
import type { RemoteRefs, RemoteRepositories } from './port.ts'
import type { Connections, OpenConnection } from './service.ts'
import { connections } from './tables.ts'

/** Places at which a test may kill the server while it takes over what moved elsewhere. */
export const movePoints = ['connection.fetched', 'connection.before.move', 'connection.after.move'] as const

/** What a webhook says of one ref. */
export interface RefNews {
  ref: string
  before: string
  after: string
}

/** Which push it is: one of these, or one that was known already, when somebody looked before the webhook came. */
export interface Heard {
  pushId: string | null
  isKnown: boolean
}

const batch = 20
const atOnce = 4
const mostMoves = 100
const recentMs = 10 * 60_000
const shortestMs = 60_000
const longestMs = 15 * 60_000
/** Where webhooks come, looking is only the net. */
const heardMs = 5 * 60_000
const longestFailingMs = 60 * 60_000

/**
 * Takes over what moved in connected repositories, told by webhooks or found by looking. One push is written once,
 * whichever of the two comes first, and its runs are made by the same hands as those of a push to Juanie itself.
 */
export class RemoteMoves {
  readonly #db: Database
  readonly #git: GitStore
  readonly #remotes: RemoteRepositories
  readonly #connections: Connections
  readonly #handle: PushHandler
  readonly #failed: (error: unknown) => void
  /** One thing at a time of each connection, in order. */
  readonly #chains = new Map<string, Promise<unknown>>()

  constructor(parts: {
    db: Database
    git: GitStore
    remotes: RemoteRepositories
    connections: Connections
    handle: PushHandler
    failed: (error: unknown) => void
  }) {
    this.#db = parts.db
    this.#git = parts.git
    this.#remotes = parts.remotes
    this.#connections = parts.connections
    this.#handle = parts.handle
    this.#failed = parts.failed
  }

  /**
   * Takes over one move that a webhook tells of. `settle` writes what became of it in the same transaction; when it
   * answers false, somebody else was faster and nothing is written. Refusals are those of the port, and
   * `connection.commit_gone` where the other side has no such commit any more.
   */
  async hear(
    connectionId: string,
    told: { news: RefNews; deliveryId: string },
    settle: (tx: Transaction, heard: Heard) => Promise<boolean>,
  ): Promise<void> {
    await this.#inOrder(connectionId, async () => {
      const connection = await this.#connections.open(connectionId)
      if (!connection) return
      const { news } = told
      await this.#bring(connection, news.after)
      const isBehind = await this.#isBehind(connection, news)
      crashPoint('connection.before.move')
      const written = await this.#db.transaction(async (tx) => {
        await this.#lock(tx, connection)
        const known = await this.#known(tx, connection, news)
        if (known !== null) {
          if (known.id !== null) {
            await tx.update(pushes).set({ deliveryId: told.deliveryId }).where(eq(pushes.id, known.id))
          }
          await settle(tx, { pushId: known.id, isKnown: true })
          return null
        }
        const row = await this.#insert(tx, connection, [{ ...news, deliveryId: told.deliveryId, isBehind }])
        if (!(await settle(tx, { pushId: row[0]!.id, isKnown: false }))) throw new Settled()
        return row[0]!
      })
      crashPoint('connection.after.move')
      if (!written) return
      if (!isBehind) await this.#git.moveRef(connection.repositoryId, news.ref, news.after)
      await this.#act([written])
    }).catch((error) => {
      if (!(error instanceof Settled)) throw error
    })
  }

  /** Looks at the connections whose time has come. Answers how many there were. */
  async turn(): Promise<number> {
    const due = await this.#db
      .select({ id: connections.id })
      .from(connections)
      .where(lte(connections.pollAt, sql`now()`))
      .orderBy(asc(connections.pollAt))
      .limit(batch)
    const waiting = [...due]
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.look(next.id).catch(this.#failed)
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    return due.length
  }

  /** Compares the other side with what is known here, and takes over what differs. */
  async look(connectionId: string): Promise<void> {
    await this.#inOrder(connectionId, async () => {
      const connection = await this.#connections.open(connectionId)
      if (!connection) return
      try {
        const moved = await this.#compare(connection)
        await this.#next(connection, moved)
      } catch (error) {
        await this.#postpone(connection, error)
      }
    })
  }

  async #compare(connection: OpenConnection): Promise<number> {
    const { repositoryId } = connection
    const there = await this.#remotes.list(connection.remote)
    const isFirst = connection.syncedAt === null
    if (isFirst || (await this.#differs(connection, there))) {
      await this.#remotes.fetch(repositoryId, connection.remote)
      crashPoint('connection.fetched')
    }
    const rows = await this.#db.transaction(async (tx) => {
      await this.#lock(tx, connection)
      const defaultBranch = await this.#followDefault(tx, connection, there.defaultBranch)
      const known = await this.#standing(tx, repositoryId)
      const here = await this.#git.refs(repositoryId)
      const moves: RefNews[] = []
      const begun: { repositoryId: string; ref: string; commit: string }[] = []
      for (const ref of new Set([...there.refs.keys(), ...known.keys()])) {
        const now = there.refs.get(ref) ?? null
        const before = known.get(ref) ?? null
        if (now === before || refFault(ref) !== null) continue
        // It moved on between the two looks: the next one sees where it went.
        if (now !== null && here.get(ref) !== now) continue
        // What was there before Juanie came is no push; the default branch begins with a run all the same.
        if (isFirst && ref !== `refs/heads/${defaultBranch}`) begun.push({ repositoryId, ref, commit: now! })
        else if (moves.length < mostMoves) moves.push({ ref, before: before ?? noCommit, after: now ?? noCommit })
      }
      for (let from = 0; from < begun.length; from += 500) {
        await tx
          .insert(repositoryRefs)
          .values(begun.slice(from, from + 500))
          .onConflictDoNothing()
      }
      return this.#insert(
        tx,
        connection,
        moves.map((news) => ({ ...news, deliveryId: null, isBehind: false })),
      )
    })
    await this.#act(rows)
    return rows.length
  }

  async #differs({ repositoryId }: OpenConnection, there: RemoteRefs): Promise<boolean> {
    const here = await this.#git.refs(repositoryId)
    return here.size !== there.refs.size || [...there.refs].some(([ref, id]) => here.get(ref) !== id)
  }

  /** Makes sure that the commit is here. */
  async #bring({ repositoryId, remote }: OpenConnection, commit: string): Promise<void> {
    if (commit === noCommit) return
    const isHere = async () => (await this.#git.commit(repositoryId, commit)) !== null
    if (await isHere()) return
    await this.#remotes.fetch(repositoryId, remote)
    if (await isHere()) return
    if ((await this.#remotes.fetchCommit(repositoryId, remote, commit)) && (await isHere())) return
    const { refs } = await this.#remotes.list(remote)
    if ([...refs.values()].includes(commit)) {
      // It was fetched, and cannot be read: what lies here is damaged.
      await this.#remotes.rebuild(repositoryId, remote)
      if (await isHere()) return
    }
    throw new AppError('not_found', 'connection.commit_gone', {
      message: `The commit ${commit} is not in the repository any more: its branch was pushed over or deleted.`,
    })
  }

  /** Whether the ref had gone on before this was told: its runs are made, and the ref stays where it went. */
  async #isBehind({ repositoryId, remote }: OpenConnection, { ref, before, after }: RefNews): Promise<boolean> {
    const told = (await this.#standing(this.#db, repositoryId)).get(ref) ?? noCommit
    if (told === before || told === after || told === noCommit) return false
    const { refs } = await this.#remotes.list(remote)
    const now = refs.get(ref) ?? noCommit
    return now !== after && (now === told || (await this.#git.isAncestor(repositoryId, after, told)))
  }

  /** The push that this news is of, when it is known; with a null id when only its outcome is. */
  async #known(
    tx: Transaction,
    { repositoryId }: OpenConnection,
    news: RefNews,
  ): Promise<{ id: string | null } | null> {
    const [found] = await tx
      .select({ id: pushes.id, deliveryId: pushes.deliveryId, createdAt: pushes.createdAt })
      .from(pushes)
      .where(
        and(
          eq(pushes.repositoryId, repositoryId),
          eq(pushes.ref, news.ref),
          eq(pushes.after, news.after),
          ne(pushes.status, 'refused'),
        ),
      )
      .orderBy(desc(pushes.id))
      .limit(1)
    const told = (await this.#standing(tx, repositoryId)).get(news.ref) ?? noCommit
    // A branch may go to and fro: a push that was found by looking long ago is another one.
    const isRecent = found !== undefined && Date.now() - found.createdAt.getTime() < recentMs
    if (found?.deliveryId === null && (told !== news.before || isRecent)) return { id: found.id }
    return told === news.after ? { id: null } : null
  }

  /** Where refs stand as far as anybody was told, those included whose runs are still to be made. */
  async #standing(db: Database | Transaction, repositoryId: string): Promise<Map<string, string>> {
    const told = await db.select().from(repositoryRefs).where(eq(repositoryRefs.repositoryId, repositoryId))
    const open = await db
      .select({ ref: pushes.ref, after: pushes.after })
      .from(pushes)
      .where(
        and(
          eq(pushes.repositoryId, repositoryId),
          inArray(pushes.status, ['received', 'accepted']),
          eq(pushes.isBehind, false),
        ),
      )
      .orderBy(asc(pushes.id))
    const known = new Map(told.map(({ ref, commit }) => [ref, commit]))
    for (const { ref, after } of open) {
      if (after === noCommit) known.delete(ref)
      else known.set(ref, after)
    }
    return known
  }

  async #insert(
    tx: Transaction,
    { repositoryId, projectId }: OpenConnection,
    moves: (RefNews & { deliveryId: string | null; isBehind: boolean })[],
  ): Promise<PushRow[]> {
    if (moves.length === 0) return []
    const rows = await tx
      .insert(pushes)
      .values(moves.map((move, place) => ({ repositoryId, projectId, ...move, place, status: 'accepted' as const })))
      .returning()
    return rows.sort((a, b) => a.place - b.place)
  }

  /** What goes wrong here is made good by the sweep of pushes. */
  async #act(rows: PushRow[]): Promise<void> {
    if (rows.length > 0) await this.#handle(rows).catch(this.#failed)
  }

  async #followDefault(tx: Transaction, connection: OpenConnection, branch: string | null): Promise<string | null> {
    if (branch === null || branch === connection.defaultBranch) return connection.defaultBranch
    await tx.update(repositories).set({ defaultBranch: branch }).where(eq(repositories.id, connection.repositoryId))
    await this.#git.setDefaultBranch(connection.repositoryId, branch)
    return branch
  }

  async #next(connection: OpenConnection, moved: number): Promise<void> {
    const quietPolls = moved > 0 ? 0 : Math.min(connection.quietPolls + 1, 1_000)
    const isHeard = connection.heardAt !== null && connection.provider !== 'git'
    const waitMs = Math.min(Math.max(isHeard ? heardMs : 0, shortestMs * (1 + quietPolls / 5)), longestMs)
    await this.#db
      .update(connections)
      .set({ syncedAt: sql`now()`, pollAt: inFuture(waitMs), quietPolls, failure: null, failedSince: null })
      .where(eq(connections.id, connection.id))
  }

  async #postpone(connection: OpenConnection, error: unknown): Promise<void> {
    if (!(error instanceof AppError)) this.#failed(error)
    await this.#db
      .update(connections)
      .set({
        // Each failure waits longer than the one before, by how long it has been so.
        pollAt: sql`now() + least(greatest(now() - coalesce(${connections.failedSince}, now()), interval '1 minute'), ${`${longestFailingMs} milliseconds`}::interval)`,
        failure: messageOf(error).slice(0, 1_000),
        failedSince: sql`coalesce(${connections.failedSince}, now())`,
      })
      .where(eq(connections.id, connection.id))
  }

  /** Whoever writes pushes of this connection does it alone. */
  async #lock(tx: Transaction, connection: OpenConnection): Promise<void> {
    await tx.select({ id: connections.id }).from(connections).where(eq(connections.id, connection.id)).for('update')
  }

  #inOrder<T>(connectionId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#chains.get(connectionId) ?? Promise.resolve()
    const turn = before.catch(() => {}).then(work)
    this.#chains.set(connectionId, turn)
    void turn
      .catch(() => {})
      .finally(() => {
        if (this.#chains.get(connectionId) === turn) this.#chains.delete(connectionId)
      })
    return turn
  }
}

/** Somebody else settled it first; the transaction is taken back. */
class Settled extends Error {}

const inFuture = (ms: number) => sql`now() + ${`${Math.round(ms)} milliseconds`}::interval`

import { type Database, isUniqueViolation, maybeOne, one } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { newSecret, secretHash } from '@juanie/core/ids'
import { asc, eq, sql } from 'drizzle-orm'
import type { Introduction } from './introduction.ts'
import { agents, hosts } from './tables.ts'

export interface AgentIdentity {
  id: string
  hostId: string
  hostName: string
  isLocal: boolean
}

export interface HostView {
  id: string
  name: string
  isLocal: boolean
  /** Whether its agent spoke within the last seconds. */
  isOnline: boolean
  lastSeenAt: string | null
  slots: number
  labels: string[]
  isolation: string | null
  build: string | null
  edge: { state: 'serving' | 'down'; host: string; port: number | null; problem: string | null } | null
}

/** An agent speaks each second; silent for so long, it is shown as away. */
export const awayMs = 5_000
const knownMs = 2_000
const maxKnown = 10_000

/** The machines that act, and the agents that speak for them. */
export class Hosts {
  readonly #db: Database
  readonly #known = new Map<string, { agent: AgentIdentity; until: number }>()

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  /**
   * The host that the server itself runs on, made at the first start. `current` is the content of the agent's token
   * file; a token that is missing or wrong is replaced, since nobody can know the old one.
   */
  async ensureLocal(current: string | null): Promise<{ hostId: string; agentId: string; token: string }> {
    return this.#db.transaction(async (tx) => {
      await tx.insert(hosts).values({ name: 'local', isLocal: true }).onConflictDoNothing()
      const host = await one(tx.select().from(hosts).where(eq(hosts.isLocal, true)).limit(1).for('update'))
      const agent = await maybeOne(tx.select().from(agents).where(eq(agents.hostId, host.id)))
      if (agent && current && agent.tokenHash === secretHash(current)) {
        return { hostId: host.id, agentId: agent.id, token: current }
      }
      const token = newSecret('jag')
      const { id } = await one(
        tx
          .insert(agents)
          .values({ hostId: host.id, tokenHash: secretHash(token), labels: [] })
          .onConflictDoUpdate({ target: agents.hostId, set: { tokenHash: secretHash(token) } })
          .returning({ id: agents.id }),
      )
      this.#known.clear()
      return { hostId: host.id, agentId: id, token }
    })
  }

  /** Registers another machine; the token is shown once, for `juanie agent --token-file`. */
  async add(name: string): Promise<{ hostId: string; token: string }> {
    const token = newSecret('jag')
    try {
      return await this.#db.transaction(async (tx) => {
        const host = await one(tx.insert(hosts).values({ name }).returning({ id: hosts.id }))
        await tx.insert(agents).values({ hostId: host.id, tokenHash: secretHash(token), labels: [] })
        return { hostId: host.id, token }
      })
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      throw new AppError('conflict', 'host.name_taken', {
        message: `There is already a host named ${name}; choose another name.`,
        cause: error,
      })
    }
  }

  /** Whose token this is; refuses with `unauthenticated`. Asked on every call of every agent, so it remembers briefly. */
  async authenticate(token: string | null): Promise<AgentIdentity> {
    if (token === null || token === '') throw unknownAgent()
    const hash = secretHash(token)
    const known = this.#known.get(hash)
    if (known && known.until > performance.now()) return known.agent
    const agent = await maybeOne(
      this.#db
        .select({ id: agents.id, hostId: agents.hostId, hostName: hosts.name, isLocal: hosts.isLocal })
        .from(agents)
        .innerJoin(hosts, eq(hosts.id, agents.hostId))
        .where(eq(agents.tokenHash, hash)),
    )
    if (!agent) throw unknownAgent()
    if (this.#known.size >= maxKnown) this.#known.clear()
    this.#known.set(hash, { agent, until: performance.now() + knownMs })
    return agent
  }

  /**
   * Writes down who speaks for the host now. `isNew`: it is another process than before, so whatever the old one
   * worked on and this one does not hold is gone; its reports count from 1 again.
   */
  async introduce(agent: AgentIdentity, words: Introduction): Promise<{ isNew: boolean }> {
    return this.#db.transaction(async (tx) => {
      const row = await one(
        tx.select({ incarnation: agents.incarnation }).from(agents).where(eq(agents.id, agent.id)).for('update'),
      )
      const isNew = row.incarnation !== words.incarnation
      await tx
        .update(agents)
        .set({
          incarnation: words.incarnation,
          ...(isNew && { lastReport: 0 }),
          slots: words.slots,
          labels: words.labels,
          isolation: words.isolation,
          build: words.build,
          lastSeenAt: sql`now()`,
        })
        .where(eq(agents.id, agent.id))
      return { isNew }
    })
  }

  async list(): Promise<HostView[]> {
    const rows = await this.#db
      .select({
        host: hosts,
        agent: agents,
        isOnline: sql<boolean>`coalesce(${agents.lastSeenAt} > now() - ${`${awayMs} milliseconds`}::interval, false)`,
      })
      .from(hosts)
      .leftJoin(agents, eq(agents.hostId, hosts.id))
      .orderBy(asc(hosts.name))
      .limit(1000)
    return rows.map(({ host, agent, isOnline }) => ({
      id: host.id,
      name: host.name,
      isLocal: host.isLocal,
      isOnline,
      lastSeenAt: agent?.lastSeenAt?.toISOString() ?? null,
      slots: agent?.slots ?? 0,
      labels: agent?.labels ?? [],
      isolation: agent?.isolation ?? null,
      build: agent?.build ?? null,
      edge: agent?.edge ?? null,
    }))
  }
}

const unknownAgent = () =>
  new AppError('unauthenticated', 'agent.token_invalid', {
    message: 'This agent token is not known here. Give the agent the token that the server made for its host.',
  })

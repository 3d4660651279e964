import type { Queryable } from '@juanie/core/database'
import { eq, isNotNull, sql } from 'drizzle-orm'
import { awayMs } from '../hosts/index.ts'
import { agents, hosts } from '../hosts/tables.ts'

/** Agents that jobs may wait for. */
export async function knownAgents(db: Queryable) {
  const rows = await db
    .select({
      id: agents.id,
      name: hosts.name,
      labels: agents.labels,
      slots: agents.slots,
      held: sql<number>`(
        select count(*)::int from jobs h where h.agent_id = ${agents.id} and h.status in ('leased', 'running')
      )`,
      isOnline: sql<boolean>`coalesce(${agents.lastSeenAt} > now() - ${`${awayMs} milliseconds`}::interval, false)`,
    })
    .from(agents)
    .innerJoin(hosts, eq(hosts.id, agents.hostId))
    // One that has never come has said nothing of itself.
    .where(isNotNull(agents.incarnation))
    .limit(1000)
  return { agents: rows, names: new Map(rows.map(({ id, name }) => [id, name])) }
}

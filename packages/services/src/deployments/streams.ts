import type { Queryable, Transaction } from '@juanie/core/database'
import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { InstanceStreams, StreamRow } from '../runs/port.ts'
import { deployments, instances } from './tables.ts'

/** The log streams of instances, for whoever stores the lines that agents send. */
export const instanceStreams: InstanceStreams = {
  async lock(tx: Transaction, hostId: string, instanceIds: string[]): Promise<Map<string, StreamRow>> {
    if (instanceIds.length === 0) return new Map()
    const rows = await tx
      .select({ id: instances.id, projectId: instances.projectId, lines: instances.lines })
      .from(instances)
      .where(and(eq(instances.hostId, hostId), inArray(instances.id, instanceIds)))
      .orderBy(asc(instances.id))
      .for('no key update')
    return new Map(rows.map((row) => [row.id, row]))
  },

  async save(tx: Transaction, lines: Map<string, number>): Promise<void> {
    if (lines.size === 0) return
    const values = JSON.stringify([...lines].map(([id, count]) => ({ id, count })))
    await tx.execute(sql`
      update ${instances} i set lines = v.count
        from jsonb_to_recordset(${values}::jsonb) as v(id uuid, count int) where i.id = v.id`)
  },
}

/** One instance whose lines can be read. */
export interface LogSource {
  instanceId: string
  service: string
  index: number
  deployment: number
  /** Stored lines. */
  lines: number
  /** It ended for good: no line will follow. */
  isOver: boolean
}

const most = 200

/** Whose lines an environment has to show: what runs there, and what the latest deployment started. */
export async function sourcesOf(
  db: Queryable,
  wish: { projectId: string; environmentId: string } | { projectId: string; instanceId: string },
): Promise<LogSource[]> {
  const which =
    'instanceId' in wish
      ? eq(instances.id, wish.instanceId)
      : and(
          eq(instances.environmentId, wish.environmentId),
          sql`(${instances.want} = 'running' or ${instances.deploymentId} = (
            select d.id from ${deployments} d where d.environment_id = ${wish.environmentId} order by d.number desc limit 1))`,
        )
  const rows = await db
    .select({
      instanceId: instances.id,
      service: instances.service,
      index: instances.index,
      deployment: deployments.number,
      lines: instances.lines,
      want: instances.want,
      state: instances.state,
    })
    .from(instances)
    .innerJoin(deployments, eq(deployments.id, instances.deploymentId))
    .where(and(eq(instances.projectId, wish.projectId), which))
    .orderBy(asc(instances.id))
    .limit(most)
  return rows.map(({ want, state, ...row }) => ({
    ...row,
    isOver: want === 'gone' || (want === 'stopped' && state === 'stopped'),
  }))
}

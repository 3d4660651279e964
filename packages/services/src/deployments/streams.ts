import type { Transaction } from '@juanie/core/database'
import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { InstanceStreams, StreamRow } from '../runs/port.ts'
import { instances } from './tables.ts'

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

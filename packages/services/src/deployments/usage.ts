import type { Database } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import type { InstanceUsage } from '../hosts/contract.ts'
import { instances } from './tables.ts'

/** Writes down what the instances of a host use. It is no event: whoever looks asks again. */
export async function storeUsage(db: Database, hostId: string, usage: readonly InstanceUsage[]): Promise<void> {
  if (usage.length === 0) return
  await db.execute(sql`
    update ${instances} i set memory_bytes = u."memoryBytes", cpu = u.cpu, measured_at = now()
      from jsonb_to_recordset(${JSON.stringify(usage)}::jsonb) as u(id uuid, "memoryBytes" bigint, cpu real)
     where i.id = u.id and i.host_id = ${hostId} and i.want <> 'gone'`)
}

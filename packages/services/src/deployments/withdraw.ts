import type { Transaction } from '@juanie/core/database'
import { and, eq, isNull, ne, notInArray } from 'drizzle-orm'
import { finalStatuses } from './contract.ts'
import { bumpRevision } from './edits.ts'
import { lockHost } from './load.ts'
import { deployments, instances } from './tables.ts'
import { callFor } from './transition.ts'

/** Takes everything of a project off its hosts, and cancels what is under way or in line. */
export async function withdrawProject(tx: Transaction, projectId: string, now: number): Promise<void> {
  const wanted = and(eq(instances.projectId, projectId), ne(instances.want, 'gone'))
  const rows = await tx.selectDistinct({ hostId: instances.hostId }).from(instances).where(wanted)
  const hostIds = rows.map(({ hostId }) => hostId).sort()
  for (const hostId of hostIds) await lockHost(tx, hostId)
  await tx
    .update(instances)
    .set({ want: 'gone', stoppedAt: new Date(now) })
    .where(wanted)
  const open = await tx
    .update(deployments)
    .set({ cancelRequestedAt: new Date(now), cancelReason: 'the project was deleted' })
    .where(
      and(
        eq(deployments.projectId, projectId),
        isNull(deployments.cancelRequestedAt),
        notInArray(deployments.status, [...finalStatuses]),
      ),
    )
    .returning({ id: deployments.id })
  for (const { id } of open) await callFor(tx, id)
  for (const hostId of hostIds) await bumpRevision(tx, hostId)
}

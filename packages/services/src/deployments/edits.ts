import type { Transaction } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { and, eq, inArray, ne, sql } from 'drizzle-orm'
import { hosts } from '../hosts/tables.ts'
import { routes } from '../routes/tables.ts'
import { logChunks } from '../runs/tables.ts'
import type { Loaded } from './load.ts'
import type { Edit } from './plan.ts'
import { instances } from './tables.ts'
import { desiredChannel } from './transition.ts'

/** Writes what a decision wants of the host. Safe to repeat. True when desired state is another one now. */
export async function applyEdits(tx: Transaction, { facts, row }: Loaded, edits: Edit[]): Promise<boolean> {
  for (const edit of edits) await applyEdit(tx, { facts, row }, edit)
  if (edits.length === 0) return false
  await bumpRevision(tx, row.hostId)
  return true
}

/** Every edit of what a host should do gives it a new revision, in the same transaction. */
export async function bumpRevision(tx: Transaction, hostId: string): Promise<void> {
  await tx
    .update(hosts)
    .set({ revision: sql`${hosts.revision} + 1` })
    .where(eq(hosts.id, hostId))
  await tx.execute(sql`select pg_notify(${desiredChannel}, ${hostId})`)
}

async function applyEdit(tx: Transaction, { facts, row }: Loaded, edit: Edit): Promise<void> {
  const { environmentId, projectId, hostId, id: deploymentId } = row
  switch (edit.kind) {
    case 'add instances': {
      if (edit.places.length === 0) return
      const places = edit.places.map((place) => ({
        ...place,
        id: uuidv7(),
        projectId,
        environmentId,
        deploymentId,
        hostId,
      }))
      await tx.insert(instances).values(places).onConflictDoNothing()
      return
    }
    case 'want':
      await tx
        .update(instances)
        .set({ want: edit.want, ...(edit.want === 'gone' && { stoppedAt: new Date(facts.now) }) })
        .where(inArray(instances.id, edit.ids))
      return
    case 'stop others':
      await tx
        .update(instances)
        .set({ want: 'stopped' })
        .where(
          and(
            eq(instances.environmentId, environmentId),
            ne(instances.deploymentId, deploymentId),
            eq(instances.want, 'running'),
          ),
        )
      return
    case 'add routes':
      await tx
        .insert(routes)
        .values(
          edit.hostnames.map((hostname) => ({
            projectId,
            environmentId,
            hostname,
            isDefault: hostname === facts.deployment.snapshot.hostname,
          })),
        )
        .onConflictDoNothing()
      return
    case 'drop routes':
      await tx.delete(routes).where(inArray(routes.id, edit.ids))
      return
    case 'route':
      await tx
        .update(routes)
        .set({
          generation: sql`${routes.generation} + 1`,
          servingDeploymentId: edit.serving,
          standbyDeploymentId: edit.standby,
          isSoaking: edit.isSoaking,
          updatedAt: new Date(facts.now),
        })
        .where(eq(routes.id, edit.id))
  }
}

const mostLines = 5
const mostCharacters = 600

/** The last things an instance said, for the reason of a failure; null when nothing was stored. */
export async function lastWords(tx: Transaction, instanceId: string): Promise<string | null> {
  const chunks = await tx
    .select({ lines: logChunks.lines })
    .from(logChunks)
    .where(eq(logChunks.streamId, instanceId))
    .orderBy(sql`${logChunks.firstSeq} desc`)
    .limit(3)
  const lines = chunks
    .reverse()
    .flatMap(({ lines }) => lines.split('\n').filter((line) => line !== ''))
    .slice(-mostLines)
    .map((line) => String((JSON.parse(line) as [number, string])[1]).trim())
    .filter((line) => line !== '')
  if (lines.length === 0) return null
  return lines.join(' ⏎ ').slice(-mostCharacters)
}

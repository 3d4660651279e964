import type { Transaction } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { and, eq, inArray, ne, sql } from 'drizzle-orm'
import { routes } from '../routes/tables.ts'
import type { Loaded } from './load.ts'
import type { Edit } from './plan.ts'
import { instances } from './tables.ts'
import { desiredChannel } from './transition.ts'
import type { InstanceFacts, Place } from './version.ts'

/**
 * Writes what a decision wants of the host, and into the facts what is true then, so that nothing must be read again.
 * The host is locked: nobody else changes any of it meanwhile.
 */
export async function applyEdits(tx: Transaction, loaded: Loaded, edits: Edit[]): Promise<void> {
  for (const edit of edits) await applyEdit(tx, loaded, edit)
}

/** Every edit of what a host should do gives it a new revision, in the same transaction. */
export const bumpRevision = (tx: Transaction, hostId: string) =>
  tx.execute(sql`
    with bumped as (update hosts set revision = revision + 1 where id = ${hostId} returning id)
    select pg_notify(${desiredChannel}, id::text) from bumped`)

const born = (place: Place): InstanceFacts => ({
  ...place,
  id: uuidv7(),
  want: 'running',
  state: 'waiting',
  reason: null,
  restarts: 0,
  exitCode: null,
  exitSignal: null,
  good: 0,
})

async function applyEdit(tx: Transaction, { facts, row }: Loaded, edit: Edit): Promise<void> {
  const { environmentId, projectId, hostId, id: deploymentId } = row
  const known = () => [...facts.deployment.instances, ...(facts.replaced?.instances ?? [])]
  const at = { projectId, environmentId, hostId }
  switch (edit.kind) {
    case 'add instances': {
      if (edit.places.length === 0) return
      const added = edit.places.map(born)
      await tx
        .insert(instances)
        .values(added.map(({ id, kind, service, index }) => ({ id, kind, service, index, deploymentId, ...at })))
      facts.deployment.instances.push(...added)
      return
    }
    case 'want': {
      const stoppedAt = new Date(facts.now)
      await tx
        .update(instances)
        .set({ want: edit.want, ...(edit.want === 'gone' && { stoppedAt }) })
        .where(inArray(instances.id, edit.ids))
      for (const one of known()) if (edit.ids.includes(one.id)) one.want = edit.want
      return
    }
    case 'revive': {
      const { replaced } = facts
      if (!replaced) return
      const gone = replaced.instances.filter(({ id }) => edit.ids.includes(id))
      const revived = gone.map(born)
      const rows = await tx
        .update(instances)
        .set({ want: 'gone', stoppedAt: new Date(facts.now) })
        .where(inArray(instances.id, edit.ids))
        .returning({ service: instances.service, index: instances.index, life: instances.life })
      const lifeOf = ({ service, index }: Place) =>
        1 + (rows.find((one) => one.service === service && one.index === index)?.life ?? 0)
      await tx.insert(instances).values(
        revived.map((one) => {
          const { id, kind, service, index } = one
          return { id, kind, service, index, life: lifeOf(one), deploymentId: replaced.id, ...at }
        }),
      )
      replaced.instances = [...replaced.instances.filter(({ id }) => !edit.ids.includes(id)), ...revived]
      return
    }
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
    case 'add routes': {
      const added = await tx
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
        .returning()
      facts.routes.push(...added)
      const isThere = new Set(added.map(({ hostname }) => hostname))
      facts.takenHostnames.push(...edit.hostnames.filter((hostname) => !isThere.has(hostname)))
      return
    }
    case 'drop routes':
      await tx.delete(routes).where(inArray(routes.id, edit.ids))
      facts.routes = facts.routes.filter(({ id }) => !edit.ids.includes(id))
      return
    case 'route': {
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
      const route = facts.routes.find(({ id }) => id === edit.id)
      if (route) Object.assign(route, { generation: route.generation + 1, servingDeploymentId: edit.serving })
    }
  }
}

import type { Database } from '@juanie/core/database'
import { record } from '@juanie/core/events'
import { systemScope } from '@juanie/core/scope'
import { and, asc, eq, gt, inArray, isNull, notInArray, sql } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { agents } from '../hosts/tables.ts'
import { projects } from '../projects/tables.ts'
import { activeStatuses, finalStatuses, flagAfterMs } from './contract.ts'
import { isConnected } from './load.ts'
import { deployments } from './tables.ts'

const page = 500

/** Every deployment that is not over, oldest first. */
export async function* openDeployments(db: Database): AsyncGenerator<string> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await db
      .select({ id: deployments.id })
      .from(deployments)
      .where(and(gt(deployments.id, after), notInArray(deployments.status, [...finalStatuses])))
      .orderBy(asc(deployments.id))
      .limit(page)
    for (const { id } of rows) yield id
    if (rows.length < page) return
    after = rows.at(-1)!.id
  }
}

/** Marks what has been under way for too long, once, so that a person is asked. */
export async function flagSlow(db: Database, now: number): Promise<number> {
  return db.transaction(async (tx) => {
    const rows = await tx
      .update(deployments)
      .set({ flaggedAt: new Date(now) })
      .where(
        and(
          inArray(deployments.status, [...activeStatuses]),
          isNull(deployments.flaggedAt),
          sql`(${deployments.stages}->>'preparing')::bigint <= ${now - flagAfterMs}`,
        ),
      )
      .returning({
        id: deployments.id,
        number: deployments.number,
        projectId: deployments.projectId,
        environmentId: deployments.environmentId,
        status: deployments.status,
      })
    for (const row of rows) {
      const [project] = await tx
        .select({ organizationId: projects.organizationId })
        .from(projects)
        .where(eq(projects.id, row.projectId))
      if (!project) continue
      await record(tx, systemScope(project.organizationId, row.projectId), 'deployment.flagged', {
        subjectId: row.id,
        data: { number: row.number, environmentId: row.environmentId, status: row.status },
      })
    }
    return rows.length
  })
}

/** Nobody can say how an environment is whose agent is silent; the agent's next word ends it. */
export async function doubtSilentHosts(db: Database): Promise<void> {
  await db
    .update(environments)
    .set({ health: 'unknown', sync: 'unknown', updatedAt: sql`now()` })
    .where(
      and(
        sql`${environments.health} not in ('missing', 'unknown')`,
        sql`exists (select 1 from ${agents} where ${agents.hostId} = ${environments.hostId} and not ${isConnected})`,
      ),
    )
}

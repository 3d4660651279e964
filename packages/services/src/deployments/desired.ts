import type { Database, Transaction } from '@juanie/core/database'
import { maybeOne } from '@juanie/core/database'
import { and, asc, eq, inArray, isNull } from 'drizzle-orm'
import { fillSecrets } from '../applications/index.ts'
import { environments } from '../environments/tables.ts'
import type { Desired, DesiredInstance, DesiredRoute, DesiredTask } from '../hosts/contract.ts'
import { hosts } from '../hosts/tables.ts'
import { projects } from '../projects/tables.ts'
import { routes } from '../routes/tables.ts'
import type { Secrets } from '../secrets/index.ts'
import type { Snapshot } from './contract.ts'
import { routedHostnames } from './plan.ts'
import { desiredInstance, desiredTask, type FilledSnapshot } from './processes.ts'
import { deployments, instances } from './tables.ts'

/** Deployments of which the opened snapshot is remembered; they never change. */
const mostRemembered = 300

/** What should be true on a host, read from the rows. */
export class DesiredStates {
  readonly #db: Database
  readonly #secrets: Secrets
  readonly #remembered = new Map<string, FilledSnapshot>()

  constructor(parts: { db: Database; secrets: Secrets }) {
    this.#db = parts.db
    this.#secrets = parts.secrets
  }

  /**
   * All of one host, from one moment of the database. A deployment whose secrets cannot be opened refuses the whole
   * answer: the agent goes on with what it has.
   */
  async of(hostId: string): Promise<Desired> {
    return this.#db.transaction(
      async (tx) => {
        const host = await maybeOne(tx.select({ revision: hosts.revision }).from(hosts).where(eq(hosts.id, hostId)))
        if (!host) return { revision: 0, instances: [], tasks: [], routes: [] }
        const rows = await wanted(tx, hostId)
        const snapshots = await this.#open(tx, [...new Set(rows.map(({ deploymentId }) => deploymentId))])
        const filled = (deploymentId: string) => snapshots.get(deploymentId)!
        const places = new Map<string, string[]>()
        for (const { id, deploymentId, service, kind } of rows) {
          if (kind === 'task') continue
          const key = `${deploymentId}/${service}`
          places.set(key, [...(places.get(key) ?? []), id])
        }
        const idsOf = (deploymentId: string, service: string) => places.get(`${deploymentId}/${service}`) ?? []
        const desired: Desired = { revision: host.revision, instances: [], tasks: [], routes: [] }
        for (const row of rows) {
          if (row.kind === 'task') desired.tasks.push(desiredTask(row, filled(row.deploymentId)) satisfies DesiredTask)
          else
            desired.instances.push(
              desiredInstance(row, filled(row.deploymentId), (service) =>
                idsOf(row.deploymentId, service),
              ) satisfies DesiredInstance,
            )
        }
        for (const route of await routesOf(tx, hostId)) {
          const target = (deploymentId: string | null) => {
            const snapshot = deploymentId === null ? null : snapshots.get(deploymentId)?.snapshot
            const service = snapshot && routedHostnames(snapshot).get(route.hostname)
            if (!deploymentId || !service) return null
            return { deploymentId, instanceIds: idsOf(deploymentId, service) }
          }
          const serving = target(route.servingDeploymentId)
          const soakMs = route.servingDeploymentId && snapshots.get(route.servingDeploymentId)?.snapshot.soakMs
          const isSoaking = route.isSoaking && serving !== null && typeof soakMs === 'number'
          desired.routes.push({
            hostname: route.hostname,
            environmentId: route.environmentId,
            generation: route.generation,
            serving,
            soak: isSoaking ? { soakMs, standby: target(route.standbyDeploymentId) } : null,
          } satisfies DesiredRoute)
        }
        return desired
      },
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    )
  }

  async #open(tx: Transaction, ids: string[]): Promise<Map<string, FilledSnapshot>> {
    const missing = ids.filter((id) => !this.#remembered.has(id))
    if (missing.length > 0) {
      const rows = await tx
        .select({
          id: deployments.id,
          projectId: deployments.projectId,
          organizationId: projects.organizationId,
          snapshot: deployments.snapshot,
        })
        .from(deployments)
        .innerJoin(projects, eq(projects.id, deployments.projectId))
        .where(inArray(deployments.id, missing))
      for (const row of rows) this.#remember(row.id, await this.#fill(tx, row))
    }
    return new Map(ids.flatMap((id) => (this.#remembered.has(id) ? [[id, this.#remembered.get(id)!]] : [])))
  }

  async #fill(
    tx: Transaction,
    row: { projectId: string; organizationId: string; snapshot: Snapshot },
  ): Promise<FilledSnapshot> {
    const { snapshot } = row
    const secrets = await this.#secrets.open(tx, row, snapshot.secrets)
    return { snapshot, secrets, application: fillSecrets(snapshot.application, secrets) }
  }

  #remember(id: string, filled: FilledSnapshot): void {
    if (this.#remembered.size >= mostRemembered) {
      const [oldest] = this.#remembered.keys()
      if (oldest) this.#remembered.delete(oldest)
    }
    this.#remembered.set(id, filled)
  }
}

const wanted = (tx: Transaction, hostId: string) =>
  tx
    .select({
      id: instances.id,
      projectId: instances.projectId,
      environmentId: instances.environmentId,
      deploymentId: instances.deploymentId,
      service: instances.service,
      index: instances.index,
      kind: instances.kind,
      want: instances.want,
    })
    .from(instances)
    .innerJoin(environments, eq(environments.id, instances.environmentId))
    .innerJoin(projects, eq(projects.id, instances.projectId))
    .where(
      and(
        eq(instances.hostId, hostId),
        inArray(instances.want, ['running', 'stopped']),
        isNull(environments.deletedAt),
        isNull(projects.deletedAt),
      ),
    )
    .orderBy(asc(instances.id))

const routesOf = (tx: Transaction, hostId: string) =>
  tx
    .select({
      hostname: routes.hostname,
      environmentId: routes.environmentId,
      generation: routes.generation,
      servingDeploymentId: routes.servingDeploymentId,
      standbyDeploymentId: routes.standbyDeploymentId,
      isSoaking: routes.isSoaking,
    })
    .from(routes)
    .innerJoin(environments, eq(environments.id, routes.environmentId))
    .innerJoin(projects, eq(projects.id, routes.projectId))
    .where(and(eq(environments.hostId, hostId), isNull(environments.deletedAt), isNull(projects.deletedAt)))
    .orderBy(asc(routes.hostname))

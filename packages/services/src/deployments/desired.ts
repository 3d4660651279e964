import type { Database } from '@juanie/core/database'
import { eq, inArray, sql } from 'drizzle-orm'
import { fillSecrets } from '../applications/index.ts'
import type { Desired } from '../hosts/contract.ts'
import { projects } from '../projects/tables.ts'
import type { Secrets } from '../secrets/index.ts'
import type { Snapshot } from './contract.ts'
import { desiredInstance, desiredTask, type FilledSnapshot, type ProcessRow } from './processes.ts'
import { deployments } from './tables.ts'
import { routedHostnames } from './version.ts'

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
    const { revision, instances: rows, routes: allRoutes } = await wanted(this.#db, hostId)
    const snapshots = await this.#open([...new Set(rows.map(({ deploymentId }) => deploymentId))])
    const filled = (deploymentId: string) => snapshots.get(deploymentId)!
    const places = new Map<string, string[]>()
    for (const { id, deploymentId, service, kind } of rows) {
      if (kind === 'task') continue
      const key = `${deploymentId}/${service}`
      places.set(key, [...(places.get(key) ?? []), id])
    }
    const idsOf = (deploymentId: string, service: string) => places.get(`${deploymentId}/${service}`) ?? []
    const desired: Desired = { revision, instances: [], tasks: [], routes: [] }
    for (const row of rows) {
      const { deploymentId } = row
      if (row.kind === 'task') desired.tasks.push(desiredTask(row, filled(deploymentId)))
      else desired.instances.push(desiredInstance(row, filled(deploymentId), (name) => idsOf(deploymentId, name)))
    }
    for (const route of allRoutes) {
      const target = (deploymentId: string | null) => {
        const snapshot = deploymentId === null ? null : snapshots.get(deploymentId)?.snapshot
        const service = snapshot && routedHostnames(snapshot).get(route.hostname)
        return deploymentId && service ? { deploymentId, instanceIds: idsOf(deploymentId, service) } : null
      }
      const { hostname, environmentId, generation, servingDeploymentId } = route
      const serving = target(servingDeploymentId)
      const soakMs = route.isSoaking && serving ? filled(serving.deploymentId).snapshot.soakMs : null
      const soak = soakMs === null ? null : { soakMs, standby: target(route.standbyDeploymentId) }
      desired.routes.push({ hostname, environmentId, generation, serving, soak })
    }
    return desired
  }

  /** Snapshots never change, so they may be read after the rest. */
  async #open(ids: string[]): Promise<Map<string, FilledSnapshot>> {
    const missing = ids.filter((id) => !this.#remembered.has(id))
    if (missing.length > 0) {
      const rows = await this.#db
        .select({
          id: deployments.id,
          projectId: deployments.projectId,
          organizationId: projects.organizationId,
          snapshot: deployments.snapshot,
        })
        .from(deployments)
        .innerJoin(projects, eq(projects.id, deployments.projectId))
        .where(inArray(deployments.id, missing))
      for (const row of rows) this.#remember(row.id, await this.#fill(row))
    }
    return new Map(ids.flatMap((id) => (this.#remembered.has(id) ? [[id, this.#remembered.get(id)!]] : [])))
  }

  async #fill(row: { projectId: string; organizationId: string; snapshot: Snapshot }): Promise<FilledSnapshot> {
    const { snapshot } = row
    const secrets = await this.#secrets.open(this.#db, row, snapshot.secrets)
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

interface Wanted extends Record<string, unknown> {
  revision: number
  instances: (ProcessRow & { kind: 'instance' | 'task' })[]
  routes: {
    hostname: string
    environmentId: string
    generation: number
    servingDeploymentId: string | null
    standbyDeploymentId: string | null
    isSoaking: boolean
  }[]
}

/** One statement, so that all of it is of one moment; what is deleted is not wanted. */
async function wanted(db: Database, hostId: string): Promise<Wanted> {
  const isThere = (alias: string) =>
    sql.raw(`exists (select 1 from environments e join projects p on p.id = e.project_id
      where e.id = ${alias}.environment_id and e.deleted_at is null and p.deleted_at is null)`)
  const { rows } = await db.execute<Wanted>(sql`
    select h.revision::float8 as revision,
      (select coalesce(json_agg(json_build_object(
          'id', i.id, 'projectId', i.project_id, 'environmentId', i.environment_id, 'deploymentId', i.deployment_id,
          'service', i.service, 'index', i.index, 'kind', i.kind, 'want', i.want) order by i.id), '[]')
         from instances i where i.host_id = h.id and i.want <> 'gone' and ${isThere('i')}) as instances,
      (select coalesce(json_agg(json_build_object(
          'hostname', r.hostname, 'environmentId', r.environment_id, 'generation', r.generation,
          'servingDeploymentId', r.serving_deployment_id, 'standbyDeploymentId', r.standby_deployment_id,
          'isSoaking', r.is_soaking) order by r.hostname), '[]')
         from routes r join environments x on x.id = r.environment_id
        where x.host_id = h.id and ${isThere('r')}) as routes
      from hosts h where h.id = ${hostId}`)
  return rows[0] ?? { revision: 0, instances: [], routes: [] }
}

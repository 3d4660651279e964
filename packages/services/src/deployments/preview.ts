import type { Transaction } from '@juanie/core/database'
import type { ProjectScope } from '@juanie/core/scope'
import { eq } from 'drizzle-orm'
import type { BlobStore } from '../releases/port.ts'
import { releases } from '../releases/tables.ts'
import { changesBetween } from './changes.ts'
import type { DeploymentPlan, ReleaseName, Snapshot } from './contract.ts'
import { servingIn } from './load.ts'
import type { Prepared } from './requests.ts'
import { digestOf } from './snapshot.ts'
import { findDeployment, type ReleaseRecord, type StartParts } from './start.ts'
import { readBehind, warningsOf } from './views.ts'

const nameOf = ({ id, number, digest, commit }: ReleaseRecord): ReleaseName => ({ id, number, digest, commit })

/** A request as it would be carried out, beside what serves now. Nothing is written. */
export async function planDeployment(
  parts: StartParts & { blobs: BlobStore },
  scope: ProjectScope,
  ask: (tx: Transaction) => Promise<Prepared>,
): Promise<DeploymentPlan> {
  return parts.db.transaction(async (tx) => {
    const { environment, release, snapshot, kind, snapshotOf } = await ask(tx)
    const serving = await servingIn(tx, environment.id)
    const current = serving ? await findDeployment(tx, scope.projectId, serving) : null
    const [currentRelease] = current ? await tx.select().from(releases).where(eq(releases.id, current.releaseId)) : []
    const digest = digestOf(snapshot)
    const found = await parts.blobs.stat(snapshot.bundle)
    const { application } = snapshot
    return {
      environment: { id: environment.id, name: environment.name },
      release: nameOf(release),
      kind,
      snapshotOf: snapshotOf ? { id: snapshotOf.id, number: snapshotOf.number } : null,
      digest,
      current:
        current && currentRelease
          ? { id: current.id, number: current.number, digest: current.digest, release: nameOf(currentRelease) }
          : null,
      changes: changesBetween(current?.snapshot ?? null, snapshot),
      rotated: await rotatedSince(tx, parts, { scope, environmentId: environment.id, snapshot }),
      problems: found ? [] : [`The bundle ${snapshot.bundle} is not in the store.`],
      ...warningsOf(application),
      notHonoured: application.notHonoured,
      behind: await readBehind(tx, environment.id),
    }
  })
}

async function rotatedSince(
  tx: Transaction,
  parts: StartParts,
  { scope, environmentId, snapshot }: { scope: ProjectScope; environmentId: string; snapshot: Snapshot },
): Promise<DeploymentPlan['rotated']> {
  if (snapshot.secrets.length === 0) return []
  const { organizationId, projectId } = scope
  const { secrets } = await parts.secrets.freeze(tx, { organizationId, projectId, environmentId })
  const latest = new Map(secrets.map((one) => [one.name, one]))
  return snapshot.secrets.flatMap(({ name, version, versionId }) => {
    const now = latest.get(name)
    return now?.versionId === versionId ? [] : [{ name, version, latest: now?.version ?? null }]
  })
}

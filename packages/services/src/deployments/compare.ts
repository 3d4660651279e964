import type { Database } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import type { ProjectScope } from '@juanie/core/scope'
import { eq } from 'drizzle-orm'
import { changesBetween } from './changes.ts'
import type { Change, DeploymentRow, Snapshot, SnapshotView, StageView } from './contract.ts'
import { rowOf, selectDeployments, type UrlOf } from './rows.ts'
import { findDeployment } from './start.ts'
import { deployments } from './tables.ts'
import { snapshotView, stagesOf } from './views.ts'

interface ComparedDeployment extends DeploymentRow {
  digest: string
  stages: StageView[]
  snapshot: SnapshotView
}

/** Two deployments of a project side by side; `changes` lead from the first to the second. */
export interface DeploymentComparison {
  a: ComparedDeployment
  b: ComparedDeployment
  changes: Change[]
}

/** Compares what two deployments froze, of whatever environments. Secrets show their versions. */
export async function compareDeployments(
  db: Database,
  scope: ProjectScope,
  wish: { a: string | number; b: string | number; url: UrlOf },
): Promise<DeploymentComparison> {
  const [a, b] = [await compared(db, scope, wish.a, wish.url), await compared(db, scope, wish.b, wish.url)]
  return { a: a.shown, b: b.shown, changes: changesBetween(a.snapshot, b.snapshot) }
}

async function compared(
  db: Database,
  scope: ProjectScope,
  reference: string | number,
  url: UrlOf,
): Promise<{ shown: ComparedDeployment; snapshot: Snapshot }> {
  const { id, snapshot } = await db.transaction((tx) => findDeployment(tx, scope.projectId, reference))
  const [joined] = await selectDeployments(db).where(eq(deployments.id, id))
  if (!joined) throw notFound('deployment')
  const { digest, stages, finishedAt } = joined.deployment
  const shown = {
    ...(await rowOf(joined, url)),
    digest,
    stages: stagesOf(stages, finishedAt),
    snapshot: snapshotView(snapshot),
  }
  return { shown, snapshot }
}

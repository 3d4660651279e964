import { RunArtifacts } from '@juanie/services/artifacts'
import { Sessions, SignInLimits } from '@juanie/services/auth'
import { Caches } from '@juanie/services/caches'
import { RemoteMoves } from '@juanie/services/connections'
import { Deployments } from '@juanie/services/deployments'
import { IdTokens } from '@juanie/services/identity'
import { Reports } from '@juanie/services/reports'
import { Pushes, Repositories } from '@juanie/services/repositories'
import { Traffic } from '@juanie/services/routes'
import { LeaseJudge, RunCleaning } from '@juanie/services/runs'
import { StoredFiles } from '@juanie/services/storage'
import { Webhooks } from '@juanie/services/webhooks'
import type { HttpDeps } from './http/deps.ts'

const hourMs = 3_600_000
const pushSweepMs = 5_000
const resumeMs = 60_000
/** So long after its upload the tests of a run are seen at the latest. */
const reportMs = 3_000
/** Calls of forges are kept for so long, to look at and to replay. */
const deliveryKeptMs = 30 * 24 * hourMs
/** A deleted project's repository can be brought back for so long. */
const folderKeptMs = 7 * 24 * hourMs

/** The jobs of all domains, and the sweeps that find what a lost job, a crash or time has left. */
export function registerJobs({ kernel, get }: Pick<HttpDeps, 'kernel' | 'get'>): void {
  kernel.jobs.register([])

  kernel.sweeps.every(pushSweepMs, 'pushes.recover', async () => {
    await get(Pushes).recover({ olderThanMs: pushSweepMs })
  })
  kernel.sweeps.every(pushSweepMs, 'webhooks.resume', async () => {
    await get(Webhooks).turn(pushSweepMs)
  })
  kernel.sweeps.every(pushSweepMs, 'connections.look', async () => {
    await get(RemoteMoves).turn()
  })
  kernel.sweeps.every(resumeMs, 'runs.resume', async () => {
    await get(LeaseJudge).resume()
  })
  kernel.sweeps.every(hourMs / 4, 'repositories.compare', async () => {
    await get(Pushes).compareAll()
  })
  kernel.sweeps.every(hourMs, 'runs.clean', async () => {
    await get(RunCleaning).clean()
    await get(RunCleaning).repin()
    await get(Repositories).clean(folderKeptMs)
  })
  kernel.sweeps.every(hourMs, 'webhooks.clean', () => get(Webhooks).clean(deliveryKeptMs))
  kernel.sweeps.every(hourMs, 'deployments.clean', async () => {
    const { keepDeployments, keepRunsDays } = kernel.config
    await get(Deployments).clean({
      deployments: keepDeployments,
      releases: keepDeployments,
      releaseMs: 24 * hourMs,
      evidenceMs: Math.min(7, keepRunsDays) * 24 * hourMs,
    })
  })
  kernel.sweeps.every(reportMs, 'reports.read', async () => {
    await get(Reports).readNew()
  })
  kernel.sweeps.every(hourMs, 'storage.clean', async () => {
    await get(RunArtifacts).clean()
    await get(Caches).clean()
    await get(StoredFiles).clean()
    await get(IdTokens).clean()
  })
  kernel.sweeps.every(hourMs / 4, 'traffic.clean', async () => {
    await get(Traffic).clean()
  })
  kernel.sweeps.every(hourMs, 'auth.sessions', () => get(Sessions).sweep())
  kernel.sweeps.every(hourMs, 'auth.limits', () => get(SignInLimits).sweep())
}

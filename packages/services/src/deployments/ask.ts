import { maybeOne, type Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { leases } from '@juanie/core/leases'
import type { ProjectScope } from '@juanie/core/scope'
import { and, desc, eq, inArray } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import { projects } from '../projects/tables.ts'
import { releases } from '../releases/tables.ts'
import { jobs, pipelineRuns } from '../runs/tables.ts'
import type { Prepared } from './requests.ts'
import { type DeploymentRecord, findEnvironment, findRelease, type ReleaseRecord } from './start.ts'
import { hasSwitched, isFinal } from './status.ts'
import { deployments } from './tables.ts'

export interface HeldJob {
  jobId: string
  projectId: string
  runId: string
  createdAt: Date
  actorId: string | null
  scope: ProjectScope
}

/** The job, when this very agent still works on it under this very lease. */
export async function heldJob(
  tx: Transaction,
  agent: { id: string; name: string },
  { jobId, fence }: { jobId: string; fence: number },
): Promise<HeldJob> {
  const job = await maybeOne(
    tx
      .select({
        jobId: jobs.id,
        projectId: jobs.projectId,
        organizationId: projects.organizationId,
        runId: jobs.runId,
        createdAt: jobs.createdAt,
        actorId: pipelineRuns.actorId,
      })
      .from(jobs)
      .innerJoin(pipelineRuns, eq(pipelineRuns.id, jobs.runId))
      .innerJoin(projects, eq(projects.id, jobs.projectId))
      .innerJoin(leases, and(eq(leases.subjectId, jobs.id), eq(leases.fence, fence)))
      .where(and(eq(jobs.id, jobId), eq(jobs.agentId, agent.id), inArray(jobs.status, ['leased', 'running']))),
  )
  if (!job) {
    throw new AppError('conflict', 'job.not_held', {
      message: 'This job is no longer leased to this agent: its words are refused.',
    })
  }
  const { organizationId, ...rest } = job
  return {
    ...rest,
    scope: { organizationId, projectId: job.projectId, actor: { kind: 'agent', id: agent.id, name: agent.name } },
  }
}

/** From here on the job is never repeated by itself: what it deploys must not be deployed twice. */
export const markUnrepeatable = (tx: Transaction, jobId: string) =>
  tx.update(jobs).set({ isUnrepeatable: true }).where(eq(jobs.id, jobId))

/** The release that a step means: the named one, else the newest of its own run. */
export async function releaseOfRun(
  tx: Transaction,
  { projectId, runId }: HeldJob,
  number: number | null,
): Promise<ReleaseRecord> {
  if (number !== null) return findRelease(tx, projectId, number)
  const [newest] = await tx
    .select()
    .from(releases)
    .where(and(eq(releases.projectId, projectId), eq(releases.runId, runId)))
    .orderBy(desc(releases.number))
    .limit(1)
  if (newest) return newest
  throw new AppError('conflict', 'release.none_in_run', {
    message: 'This run has made no release yet: use juanie/release before juanie/deploy, or name one with `release`.',
  })
}

/**
 * A deployment of this release that is on its way to the environment, or that reached its end since the job began:
 * the environment follows the branch, and was faster. Null: a new one is needed.
 */
export async function joinable(
  tx: Transaction,
  job: HeldJob,
  wish: { environment: string; releaseId: string },
): Promise<{ id: string; number: number } | null> {
  const environment = await findEnvironment(tx, job.projectId, wish.environment)
  const [latest] = await tx
    .select()
    .from(deployments)
    .where(eq(deployments.environmentId, environment.id))
    .orderBy(desc(deployments.number))
    .limit(1)
  if (latest?.releaseId !== wish.releaseId) return null
  const isRecent = latest.finishedAt !== null && latest.finishedAt >= job.createdAt
  const serves = latest.status === 'succeeded' && latest.origin === 'automatic'
  return !isFinal(latest.status) || isRecent || serves ? latest : null
}

/**
 * The newest deployment of the environment, when it is exactly what a person asks for and its traffic has not moved:
 * two people at one moment, or one person twice, mean one deployment. Of two transactions the second waits here.
 */
export async function alreadyAsked(
  tx: Transaction,
  { environment, digest }: { environment: Prepared['environment']; digest: string },
): Promise<DeploymentRecord | null> {
  await tx
    .select({ id: environments.id })
    .from(environments)
    .where(eq(environments.id, environment.id))
    .for('no key update')
  const [latest] = await tx
    .select()
    .from(deployments)
    .where(eq(deployments.environmentId, environment.id))
    .orderBy(desc(deployments.number))
    .limit(1)
  if (!latest || latest.digest !== digest || latest.cancelRequestedAt) return null
  const { status } = latest
  return isFinal(status) || hasSwitched(status) || status === 'rolling_back' ? null : latest
}

import { deriveKey } from '@juanie/core/crypto'
import { type Database, maybeOne } from '@juanie/core/database'
import { isUuid } from '@juanie/core/ids'
import { openToken, signToken } from '@juanie/core/signed-token'
import type { Job, JobInstance } from '@juanie/workflow'
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import { organizations } from '../organizations/tables.ts'
import { pipelines } from '../pipelines/tables.ts'
import { projects } from '../projects/tables.ts'
import { repositories } from '../repositories/tables.ts'
import { users } from '../users/tables.ts'
import type { RunEvent } from './contract.ts'
import type { Person } from './facts.ts'
import { granted } from './permissions.ts'
import { heldJobStatuses } from './status.ts'
import { jobs, pipelineRuns } from './tables.ts'

export const workflowTokenPrefix = 'jgs_'

/** What a pass is for; one never opens another's door. */
export type PassUse = 'services' | 'repository' | 'identity'

/** The job that a pass was given to, as it is now. */
export interface JobCaller {
  jobId: string
  fence: number
  job: Job
  /** The workflow that it is part of, where another job calls it. */
  called: { key: string; commit: string | null } | null
  /** Evaluated name of the environment that it works on. */
  environment: string | null
  attempt: number
  runId: string
  runNumber: number
  /** Counts per workflow. */
  pipelineNumber: number
  event: RunEvent
  ref: string
  commit: string
  workflowFile: string
  workflowName: string
  inputs: Record<string, unknown>
  projectId: string
  project: string
  organizationId: string
  organization: string
  repositoryId: string
  defaultBranch: string | null
  actor: Person | null
}

export interface Passes {
  /** `ACTIONS_RUNTIME_TOKEN`. */
  services: string
  /** `GITHUB_TOKEN` and `github.token`. */
  repository: string
  /** `ACTIONS_ID_TOKEN_REQUEST_TOKEN`; only for a job with `id-token: write`. */
  identity: string | null
}

/** A pass dies with its job; this only bounds what a forgotten one is worth. */
const slackMs = 3_600_000

/**
 * What the steps of a job show to be let in over HTTP. A pass names its job and the number under which it is held, and
 * is worth nothing from the moment at which the job is not held by that number any more.
 */
export class JobPasses {
  readonly #db: Database
  readonly #keys: Record<PassUse, Buffer>

  constructor(parts: { db: Database; masterKey: Buffer }) {
    this.#db = parts.db
    this.#keys = {
      services: deriveKey(parts.masterKey, 'job-pass/services'),
      repository: deriveKey(parts.masterKey, 'job-pass/repository'),
      identity: deriveKey(parts.masterKey, 'job-pass/identity'),
    }
  }

  mint(leased: { jobId: string; fence: number; runId: string; job: Job; timeoutMs: number }): Passes {
    const { jobId, fence, runId, job, timeoutMs } = leased
    const seconds = Math.floor(Date.now() / 1000)
    const claims = {
      iat: seconds,
      nbf: seconds,
      exp: seconds + Math.ceil((timeoutMs + slackMs) / 1000),
      job: jobId,
      fence,
    }
    // The clients of artifacts and caches read this scope: https://github.com/actions/toolkit/blob/main/packages/artifact.
    const services = { ...claims, scp: `Actions.Results:${runId}:${jobId}` }
    const repository = signToken(this.#keys.repository, claims)
    return {
      services: signToken(this.#keys.services, services),
      // Without dots: clients of GitHub's API take a text with two of them for the token of an app.
      repository: workflowTokenPrefix + Buffer.from(repository).toString('base64url'),
      identity: granted(job, 'id-token') === 'write' ? signToken(this.#keys.identity, claims) : null,
    }
  }

  /** Null for a pass that is wrong, over, meant for something else, or whose job is not held any more. */
  async open(use: PassUse, pass: string): Promise<JobCaller | null> {
    const token =
      use === 'repository' && pass.startsWith(workflowTokenPrefix)
        ? Buffer.from(pass.slice(workflowTokenPrefix.length), 'base64url').toString('latin1')
        : pass
    const claims = openToken(this.#keys[use], token)
    if (!claims) return null
    const { job, fence } = claims
    if (typeof job !== 'string' || !isUuid(job) || typeof fence !== 'number') return null
    return this.#caller(job, fence)
  }

  async #caller(jobId: string, fence: number): Promise<JobCaller | null> {
    const found = await maybeOne(
      this.#db
        .select({
          jobId: jobs.id,
          instance: jobs.instance,
          calledCommit: sql<
            string | null
          >`${pipelineRuns.called} -> (${jobs.instance} #>> '{called,workflow}') ->> 'commit'`,
          environment: jobs.environment,
          attempt: jobs.attempt,
          runId: pipelineRuns.id,
          runNumber: pipelineRuns.number,
          pipelineNumber: pipelineRuns.pipelineNumber,
          event: pipelineRuns.event,
          ref: pipelineRuns.ref,
          commit: pipelineRuns.commit,
          workflowFile: pipelineRuns.workflowFile,
          workflowName: pipelines.name,
          inputs: pipelineRuns.inputs,
          projectId: projects.id,
          project: projects.slug,
          organizationId: organizations.id,
          organization: organizations.slug,
          repositoryId: repositories.id,
          defaultBranch: repositories.defaultBranch,
          actorId: users.id,
          actorName: users.name,
          actorEmail: users.email,
        })
        .from(jobs)
        .innerJoin(pipelineRuns, eq(pipelineRuns.id, jobs.runId))
        .innerJoin(pipelines, eq(pipelines.id, pipelineRuns.pipelineId))
        .innerJoin(projects, and(eq(projects.id, jobs.projectId), isNull(projects.deletedAt)))
        .innerJoin(organizations, eq(organizations.id, projects.organizationId))
        .innerJoin(repositories, and(eq(repositories.projectId, projects.id), isNull(repositories.deletedAt)))
        .leftJoin(users, eq(users.id, pipelineRuns.actorId))
        .where(
          and(
            eq(jobs.id, jobId),
            inArray(jobs.status, [...heldJobStatuses]),
            sql`exists (select from leases l where l.subject_id = ${jobId} and l.fence = ${fence})`,
          ),
        ),
    )
    if (!found) return null
    const { instance, calledCommit, actorId, actorName, actorEmail, ...facts } = found
    if (!instance) return null
    const { called } = instance as JobInstance
    return {
      ...facts,
      fence,
      called: called ? { key: called.workflow, commit: calledCommit } : null,
      job: (instance as JobInstance).job,
      actor: actorId && actorName && actorEmail ? { id: actorId, name: actorName, email: actorEmail } : null,
    }
  }
}

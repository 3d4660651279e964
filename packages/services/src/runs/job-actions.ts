import { type Database, maybeOne } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { leases } from '@juanie/core/leases'
import type { ProjectScope } from '@juanie/core/scope'
import { type ActionRef, parseActionRef } from '@juanie/workflow'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { ActionBundle, ActionName, ActionSources } from '../actions/index.ts'
import type { ActionAnswer, AskActions } from '../hosts/contract.ts'
import { projects } from '../projects/tables.ts'
import { heldJobStatuses } from './status.ts'
import { jobs, runActions } from './tables.ts'

/** A run cannot fill the disk with actions. */
const maxActions = 500
/** How many sources are asked at once for one job. */
const atOnce = 4

type RemoteRef = Extract<ActionRef, { kind: 'remote' }>

interface Parts {
  db: Database
  actions: ActionSources & {
    /** Why the policy does not allow these now; null for what it allows. */
    refusals(scope: ProjectScope, what: (ActionName & { ref: string })[]): Promise<(string | null)[]>
    bundle(scope: ProjectScope, what: ActionName & { commit: string }): Promise<ActionBundle>
  }
}

/** The actions that held jobs use. What one means is decided once for a run, all its attempts included. */
export class JobActions {
  readonly #db: Database
  readonly #actions: Parts['actions']

  constructor(parts: Parts) {
    this.#db = parts.db
    this.#actions = parts.actions
  }

  async resolve(agent: { id: string }, input: AskActions): Promise<ActionAnswer[]> {
    const job = await this.#heldJob(agent, input)
    const refs = input.uses.map((uses) => parseActionRef(uses))
    const wanted = new Map<string, RemoteRef>()
    for (const ref of refs) if (ref?.kind === 'remote') wanted.set(keyOf(ref), ref)
    const answers = new Map<string, ActionAnswer>()
    const rows = await this.#recorded(job.runId)
    const recorded = new Map(rows.map((row) => [`${row.repository}@${row.ref}`, row.commit]))
    const known = [...wanted].filter(([key]) => recorded.has(key))
    // What was decided before stays so; whether it may be used is asked again, for a rerun too.
    const refusals =
      known.length > 0
        ? await this.#actions.refusals(
            job.scope,
            known.map(([, ref]) => ref),
          )
        : []
    for (const [index, [key, { owner, name }]] of known.entries()) {
      const reason = refusals[index]
      const commit = recorded.get(key)!
      answers.set(key, reason ? { kind: 'refused', reason } : { kind: 'found', owner, name, commit, notice: null })
    }
    const open = [...wanted].filter(([key]) => !recorded.has(key))
    if (recorded.size + open.length > maxActions) {
      throw new AppError('invalid', 'run.too_many_actions', {
        message: `uses: a run may use at most ${maxActions} different actions.`,
      })
    }
    for (let from = 0; from < open.length; from += atOnce) {
      const some = open.slice(from, from + atOnce)
      const found = await Promise.all(some.map(([, ref]) => this.#resolve(job, ref)))
      for (const [index, [key]] of some.entries()) answers.set(key, found[index]!)
    }
    return refs.map((ref, index) =>
      ref?.kind === 'remote'
        ? answers.get(keyOf(ref))!
        : { kind: 'refused', reason: `'${input.uses[index]}' is not an action of another repository.` },
    )
  }

  /** Only of a commit that the job's run uses. */
  async bundle(
    agent: { id: string },
    held: { jobId: string; fence: number },
    what: ActionName & { commit: string },
  ): Promise<ActionBundle> {
    const job = await this.#heldJob(agent, held)
    const rows = await this.#recorded(job.runId)
    const repository = `${what.owner}/${what.name}`.toLowerCase()
    if (!rows.some((row) => row.repository === repository && row.commit === what.commit)) {
      throw new AppError('not_found', 'action.not_found', { message: 'This run uses no such action.' })
    }
    return this.#actions.bundle(job.scope, what)
  }

  #recorded(runId: string) {
    return this.#db
      .select({ repository: runActions.repository, ref: runActions.ref, commit: runActions.commit })
      .from(runActions)
      .where(eq(runActions.runId, runId))
      .limit(maxActions)
  }

  async #resolve(job: { runId: string; scope: ProjectScope }, ref: RemoteRef): Promise<ActionAnswer> {
    const { owner, name } = ref
    try {
      const { commit, notice } = await this.#actions.resolve(job.scope, { owner, name, ref: ref.ref })
      // Another job of the run may have asked at the same moment: the first answer counts for both.
      const rows = await this.#db.execute<{ commit: string }>(
        sql`
          with made as (
            insert into run_actions (run_id, repository, ref, "commit")
            values (${job.runId}, ${`${owner}/${name}`.toLowerCase()}, ${ref.ref}, ${commit})
            on conflict do nothing returning "commit"
          )
          select "commit" from made
          union all
          select "commit" from run_actions
           where run_id = ${job.runId} and repository = ${`${owner}/${name}`.toLowerCase()} and ref = ${ref.ref}
          limit 1`,
        'objects',
      )
      return { kind: 'found', owner, name, commit: rows[0]?.commit ?? commit, notice }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { kind: 'refused', reason: error.message }
    }
  }

  async #heldJob(agent: { id: string }, { jobId, fence }: { jobId: string; fence: number }) {
    const job = await maybeOne(
      this.#db
        .select({ runId: jobs.runId, projectId: jobs.projectId, organizationId: projects.organizationId })
        .from(jobs)
        .innerJoin(projects, eq(projects.id, jobs.projectId))
        .innerJoin(leases, and(eq(leases.subjectId, jobs.id), eq(leases.fence, fence)))
        .where(and(eq(jobs.id, jobId), eq(jobs.agentId, agent.id), inArray(jobs.status, [...heldJobStatuses]))),
    )
    if (!job) {
      throw new AppError('conflict', 'job.not_held', {
        message: 'This job is no longer leased to this agent: its words are refused.',
      })
    }
    const { projectId, organizationId } = job
    const scope: ProjectScope = { organizationId, projectId, actor: { kind: 'agent', id: agent.id, name: 'agent' } }
    return { runId: job.runId, scope }
  }
}

const keyOf = ({ owner, name, ref }: RemoteRef) => `${`${owner}/${name}`.toLowerCase()}@${ref}`

import type { Database } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { newSecret } from '@juanie/core/ids'
import type { Listener } from '@juanie/core/listener'
import { crashPoint } from '@juanie/core/points'
import { matchesRunner } from '@juanie/workflow'
import { eq, getColumns, sql } from 'drizzle-orm'
import { type AgentHub, type AgentService, type Channel, contractVersion, type LeasedJob } from '../hosts/index.ts'
import type { GitStore } from '../repositories/index.ts'
import { type AdvanceParts, storedWorkflow } from './advance.ts'
import { secretsOf } from './called-secrets.ts'
import { callerOf, needsAt } from './caller-rows.ts'
import { calledWorkflow, workflowPlace } from './calls.ts'
import { cloneUrl, githubContext } from './contexts.ts'
import type { RunRow } from './facts.ts'
import type { JobPasses } from './job-passes.ts'
import { type LeasedRow, leaseJobs, queuedJobs, runsOf } from './lease-rows.ts'
import { failLeased, loseJob, requeueJob } from './lost.ts'
import { secretsNamed } from './mentions.ts'
import { latest, needsOf } from './plan.ts'
import type { RunSecrets } from './port.ts'
import { plannedOf } from './rows.ts'
import { channels, type RunSignals } from './signals.ts'
import { jobs } from './tables.ts'
import { inWork } from './work.ts'

interface JobLimits {
  workspaceBytes: number
  logBytes: number
  memoryBytes: number | null
}

interface Parts extends AdvanceParts {
  db: Database
  hub: AgentHub
  git: GitStore
  secrets: RunSecrets
  passes: JobPasses
  signals: RunSignals
  limits: JobLimits
  /** Told of what goes wrong beside any request; it is tried again. */
  failed: (error: unknown) => void
}

const pollMs = 2_000
const page = 500
const maxPages = 10
const maxAtOnce = 32

/** Gives queued jobs to the agents that are connected to this server, and tells them of those that should end. */
export class JobLeases implements AgentService {
  readonly #parts: Parts
  /** Agents that are being given jobs, and whether there is news since. */
  readonly #giving = new Map<string, { again: boolean }>()
  readonly #stops: (() => void)[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(parts: Parts) {
    this.#parts = parts
    this.#stops.push(
      parts.signals.on({
        jobsQueued: () => this.#giveAll(),
        jobsStopped: (ids) => void this.stopJobs(ids).catch(parts.failed),
      }),
    )
  }

  start(listener: Pick<Listener, 'on'>): void {
    this.#stops.push(
      listener.on(channels.jobs, () => this.#giveAll()),
      listener.on(channels.cancel, (id) => void this.stopJobs(id === null ? null : [id]).catch(this.#parts.failed)),
    )
    this.#timer = setInterval(() => this.#giveAll(), pollMs)
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    if (this.#timer) clearInterval(this.#timer)
  }

  /**
   * A connection begins: what this process holds goes on, what the one before it held is lost, and what was given to
   * this one and never arrived is given again.
   */
  async connected(channel: Channel): Promise<void> {
    const { db } = this.#parts
    const { holding } = channel.introduction
    const rows = await db.execute<{ id: string; runId: string; status: string; fence: string; cancel: string | null }>(
      sql`
        select j.id, j.run_id as "runId", j.status, l.fence, j.cancel_reason as cancel
          from jobs j join leases l on l.subject_id = j.id and l.owner = j.agent_id
         where j.agent_id = ${channel.agent.id} and j.status in ('leased', 'running')
         order by j.id`,
      'objects',
    )
    const held = new Map(rows.map((row) => [row.id, Number(row.fence)]))
    for (const { jobId, fence } of holding) {
      if (held.get(jobId) !== fence) this.#send(channel, jobId, fence, 'lost')
    }
    for (const row of rows) {
      const fence = Number(row.fence)
      if (holding.some((each) => each.jobId === row.id && each.fence === fence)) {
        if (row.cancel) this.#send(channel, row.id, fence, row.cancel as 'canceled')
      } else if (channel.isNew) {
        await inWork(db, (work) => loseJob(work, this.#parts, row.runId, row.id))
      } else if (row.status === 'leased') {
        await inWork(db, (work) => requeueJob(work, this.#parts, row.runId, row.id))
      }
    }
    this.#give(channel)
  }

  /** Tells their agents to end these jobs, where they are connected here; null: all that should end. */
  async stopJobs(jobIds: string[] | null): Promise<void> {
    const agentIds = this.#parts.hub.all().map(({ agent }) => agent.id)
    if (agentIds.length === 0) return
    const rows = await this.#parts.db.execute<{ id: string; agentId: string; fence: string; reason: 'canceled' }>(
      sql`
        select j.id, j.agent_id as "agentId", l.fence, j.cancel_reason as reason
          from jobs j join leases l on l.subject_id = j.id and l.owner = j.agent_id
         where j.agent_id = any(${sql.param(agentIds)}::uuid[]) and j.status in ('leased', 'running')
           and j.cancel_reason is not null ${jobIds ? sql`and j.id = any(${sql.param(jobIds)}::uuid[])` : sql``}`,
      'objects',
    )
    for (const row of rows) {
      const channel = this.#parts.hub.get(row.agentId)
      if (channel) this.#send(channel, row.id, Number(row.fence), row.reason)
    }
  }

  #send(channel: Channel, jobId: string, fence: number, reason: 'canceled' | 'lost' | 'fail-fast'): void {
    channel.send({ v: contractVersion, type: 'cancel', jobId, fence, reason })
  }

  #giveAll(): void {
    for (const channel of this.#parts.hub.all()) this.#give(channel)
  }

  /** At most one at a time for each agent; news that comes meanwhile causes one more. */
  #give(channel: Channel): void {
    const { id } = channel.agent
    const giving = this.#giving.get(id)
    if (giving) {
      giving.again = true
      return
    }
    const state = { again: true }
    this.#giving.set(id, state)
    void (async () => {
      try {
        while (state.again && this.#parts.hub.isOpen(channel)) {
          state.again = false
          await this.#giveNow(channel)
        }
      } catch (error) {
        this.#parts.failed(error)
      } finally {
        this.#giving.delete(id)
        // The agent came again while its old connection was being served.
        const current = this.#parts.hub.get(id)
        if (state.again && current && current !== channel) this.#give(current)
      }
    })()
  }

  async #giveNow(channel: Channel): Promise<void> {
    const { slots, incarnation } = channel.introduction
    if (slots === 0) return
    const candidates = await this.#candidates(channel)
    if (candidates.length === 0) return
    const tokens = Array.from({ length: Math.min(slots, maxAtOnce) }, () => newSecret('jgt'))
    crashPoint('job.before.lease')
    const leased = await leaseJobs(this.#parts.db, { id: channel.agent.id, incarnation }, candidates, tokens)
    if (leased.length === 0) return
    crashPoint('job.after.lease')
    const runs = await runsOf(this.#parts.db, [...new Set(leased.map(({ runId }) => runId))])
    await Promise.all(leased.map((row) => this.#hand(channel, row, runs.find(({ id }) => id === row.runId)!)))
    crashPoint('lease.sent')
  }

  async #candidates(channel: Channel): Promise<string[]> {
    const found: string[] = []
    let after: { queuedAt: string; id: string } | null = null
    for (let turn = 0; turn < maxPages && found.length < maxAtOnce; turn++) {
      const rows: { id: string; labels: string[]; queuedAt: string }[] = await queuedJobs(this.#parts.db, after, page)
      for (const row of rows) if (matchesRunner(row.labels, channel.introduction.labels)) found.push(row.id)
      if (rows.length < page) break
      after = rows.at(-1)!
    }
    return found.slice(0, maxAtOnce)
  }

  async #hand(channel: Channel, row: LeasedRow, run: RunRow): Promise<void> {
    const { db } = this.#parts
    try {
      const job = await this.#jobOf(channel, row, run)
      // Its own token is no secret of the project.
      if (Object.keys(job.contexts.secrets).length > 1) {
        // Before the agent learns of them: what was given a secret is not repeated by itself.
        await db.update(jobs).set({ isUnrepeatable: true }).where(eq(jobs.id, row.id))
      }
      channel.send({ v: contractVersion, type: 'lease', fence: row.fence, job })
    } catch (error) {
      // Fail closed: without its secrets it must not run.
      this.#parts.failed(error)
      const reason = error instanceof AppError ? error.message : 'Juanie could not prepare this job; its log says why.'
      await inWork(db, (work) => failLeased(work, this.#parts, { runId: row.runId, jobId: row.id }, reason))
    }
  }

  async #jobOf(channel: Channel, row: LeasedRow, run: RunRow): Promise<LeasedJob> {
    const { project } = row
    const { called } = row.instance
    const kept = called && run.called[called.workflow]
    const workflow = kept ? calledWorkflow(kept) : storedWorkflow(run)
    if (!workflow) throw new Error('The stored workflow text cannot be read by this version of Juanie.')
    const facts = { run, project, workflowName: row.workflowName, actor: row.actor }
    const passes = this.#parts.passes.mint({
      jobId: row.id,
      fence: row.fence,
      runId: run.id,
      job: row.instance.job,
      timeoutMs: row.timeoutMs,
    })
    const github = {
      ...githubContext(facts, this.#parts.url()),
      job: row.instance.job.id,
      token: passes.repository,
    }
    const vars = variablesOf(row)
    const place = workflowPlace(
      { ...run, repository: `${project.organization}/${project.project}` },
      called && kept ? { key: called.workflow, commit: kept.commit } : null,
    )
    const attempt = { db: this.#parts.db, runId: run.id, attempt: row.attempt }
    const [secrets, needs] = await Promise.all([
      secretsOf(
        {
          caller: (path) => callerOf(attempt, path),
          needs: (keys) => needsAt(attempt, keys),
          contexts: { github, vars, inputs: run.inputs },
          token: passes.repository,
          open: (names) => this.#parts.secrets.forRun(project, { environment: row.environment, names }),
        },
        row.instance,
        secretsNamed(row.instance.job, workflow),
      ),
      row.needs.length > 0 ? this.#needs(row) : {},
    ])
    return {
      jobId: row.id,
      runId: run.id,
      runNumber: run.number,
      projectId: project.projectId,
      instance: row.instance,
      workflow: { name: row.workflowName, env: workflow.env, defaults: workflow.defaults },
      contexts: {
        github,
        vars,
        secrets: { ...secrets, GITHUB_TOKEN: passes.repository },
        needs,
        inputs: called?.inputs ?? run.inputs,
        matrix: row.instance.matrix,
        job: {
          workflow_ref: place.ref,
          workflow_sha: place.sha,
          workflow_repository: place.repository,
          workflow_file_path: place.path,
        },
      },
      repository: {
        path: new URL(cloneUrl('http://server', project)).pathname,
        localPath: channel.agent.isLocal ? this.#parts.git.localPath(project.repositoryId) : null,
        commit: run.commit,
        ref: run.ref,
        gitToken: row.gitToken,
      },
      services: { runtimeToken: passes.services, token: passes.repository, idTokenRequest: passes.identity },
      limits: { timeoutMs: row.timeoutMs, ...this.#parts.limits },
    }
  }

  async #needs(row: LeasedRow): Promise<LeasedJob['contexts']['needs']> {
    const { instance: _instance, ...light } = jobColumns
    const found = await this.#parts.db
      .select(light)
      .from(jobs)
      .where(sql`${jobs.runId} = ${row.runId} and ${jobs.attempt} = ${row.attempt}
        and ${jobs.key} = any(${sql.param(row.needs)}::text[])`)
    return needsOf(row, latest(found.map((each) => plannedOf({ ...each, instance: null }))))
  }
}

const jobColumns = getColumns(jobs)

const variablesOf = ({ variables }: LeasedRow): Record<string, string> =>
  Object.fromEntries(
    variables
      .toSorted((a, b) => Number(a.environment !== null) - Number(b.environment !== null))
      .map(({ name, value }) => [name, value]),
  )

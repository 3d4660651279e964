import { type Database, one } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { leaseMs } from '@juanie/core/leases'
import { crashPoint } from '@juanie/core/points'
import { eq, inArray, sql } from 'drizzle-orm'
import type { AgentIdentity, Report, ReportAnswer, ReportRequest } from '../hosts/index.ts'
import { agents } from '../hosts/tables.ts'
import { addSteps } from './added-steps.ts'
import { type AdvanceParts, advanceLocked, closeSteps, moveRun } from './advance.ts'
import type { StepStatus } from './contract.ts'
import { type RunFacts, runFacts, scopeOf } from './facts.ts'
import { revokeLease, tellStreams } from './lost.ts'
import { type HeldJob, lockHeldJobs, lockSteps, type StepRow, saveSteps } from './report-rows.ts'
import { jobMoveOf, nextJobStatus, nextStepStatus, stepMoveOf } from './status.ts'
import { annotations, jobs } from './tables.ts'
import { inWork, movePoint, type Work } from './work.ts'

type Ended = Extract<Report, { kind: 'job.ended' }>

/** Takes what agents tell of their jobs: each report once, in order, and only from who holds the job. */
export class AgentReports {
  readonly #db: Database
  readonly #parts: AdvanceParts

  constructor(parts: { db: Database } & AdvanceParts) {
    this.#db = parts.db
    this.#parts = parts
  }

  /** `stopped` names held jobs that should end: the caller tells the agent once more. */
  async take(agent: AgentIdentity, request: ReportRequest): Promise<ReportAnswer & { stopped: string[] }> {
    crashPoint('report.before.store')
    const answer = await inWork(this.#db, (work) => new Taking(work, this.#parts, agent).take(request))
    crashPoint('report.after.store')
    return answer
  }
}

/** One request, inside its transaction. Locks are taken in one order: agent, runs, jobs, steps. */
class Taking {
  readonly #work: Work
  readonly #parts: AdvanceParts
  readonly #agent: AgentIdentity
  readonly #runs = new Map<string, RunFacts>()
  readonly #changed = new Map<string, StepRow>()
  readonly #ended = new Set<string>()
  #held = new Map<string, HeldJob>()
  #steps = new Map<string, StepRow>()

  constructor(work: Work, parts: AdvanceParts, agent: AgentIdentity) {
    this.#work = work
    this.#parts = parts
    this.#agent = agent
  }

  async take(request: ReportRequest): Promise<ReportAnswer & { stopped: string[] }> {
    const { tx } = this.#work
    const speaker = await one(
      tx
        .select({ incarnation: agents.incarnation, last: agents.lastReport })
        .from(agents)
        .where(eq(agents.id, this.#agent.id))
        .for('update'),
    )
    if (speaker.incarnation !== request.incarnation) {
      throw new AppError('conflict', 'agent.replaced', {
        message:
          'Another process speaks for this host now, or the server does not know this one yet: ask for work first.',
      })
    }
    // After a gap nothing may be taken: the agent is told where to go on.
    const isGap = request.firstSeq > speaker.last + 1
    const fresh = isGap ? [] : request.reports.slice(Math.max(0, speaker.last + 1 - request.firstSeq))
    const seen = request.renew.map((each) => ({ ...each }))
    for (const { jobId, fence } of fresh) seen.push({ jobId, fence })
    await this.#lock(fresh)
    const renewed = await this.#renew(seen)
    const taken = await this.#apply(fresh, renewed)
    const acknowledged = isGap ? speaker.last : Math.max(speaker.last, speaker.last + taken)
    await tx
      .update(agents)
      .set({ lastReport: acknowledged, lastSeenAt: sql`now()` })
      .where(eq(agents.id, this.#agent.id))
    const lost = seen.filter(({ jobId, fence }) => renewed.get(jobId)?.fence !== fence)
    return {
      acknowledged,
      lost: [...new Map(lost.map((each) => [`${each.jobId} ${each.fence}`, each])).values()],
      stopped: [...renewed].flatMap(([id, { isStopped }]) => (isStopped && !this.#ended.has(id) ? [id] : [])),
    }
  }

  /** Locks what the reports will move. Jobs that only print and step need no run. */
  async #lock(reports: Report[]): Promise<void> {
    if (reports.length === 0) return
    const { tx } = this.#work
    const ids = [...new Set(reports.map(({ jobId }) => jobId))]
    const moving = reports
      .filter(({ kind }) => kind === 'job.started' || kind === 'job.ended')
      .map(({ jobId }) => jobId)
    if (moving.length > 0) {
      const runs = await tx
        .selectDistinct({ runId: jobs.runId })
        .from(jobs)
        .where(inArray(jobs.id, [...new Set(moving)]))
        .orderBy(jobs.runId)
      for (const { runId } of runs) {
        const facts = await runFacts(tx, runId, true)
        if (facts) this.#runs.set(runId, facts)
      }
    }
    this.#held = await lockHeldJobs(tx, this.#agent.id, ids)
    const places = reports.flatMap((report) =>
      'step' in report ? [{ jobId: report.jobId, fence: report.fence, place: report.step }] : [],
    )
    this.#steps = await lockSteps(tx, places)
    const added = places.filter(({ jobId, place }) => this.#held.has(jobId) && !this.#steps.has(`${jobId} ${place}`))
    if (added.length > 0) {
      await addSteps(tx, this.#agent.id, added)
      this.#steps = await lockSteps(tx, places)
    }
  }

  /**
   * A term that ran out while nobody judged it goes on: the number is what counts. Answers the numbers that hold.
   */
  async #renew(seen: { jobId: string; fence: number }[]): Promise<Map<string, { fence: number; isStopped: boolean }>> {
    if (seen.length === 0) return new Map()
    const rows = await this.#work.tx.execute<{ id: string; fence: string; stopped: boolean }>(
      sql`
        update leases l set expires_at = now() + ${`${leaseMs} milliseconds`}::interval
          from unnest(
                 ${sql.param(seen.map(({ jobId }) => jobId))}::uuid[],
                 ${sql.param(seen.map(({ fence }) => fence))}::bigint[]
               ) as w(id, fence)
          join jobs j on j.id = w.id and j.status in ('leased', 'running')
         where l.subject_id = w.id and l.fence = w.fence and l.owner = ${this.#agent.id}
        returning l.subject_id as id, l.fence, j.cancel_reason is not null as stopped`,
      'objects',
    )
    return new Map(rows.map(({ id, fence, stopped }) => [id, { fence: Number(fence), isStopped: stopped }]))
  }

  /** Answers how many reports were taken: all, or those before a step's end whose lines are not all here yet. */
  async #apply(reports: Report[], holds: Map<string, { fence: number }>): Promise<number> {
    let taken = 0
    for (const report of reports) {
      const job = this.#held.get(report.jobId)
      // A late word with an old number changes nothing, and need not be said again.
      if (job && holds.get(report.jobId)?.fence === report.fence && !this.#ended.has(job.id)) {
        if (!(await this.#one(report, job))) break
      }
      taken++
    }
    await this.#saveSteps()
    return taken
  }

  async #one(report: Report, job: HeldJob): Promise<boolean> {
    switch (report.kind) {
      case 'job.started':
        await this.#startJob(job, report.at)
        return true
      case 'job.ended':
        await this.#saveSteps()
        await this.#startJob(job, report.at)
        await this.#endJob(job, report)
        return true
      default:
        return this.#step(report, job)
    }
  }

  async #step(report: Exclude<Report, { kind: 'job.started' | 'job.ended' }>, job: HeldJob): Promise<boolean> {
    const step = this.#steps.get(`${report.jobId} ${report.step}`)
    if (!step) return true
    switch (report.kind) {
      case 'step.started':
        if (!this.#moveStep(step, 'start')) return true
        step.name = clean(report.name) || step.name
        step.startedAt = report.at
        if (job.deployPlaces.includes(report.step)) await this.#markUnrepeatable(job)
        return true
      case 'step.annotation': {
        const { kind: _kind, jobId: _job, fence: _fence, step: _step, ...annotation } = report
        await this.#work.tx.insert(annotations).values({
          ...annotation,
          projectId: job.projectId,
          stepId: step.id,
          message: clean(annotation.message),
          title: annotation.title && clean(annotation.title),
          file: annotation.file && clean(annotation.file),
        })
        return true
      }
      case 'step.summary':
        step.summary = clean(report.markdown)
        this.#changed.set(step.id, step)
        return true
      case 'step.ended':
        // Its end is published after its last line: the agent says it again once the lines have arrived.
        if (step.lines < report.lines) return false
        if (!this.#moveStep(step, stepMoveOf[report.conclusion])) return true
        step.outcome = report.outcome
        step.conclusion = report.conclusion
        step.exitCode = report.exitCode
        step.reason = report.reason && clean(report.reason)
        step.finishedAt = report.at
        return true
    }
  }

  #moveStep(step: StepRow, move: Parameters<typeof nextStepStatus>[1]): boolean {
    // A step may end without having told that it began, e.g. when its expressions could not be evaluated.
    const from: StepStatus =
      step.status === 'pending' && (move === 'succeed' || move === 'fail') ? 'running' : step.status
    const status = nextStepStatus(from, move)
    if (status === null) return false
    movePoint(this.#work, 'step', move)
    step.status = status
    this.#changed.set(step.id, step)
    return true
  }

  async #saveSteps(): Promise<void> {
    if (this.#changed.size === 0) return
    const changed = [...this.#changed.values()]
    this.#changed.clear()
    await saveSteps(this.#work.tx, changed)
    await tellStreams(
      this.#work,
      this.#parts,
      changed.filter(({ finishedAt }) => finishedAt !== null).map(({ id }) => id),
    )
  }

  async #markUnrepeatable(job: HeldJob): Promise<void> {
    await this.#work.tx.update(jobs).set({ isUnrepeatable: true }).where(eq(jobs.id, job.id))
  }

  async #startJob(job: HeldJob, at: string): Promise<void> {
    const status = nextJobStatus(job.status, 'start')
    const facts = this.#runs.get(job.runId)
    if (status === null || !facts) return
    movePoint(this.#work, 'job', 'start')
    await this.#work.tx
      .update(jobs)
      .set({ status, startedAt: new Date(at) })
      .where(eq(jobs.id, job.id))
    job.status = status
    if (facts.run.status === 'queued') await moveRun(this.#work, this.#parts, facts, { move: 'start' })
    await record(this.#work.tx, scopeOf(facts.project), 'job.started', {
      subjectId: job.id,
      data: { runId: job.runId, name: job.name, agentId: this.#agent.id },
    })
  }

  async #endJob(job: HeldJob, report: Ended): Promise<void> {
    const move = jobMoveOf[report.result]
    const status = nextJobStatus(job.status, move)
    const facts = this.#runs.get(job.runId)
    if (status === null || !facts) return
    movePoint(this.#work, 'job', move)
    const outputs = Object.fromEntries(
      Object.entries(report.outputs).map(([name, value]) => [clean(name), clean(value)]),
    )
    const reason = report.reason ? clean(report.reason) : null
    await this.#work.tx
      .update(jobs)
      .set({
        status,
        reason,
        outputs,
        environmentUrl: webAddress(report.environmentUrl),
        finishedAt: new Date(report.at),
      })
      .where(eq(jobs.id, job.id))
    job.status = status
    this.#ended.add(job.id)
    await revokeLease(this.#work, job.id)
    const left = await closeSteps(this.#work, job.id, reason ?? 'job.ended')
    await tellStreams(this.#work, this.#parts, left)
    await record(this.#work.tx, scopeOf(facts.project), 'job.finished', {
      subjectId: job.id,
      data: { runId: job.runId, name: job.name, status, reason },
    })
    await advanceLocked(this.#work, this.#parts, facts)
    // A slot is free: whatever waits for one may come.
    this.#work.after(() => this.#parts.signals.jobsQueued())
  }
}

/** PostgreSQL has no NUL in its texts, and programs print them. */
const clean = (text: string): string => text.replaceAll('\0', '\uFFFD')

/** What people may follow: a page, and nothing that their browser would run. */
function webAddress(text: string | null | undefined): string | null {
  if (!text || !URL.canParse(text)) return null
  const { href, protocol } = new URL(text)
  return protocol === 'http:' || protocol === 'https:' ? href : null
}

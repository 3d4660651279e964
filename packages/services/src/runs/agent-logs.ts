import type { Database, Transaction } from '@juanie/core/database'
import { crashPoint } from '@juanie/core/points'
import { sql } from 'drizzle-orm'
import type { AgentIdentity, LogBatch, LogsAnswer, LogsRequest } from '../hosts/index.ts'
import { addSteps } from './added-steps.ts'
import type { LogStreams, NewLines } from './logs.ts'
import type { InstanceStreams, StreamRow } from './port.ts'
import type { RunSignals } from './signals.ts'
import { inWork } from './work.ts'

type StepStream = Extract<LogBatch['stream'], { kind: 'step' }>

/** Takes the lines that agents send: each stored once, in order, or not acknowledged. */
export class AgentLogs {
  readonly #db: Database
  readonly #streams: LogStreams
  readonly #instances: InstanceStreams
  readonly #signals: RunSignals

  constructor(parts: { db: Database; streams: LogStreams; instances: InstanceStreams; signals: RunSignals }) {
    this.#db = parts.db
    this.#streams = parts.streams
    this.#instances = parts.instances
    this.#signals = parts.signals
  }

  async take(agent: AgentIdentity, { batches }: LogsRequest): Promise<LogsAnswer> {
    if (batches.length === 0) return { acknowledged: [] }
    crashPoint('logs.before.store')
    const answer = await inWork(this.#db, async (work) => {
      const owners = await this.#lock(work.tx, agent, batches)
      const known: { index: number; lines: NewLines; owner: StreamRow }[] = []
      for (const [index, batch] of batches.entries()) {
        const owner = owners[index]
        if (!owner) continue
        const { id: streamId, projectId, lines: stored } = owner
        known.push({
          index,
          owner,
          lines: { streamId, projectId, stored, firstSeq: batch.firstSeq, lines: batch.lines },
        })
      }
      const stored = await this.#streams.append(
        work.tx,
        known.map(({ lines }) => lines),
      )
      const acknowledged: (number | null)[] = batches.map(() => null)
      const grown = { step: new Map<string, number>(), instance: new Map<string, number>() }
      for (const [place, { index, owner }] of known.entries()) {
        acknowledged[index] = stored[place]!
        if (stored[place]! > owner.lines) grown[batches[index]!.stream.kind].set(owner.id, stored[place]!)
      }
      if (grown.step.size > 0) await saveSteps(work.tx, grown.step)
      if (grown.instance.size > 0) await this.#instances.save(work.tx, grown.instance)
      work.after(() => {
        crashPoint('logs.after.store')
        this.#signals.logsStored([...grown.step.keys(), ...grown.instance.keys()])
      })
      return { acknowledged }
    })
    crashPoint('logs.acknowledged')
    return answer
  }

  async #lock(tx: Transaction, agent: AgentIdentity, batches: LogBatch[]): Promise<(StreamRow | undefined)[]> {
    const steps = batches.flatMap(({ stream }) => (stream.kind === 'step' ? [stream] : []))
    const instances = batches.flatMap(({ stream }) => (stream.kind === 'instance' ? [stream.instanceId] : []))
    const [ofSteps, ofInstances] = [
      steps.length > 0 ? await lockedSteps(tx, agent.id, steps) : new Map<string, StreamRow>(),
      instances.length > 0 ? await this.#instances.lock(tx, agent.hostId, instances) : new Map<string, StreamRow>(),
    ]
    return batches.map(({ stream }) =>
      stream.kind === 'step' ? ofSteps.get(stepKey(stream)) : ofInstances.get(stream.instanceId),
    )
  }
}

const stepKey = ({ jobId, fence, step }: StepStream) => `${jobId} ${fence} ${step}`

/** A line may come before the report of what printed it, which then has no row yet. */
async function lockedSteps(tx: Transaction, agentId: string, wanted: StepStream[]): Promise<Map<string, StreamRow>> {
  const found = await lockSteps(tx, agentId, wanted)
  const added = wanted.filter((stream) => !found.has(stepKey(stream)))
  if (added.length === 0) return found
  await addSteps(
    tx,
    agentId,
    added.map(({ jobId, fence, step }) => ({ jobId, fence, place: step })),
  )
  return lockSteps(tx, agentId, wanted)
}

/** Only steps of jobs that this agent holds by this very number; always in the same order, so that none waits in a circle. */
async function lockSteps(tx: Transaction, agentId: string, wanted: StepStream[]): Promise<Map<string, StreamRow>> {
  const rows = await tx.execute<{
    id: string
    projectId: string
    lines: number
    jobId: string
    fence: string
    place: number
  }>(
    sql`
      select s.id, s.project_id as "projectId", s.lines, s.job_id as "jobId", l.fence, s.place
        from steps s
        join jobs j on j.id = s.job_id and j.status in ('leased', 'running')
        join leases l on l.subject_id = j.id and l.owner = ${agentId}
        join unnest(
          ${sql.param(wanted.map((each) => each.jobId))}::uuid[],
          ${sql.param(wanted.map((each) => each.fence))}::bigint[],
          ${sql.param(wanted.map((each) => each.step))}::int[]
        ) as w(job_id, fence, place) on w.job_id = s.job_id and w.fence = l.fence and w.place = s.place
       order by s.id
         for update of s`,
    'objects',
  )
  return new Map(
    rows.map(({ id, projectId, lines, jobId, fence, place }) => [
      `${jobId} ${fence} ${place}`,
      { id, projectId, lines },
    ]),
  )
}

const saveSteps = (tx: Transaction, grown: Map<string, number>) =>
  tx.execute(
    sql`
      update steps s set lines = g.lines
        from unnest(${sql.param([...grown.keys()])}::uuid[], ${sql.param([...grown.values()])}::int[]) as g(id, lines)
       where s.id = g.id`,
    'objects',
  )

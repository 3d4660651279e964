import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import type { Report, ReportAnswer } from '@juanie/services/hosts/contract'
import { BackOff } from './back-off.ts'
import { mayPass, type Server, ServerRefusal } from './server.ts'

export interface HeldJob {
  jobId: string
  fence: number
}

export interface OutboxParts {
  server: Server
  incarnation: string
  /** What the agent works on now. */
  holding(): HeldJob[]
  /** Whether a report may leave: that of a step's end waits for the step's last line. */
  mayLeave(report: Report): boolean
  onLost(held: HeldJob): void
  warn(message: string): void
}

interface Entry {
  report: Report
  bytes: number
}

const requestBytes = 3 * 1024 * 1024
const mostReports = 1_000
const renewMs = 1_000
/** Steps may end faster than a request takes; what they tell within this time goes together. */
const paceMs = 50
/** Below the term of a lease, so that a request that hangs does not cost it. */
const answerMs = 2_500

/**
 * What jobs report, in order within each job, numbered when it is first sent and sent again until it is acknowledged.
 * The same request renews the leases of everything that is worked on, each second. It all lies in memory: the jobs of
 * an agent that dies are repeated or lost, never continued.
 */
export class Outbox {
  readonly #parts: OutboxParts
  readonly #backOff = new BackOff()
  #waiting: Entry[] = []
  /** Sent and not acknowledged; the first has the number `#firstSeq`. */
  #sent: Entry[] = []
  #firstSeq = 1
  #isSending = false
  #timer: NodeJS.Timeout | null = null
  #renewAt = 0
  #sentAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(parts: OutboxParts) {
    this.#parts = parts
  }

  add(report: Report): void {
    this.#waiting.push({ report, bytes: 200 + sizeOf(report) })
    this.flush()
  }

  /** Everything that is worked on or still has words on their way: their leases are renewed. */
  held(): HeldJob[] {
    const all = [...this.#parts.holding(), ...[...this.#sent, ...this.#waiting].map(({ report }) => report)]
    const unique = new Map(all.map(({ jobId, fence }) => [`${jobId}/${fence}`, { jobId, fence }]))
    return [...unique.values()].slice(0, 1_000)
  }

  /** Sends what may leave, in a moment, so that what happens at once goes together. */
  flush(): void {
    if (this.#timer === null || this.#waitsForTime) this.#schedule(this.#pauseMs())
  }

  /** The begin and the end of a job wait for nothing: others wait for them. */
  #pauseMs(): number {
    const isUrgent = this.#waiting.some(({ report }) => report.kind === 'job.started' || report.kind === 'job.ended')
    return isUrgent ? 0 : Math.max(0, this.#sentAt + paceMs - performance.now())
  }

  hurry(): void {
    this.#backOff.reset()
    this.#renewAt = 0
    this.#schedule(0)
  }

  forget({ jobId, fence }: HeldJob): void {
    this.#waiting = this.#waiting.filter(({ report }) => report.jobId !== jobId || report.fence !== fence)
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #waitsForTime = false

  #schedule(inMs: number): void {
    if (this.#isSending || this.#isClosed) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#waitsForTime = inMs > 0
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#send()
    }, inMs)
  }

  async #send(): Promise<void> {
    this.#take()
    const renew = this.held()
    const now = performance.now()
    if (this.#sent.length === 0 && (renew.length === 0 || now < this.#renewAt)) {
      if (renew.length > 0) this.#schedule(this.#renewAt - now)
      return
    }
    this.#isSending = true
    this.#sentAt = now
    const batch = this.#sent.slice(0, mostReports)
    try {
      crashPoint('agent.report.before-send')
      const answer = await this.#parts.server.json<ReportAnswer>({
        method: 'POST',
        path: '/api/agent/report',
        body: JSON.stringify({
          incarnation: this.#parts.incarnation,
          firstSeq: this.#firstSeq,
          reports: batch.map(({ report }) => report),
          renew,
        }),
        timeoutMs: answerMs,
      })
      crashPoint('agent.report.acknowledged')
      this.#isSending = false
      this.#backOff.reset()
      this.#renewAt = now + renewMs
      const taken = Math.min(this.#sent.length, Math.max(0, answer.acknowledged - this.#firstSeq + 1))
      this.#sent.splice(0, taken)
      this.#firstSeq += taken
      for (const lost of answer.lost) {
        this.forget(lost)
        this.#parts.onLost(lost)
      }
      this.#schedule(this.#hasMore() ? this.#pauseMs() : renewMs)
    } catch (error) {
      this.#isSending = false
      if (!mayPass(error) && error instanceof ServerRefusal) this.#dropRefused(batch, error)
      this.#schedule(this.#backOff.nextMs())
    }
  }

  #hasMore(): boolean {
    return this.#sent.length > 0 || this.#next().length > 0
  }

  #take(): void {
    const next = new Set(this.#next())
    if (next.size === 0) return
    this.#sent.push(...next)
    this.#waiting = this.#waiting.filter((entry) => !next.has(entry))
  }

  /** Those that may leave now: never past one of the same job that may not. */
  #next(): Entry[] {
    const held = new Set<string>()
    const next: Entry[] = []
    let bytes = this.#sent.reduce((sum, entry) => sum + entry.bytes, 0)
    for (const entry of this.#waiting) {
      if (this.#sent.length + next.length >= mostReports || (bytes > 0 && bytes + entry.bytes > requestBytes)) break
      const { jobId, fence } = entry.report
      if (held.has(`${jobId}/${fence}`)) continue
      if (!this.#parts.mayLeave(entry.report)) held.add(`${jobId}/${fence}`)
      else {
        bytes += entry.bytes
        next.push(entry)
      }
    }
    return next
  }

  /**
   * A request that can never be taken must not stop all that follow. What only decorates a step is given up; the rest
   * is tried again, since a server of another build may take it.
   */
  #dropRefused(batch: Entry[], error: ServerRefusal): void {
    const isDecoration = ({ report }: Entry) => report.kind === 'step.annotation' || report.kind === 'step.summary'
    this.#parts.warn(`${batch.length} reports were refused: ${messageOf(error)}`)
    // Their numbers were never acknowledged, so the ones that stay take them.
    this.#sent = this.#sent.filter((entry) => !isDecoration(entry))
  }
}

const sizeOf = (report: Report): number => {
  if (report.kind === 'step.summary') return report.markdown.length * 2
  if (report.kind === 'step.annotation') return report.message.length * 2
  if (report.kind === 'job.ended') return JSON.stringify(report.outputs).length * 2
  return 300
}

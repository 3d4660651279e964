import { randomUUID } from 'node:crypto'
import { Hosts } from '@juanie/services/hosts'
import {
  type Frame,
  introduction,
  type LogsAnswer,
  type Report,
  type ReportAnswer,
} from '@juanie/services/hosts/contract'
import type { TestApp } from './test-app.ts'

type LeaseFrame = Extract<Frame, { type: 'lease' }>
type OwnReport = Report extends infer R ? (R extends Report ? Omit<R, 'jobId' | 'fence'> : never) : never

/** Speaks the agent contract over HTTP as a test wants it; it runs nothing. */
export class WireAgent implements AsyncDisposable {
  readonly frames: Frame[] = []
  readonly #url: string
  readonly #token: string
  readonly #slots: number
  readonly #labels: string[]
  #incarnation = randomUUID() as string
  #seq = 0
  #abort = new AbortController()
  #reading: Promise<void> = Promise.resolve()
  #waiters = new Set<() => void>()

  constructor(parts: { url: string; token: string; slots?: number; labels?: string[] }) {
    this.#url = parts.url
    this.#token = parts.token
    this.#slots = parts.slots ?? 2
    this.#labels = parts.labels ?? ['self-hosted', 'linux', 'x64']
  }

  static async local(t: TestApp, options: { slots?: number; labels?: string[] } = {}): Promise<WireAgent> {
    const { token } = await t.app.get(Hosts).ensureLocal(null)
    const agent = new WireAgent({ url: t.url, token, ...options })
    await agent.connect()
    return agent
  }

  /** A new process of the same agent: it holds nothing. */
  reborn(): this {
    this.#incarnation = randomUUID()
    this.#seq = 0
    return this
  }

  async connect(holding: { jobId: string; fence: number }[] = []): Promise<void> {
    this.#abort = new AbortController()
    const answer = await fetch(`${this.#url}/api/agent/work`, {
      signal: this.#abort.signal,
      headers: {
        authorization: `Bearer ${this.#token}`,
        [introduction.version]: '1',
        [introduction.build]: 'test',
        [introduction.incarnation]: this.#incarnation,
        [introduction.slots]: String(this.#slots),
        [introduction.holding]: JSON.stringify(holding),
        [introduction.isolation]: 'trusted',
        [introduction.labels]: JSON.stringify(this.#labels),
      },
    })
    if (answer.status !== 200) throw new Error(`work answered ${answer.status}: ${await answer.text()}`)
    this.#reading = this.#read(answer.body!).catch(() => {})
  }

  async disconnect(): Promise<void> {
    this.#abort.abort()
    await this.#reading
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true })
      const lines = text.split('\n')
      text = lines.pop()!
      this.frames.push(...lines.map((line) => JSON.parse(line) as Frame))
      for (const wake of this.#waiters) wake()
    }
  }

  /** The first frame, from `from` on, that fits. */
  async frame<T extends Frame['type']>(
    type: T,
    fits: (frame: Extract<Frame, { type: T }>) => boolean = () => true,
    limitMs = 8_000,
  ): Promise<Extract<Frame, { type: T }>> {
    const end = Date.now() + limitMs
    for (;;) {
      const found = this.frames.find(
        (frame): frame is Extract<Frame, { type: T }> =>
          frame.type === type && fits(frame as Extract<Frame, { type: T }>),
      )
      if (found) return found
      const left = end - Date.now()
      if (left <= 0)
        throw new Error(`no ${type} frame came; there are ${this.frames.map((each) => each.type).join(', ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left)
        const waiters = this.#waiters
        function done() {
          clearTimeout(timer)
          waiters.delete(done)
          resolve()
        }
        waiters.add(done)
      })
    }
  }

  lease(key?: string): Promise<LeaseFrame> {
    return this.frame('lease', ({ job }) => key === undefined || job.instance.job.id === key)
  }

  post(path: string, body: unknown): Promise<Response> {
    return fetch(`${this.#url}/api/agent/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  /** Sends reports of a leased job as the next ones; `firstSeq` sends them under another number. */
  async report(lease: LeaseFrame | null, reports: OwnReport[], options: { firstSeq?: number; renew?: boolean } = {}) {
    const held = lease && { jobId: lease.job.jobId, fence: lease.fence }
    const firstSeq = options.firstSeq ?? this.#seq + 1
    const answer = await this.post('report', {
      incarnation: this.#incarnation,
      firstSeq,
      reports: reports.map((each) => ({ ...held, ...each })),
      renew: held && options.renew !== false ? [held] : [],
    })
    if (answer.status !== 200) throw new Error(`report answered ${answer.status}: ${await answer.text()}`)
    const body = (await answer.json()) as ReportAnswer
    if (options.firstSeq === undefined) this.#seq = body.acknowledged
    return body
  }

  /** Renews these leases each second, as a living agent does, until it is disposed of. */
  keep(leases: LeaseFrame[]): Disposable {
    const renew = leases.map(({ job, fence }) => ({ jobId: job.jobId, fence }))
    const body = { incarnation: this.#incarnation, firstSeq: 1, reports: [], renew }
    const timer = setInterval(() => void this.post('report', body).catch(() => {}), 1_000)
    return { [Symbol.dispose]: () => clearInterval(timer) }
  }

  async logs(
    lease: LeaseFrame,
    batches: { step: number; firstSeq: number; lines: string[] }[],
  ): Promise<(number | null)[]> {
    const answer = await this.post('logs', {
      batches: batches.map(({ step, firstSeq, lines }) => ({
        stream: { kind: 'step', jobId: lease.job.jobId, fence: lease.fence, step },
        firstSeq,
        lines: lines.map((line) => [1_700_000_000_000, line]),
      })),
    })
    if (answer.status !== 200) throw new Error(`logs answered ${answer.status}: ${await answer.text()}`)
    return ((await answer.json()) as LogsAnswer).acknowledged
  }

  /** Says that the job ran to its end: every step, then the job. */
  async finish(
    lease: LeaseFrame,
    result: 'succeeded' | 'failed' | 'canceled' | 'timed_out' = 'succeeded',
    outputs: Record<string, string> = {},
  ): Promise<ReportAnswer> {
    const at = new Date().toISOString()
    const outcome = result === 'succeeded' ? 'success' : result === 'canceled' ? 'cancelled' : 'failure'
    const steps = lease.job.instance.job.steps.flatMap((_step, step): OwnReport[] => [
      { kind: 'step.started', step, at, name: `Step ${step}` },
      {
        kind: 'step.ended',
        step,
        at,
        outcome,
        conclusion: outcome,
        exitCode: result === 'succeeded' ? 0 : 1,
        reason: null,
        lines: 0,
      },
    ])
    return this.report(lease, [
      { kind: 'job.started', at },
      ...steps,
      { kind: 'job.ended', at, result, reason: null, outputs },
    ])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }
}

export type { LeaseFrame }

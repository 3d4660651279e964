import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type {
  ActionAnswer,
  AskActions,
  AskDeployment,
  AskedDeployment,
  DeploymentProgress,
  Frame,
  MadeRelease,
  MakeRelease,
  Observed,
  Report,
} from '@juanie/services/hosts/contract'
import type { JobUpstream, StepStream as StepStreamId } from '../jobs/upstream.ts'
import { BackOff } from './back-off.ts'
import { LogSender, type LogSource } from './log-sender.ts'
import { MeasureSender, type MeasureSenderParts } from './measure-sender.ts'
import { ObservedSender } from './observed-sender.ts'
import { type HeldJob, Outbox } from './outbox.ts'
import { type Call, mayPass, Server, type ServerAddress, ServerRefusal } from './server.ts'
import { type LogMemory, StepStream } from './step-stream.ts'
import { type Introduction, WorkLink } from './work-link.ts'

export interface ConnectionParts {
  address: ServerAddress
  incarnation: string
  /** A folder of the agent's own for lines that wait while the server is away. */
  spool: string
  introduce(): Omit<Introduction, 'incarnation' | 'holding'>
  holding(): HeldJob[]
  onFrame(frame: Frame): void
  onLost(held: HeldJob): void
  observe(): Omit<Observed, 'incarnation' | 'seq'>
  onProbesStored(probes: Record<string, number>): void
  measures: Pick<MeasureSenderParts, 'traffic' | 'counted' | 'usage' | 'everyMs'>
  log(message: string): void
  silenceMs?: number
}

const memoryBytes = 8 * 1024 * 1024
/** How long one step may wait for a server that is away, when its next move needs it. */
const absenceMs = 30 * 60_000

/** Everything that goes between this agent and the server. */
export class Connection implements JobUpstream {
  readonly server: Server
  readonly #parts: ConnectionParts
  readonly #link: WorkLink
  readonly #outbox: Outbox
  readonly #logs: LogSender
  readonly #observed: ObservedSender
  readonly #measures: MeasureSender
  readonly #steps = new Map<string, StepStream>()
  readonly #memory: LogMemory = { left: memoryBytes }
  #spooled = 0
  #saidDown = ''

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.server = new Server(parts.address)
    const { server } = this
    const warn = (message: string) => parts.log(message)
    this.#logs = new LogSender({ server, warn })
    this.#observed = new ObservedSender({
      server,
      warn,
      incarnation: parts.incarnation,
      observe: () => parts.observe(),
      onStored: (probes) => parts.onProbesStored(probes),
    })
    this.#measures = new MeasureSender({ server, warn, ...parts.measures })
    this.#outbox = new Outbox({
      server,
      warn,
      incarnation: parts.incarnation,
      holding: () => parts.holding(),
      mayLeave: (report) => this.#mayLeave(report),
      onLost: (held) => this.#lose(held),
    })
    this.#link = new WorkLink({
      server,
      silenceMs: parts.silenceMs,
      introduce: () => ({ ...parts.introduce(), incarnation: parts.incarnation, holding: this.#outbox.held() }),
      onFrame: (frame) => parts.onFrame(frame),
      onUp: () => this.#up(),
      onDown: (reason) => this.#down(reason),
    })
    mkdirSync(parts.spool, { recursive: true, mode: 0o700 })
    // An earlier process left them; the steps that they belong to are gone with it.
    for (const name of readdirSync(parts.spool)) rmSync(join(parts.spool, name), { force: true })
  }

  get isUp(): boolean {
    return this.#link.isUp
  }

  open(): void {
    this.#link.open()
  }

  /** From now on `observe` knows the whole host. */
  startObserving(): void {
    this.#observed.start()
    this.#measures.start()
  }

  /** The truth changed; `later` when it can wait for company. */
  changed(when: 'now' | 'later' = 'now'): void {
    this.#observed.changed(when)
  }

  /** Words that are still on their way. */
  held(): HeldJob[] {
    return this.#outbox.held()
  }

  close(): void {
    this.#link.close()
    this.#outbox.close()
    this.#logs.close()
    this.#observed.close()
    this.#measures.close()
    for (const stream of this.#steps.values()) stream.close()
    this.server.close()
  }

  // What instances need.

  wake(source: LogSource): void {
    this.#logs.wake(source)
  }

  forget(source: LogSource): void {
    this.#logs.forget(source)
  }

  // What jobs need.

  report(report: Report): void {
    this.#outbox.add(report)
  }

  log(stream: StepStreamId, lines: [number, string][]): void {
    const key = keyOf(stream)
    let source = this.#steps.get(key)
    if (!source) {
      const spoolFile = join(this.#parts.spool, String(++this.#spooled))
      source = new StepStream(stream, { memory: this.#memory, spoolFile })
      source.onSettled = () => this.#outbox.flush()
      this.#steps.set(key, source)
    }
    source.append(lines)
    this.#logs.wake(source)
  }

  serverUrl(): string | null {
    return this.server.address.url()
  }

  async putBlob(jobId: string, digest: string, file: string, signal: AbortSignal): Promise<void> {
    const path = `/api/agent/blobs/${digest}?job=${jobId}`
    const isThere = await this.#patiently(signal, () =>
      this.server
        .open({ method: 'HEAD', path, timeoutMs: 10_000, signal })
        .then((response) => {
          response.resume()
          return true
        })
        .catch((error) => {
          if (error instanceof ServerRefusal && [404, 405].includes(error.status)) return false
          throw error
        }),
    )
    if (isThere) return
    const timeoutMs = 60_000 + statSync(file).size / 500
    await this.#patiently(signal, () => this.server.upload({ path, timeoutMs, signal }, file))
  }

  makeRelease(release: MakeRelease, signal: AbortSignal): Promise<MadeRelease> {
    return this.#ask({ method: 'POST', path: '/api/agent/release', body: JSON.stringify(release), signal })
  }

  askDeployment(ask: AskDeployment, signal: AbortSignal): Promise<AskedDeployment> {
    return this.#ask({ method: 'POST', path: '/api/agent/deploy', body: JSON.stringify(ask), signal })
  }

  async resolveActions(ask: AskActions, signal: AbortSignal): Promise<ActionAnswer[]> {
    const body = JSON.stringify(ask)
    // A source that is slow is waited for by the server.
    const call = { method: 'POST', path: '/api/agent/actions', body, signal, timeoutMs: 10 * 60_000 } as const
    return (await this.#patiently(signal, () => this.server.json<{ actions: ActionAnswer[] }>(call))).actions
  }

  async downloadAction(
    job: HeldJob,
    { owner, name, commit }: { owner: string; name: string; commit: string },
    file: string,
    signal: AbortSignal,
  ): Promise<void> {
    const path = `/api/agent/actions/${owner}/${name}/${commit}?job=${job.jobId}&fence=${job.fence}`
    await this.#patiently(signal, () => this.server.download({ path, timeoutMs: 60_000, signal }, file))
  }

  deploymentProgress(deploymentId: string, job: HeldJob, signal: AbortSignal): Promise<DeploymentProgress> {
    const path = `/api/agent/deployments/${deploymentId}?wait=25&job=${job.jobId}&fence=${job.fence}`
    return this.#ask({ method: 'GET', path, signal })
  }

  #ask<T>(call: Omit<Call, 'timeoutMs'> & { signal: AbortSignal }): Promise<T> {
    return this.#patiently(call.signal, () => this.server.json<T>({ ...call, timeoutMs: 60_000 }))
  }

  /** Tries again while the server is away; a refusal is for the step to tell. */
  async #patiently<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const until = performance.now() + absenceMs
    for (const backOff = new BackOff(); ; ) {
      try {
        return await attempt()
      } catch (error) {
        if (signal.aborted || !mayPass(error) || performance.now() > until) throw error
      }
      await pause(backOff.nextMs(), undefined, { signal })
      this.server.address.refresh()
    }
  }

  /** The end of a step leaves after its last line, and its stream is over then. */
  #mayLeave(report: Report): boolean {
    if (report.kind !== 'step.ended') return true
    const key = keyOf(report)
    const stream = this.#steps.get(key)
    if (stream && !stream.isSettled) return false
    if (stream) this.#logs.forget(stream)
    stream?.close()
    this.#steps.delete(key)
    return true
  }

  #lose(held: HeldJob): void {
    for (const [key, stream] of this.#steps) {
      if (stream.stream.jobId !== held.jobId || stream.stream.fence !== held.fence) continue
      this.#logs.forget(stream)
      stream.close()
      this.#steps.delete(key)
    }
    this.#parts.onLost(held)
  }

  #up(): void {
    this.#saidDown = ''
    this.#outbox.hurry()
    this.#logs.hurry()
    this.#observed.hurry()
    this.#measures.hurry()
  }

  #down(reason: string): void {
    // The attempts go on; the same reason is told once.
    if (reason !== this.#saidDown) this.#parts.log(reason)
    this.#saidDown = reason
  }
}

const keyOf = ({ jobId, fence, step }: { jobId: string; fence: number; step: number }) => `${jobId}/${fence}/${step}`

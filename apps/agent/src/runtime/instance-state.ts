import type { InstanceState, ObservedInstance, Probe } from '@juanie/services/hosts/contract'
import type { Exit } from '../host/user-command.ts'
import { KeptFile, readJson } from './files.ts'
import type { ProbeResult } from './probe.ts'

/** What must be known of an instance after the agent that watched it is gone. Holds no values of its environment. */
export interface KeptState {
  port: number | null
  /** How often the port had to change; an id keeps its address otherwise. */
  moves: number
  attempt: number
  restarts: number
  /** Ends in a row, each soon after its start; the pause before the next start grows with them. */
  crashes: number
  /** The last start that became healthy; 0 when none ever did. */
  healthyAttempt: number
  /** Probes have smaller numbers than this. */
  probeLimit: number
  firstStartedAt: string | null
  exit: Exit | null
  /** Decided for good: nothing is started any more. */
  final: { state: 'completed' | 'failed'; reason: string | null } | null
  /** How to end it when it is no longer desired and its description is gone. */
  stop: { signal: string; graceMs: number }
}

const fresh = (): KeptState => ({
  port: null,
  moves: 0,
  attempt: 0,
  restarts: 0,
  crashes: 0,
  healthyAttempt: 0,
  probeLimit: 1,
  firstStartedAt: null,
  exit: null,
  final: null,
  stop: { signal: 'SIGTERM', graceMs: 10_000 },
})

/** Numbers are reserved in blocks, so that not every probe costs a write. A gap after a crash does no harm. */
const numberBlock = 500
const mostUnsent = 200
const steadyMs = 60_000

/** The state of one instance as it is told and kept, without what is done about it. */
export class InstanceFacts {
  readonly kept: KeptState
  readonly #file: KeptFile
  state: InstanceState = 'waiting'
  reason: string | null = null
  pid: number | null = null
  startedAt: string | null = null
  notHonoured: string[] = []
  #probes: Probe[] = []
  #nextProbe: number
  #lastRecorded: { at: number; good: boolean; status: number | null } | null = null

  constructor(file: string) {
    this.#file = new KeptFile(file)
    this.kept = { ...fresh(), ...readJson<Partial<KeptState>>(file) }
    this.#nextProbe = this.kept.probeLimit
  }

  /** Some start of it became healthy: from then on it is started again and again. */
  get wasHealthy(): boolean {
    return this.kept.healthyAttempt > 0
  }

  save(): void {
    this.#file.write(JSON.stringify(this.kept))
  }

  /** Evidence. While everything is steady only one a minute is kept, and `isWatched` keeps all. */
  record(result: ProbeResult, isWatched: boolean): void {
    const now = Date.now()
    const last = this.#lastRecorded
    const isSame = last !== null && last.good === result.good && last.status === result.status
    if (isSame && !isWatched && now - last.at < steadyMs) return
    this.#lastRecorded = { at: now, good: result.good, status: result.status }
    if (this.#nextProbe >= this.kept.probeLimit) {
      this.kept.probeLimit = this.#nextProbe + numberBlock
      this.save()
    }
    this.#probes.push({
      seq: this.#nextProbe++,
      at: new Date(now).toISOString(),
      good: result.good,
      status: result.status,
      latencyMs: result.latencyMs,
      body: result.body.slice(0, 512),
    })
    // The newest tell more than the oldest.
    if (this.#probes.length > mostUnsent) this.#probes.splice(0, this.#probes.length - mostUnsent)
  }

  stored(seq: number): void {
    this.#probes = this.#probes.filter((probe) => probe.seq > seq)
  }

  observe(id: string): ObservedInstance {
    const { port, restarts, exit } = this.kept
    return {
      id,
      state: this.state,
      reason: this.reason?.slice(0, 4000) ?? null,
      port,
      pid: this.pid,
      startedAt: this.startedAt,
      restarts,
      exit,
      probes: [...this.#probes],
      notHonoured: this.notHonoured,
    }
  }
}

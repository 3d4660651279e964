import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { portRefusal } from '@juanie/core/port-holder'
import { isRunning, signal, waitUntilGone } from '@juanie/core/process-identity'
import { EdgeClient, EdgeRefusal } from './client.ts'
import type { EdgeIdentity, EdgeSettings } from './protocol.ts'

export type EdgeEvent =
  | { kind: 'started' | 'adopted' | 'replaced' | 'restarted'; identity: EdgeIdentity }
  /** It ended by itself; it is started again at once. */
  | { kind: 'died'; pid: number }
  /** It lived and did not answer, and was killed. */
  | { kind: 'hung'; pid: number }
  /** It could not be started again, or has no port; tried again after `retryMs`. */
  | { kind: 'failing'; error: Error; retryMs: number }

export interface SupervisorOptions {
  /** The edge's own folder, made when missing (0700). Its state, socket and log lie there. */
  folder: string
  /** The bundled program, `dist/edge.mjs`. */
  entry: string
  settings: EdgeSettings
  /** The Node that runs it; default: this one. */
  node?: string
  /** After `restarted` the table on disk is in force; sending it again does no harm. */
  onEvent?: (event: EdgeEvent) => void
}

/**
 * The heap of a proxy holds little for long, so a small one is enough, and small young generations keep what an idle
 * edge occupies near that of a bare Node.
 */
const nodeFlags = ['--max-old-space-size=192', '--max-semi-space-size=2', '--expose-gc']

const startLimitMs = 10_000
const heartbeatMs = 5_000
const missedHeartbeats = 3
const logLimitBytes = 1024 * 1024

/** Keeps one edge alive for one folder. The caller holds the lock of the home: there is one supervisor at a time. */
export class EdgeSupervisor {
  readonly client: EdgeClient
  readonly #options: SupervisorOptions
  #identity: EdgeIdentity | null = null
  #unwatch: (() => void) | null = null
  #heartbeat: NodeJS.Timeout | null = null
  #isReleased = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.client = new EdgeClient(options.folder)
  }

  /** Of the edge that runs now; null before `start`. */
  get identity(): EdgeIdentity | null {
    return this.#identity
  }

  /**
   * Adopts the edge that lives in the folder (replacing it when it is another build), or starts one, and has it listen
   * as the settings say. A port that cannot be had is a `StartError`; an adopted edge then goes on as it was, a new one is ended.
   */
  async start(): Promise<EdgeIdentity> {
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 })
    const living = await this.client.identity(2_000).catch(() => null)
    const identity = living ? await this.#adopt(living) : await this.#spawn()
    try {
      await this.#listen()
    } catch (error) {
      if (!living) await this.#end(identity)
      throw error
    }
    await this.#watch(identity)
    this.#heartbeat = setInterval(() => void this.#beat(), heartbeatMs).unref()
    const kind = living ? (living.pid === identity.pid ? 'adopted' : 'replaced') : 'started'
    this.#identity = await this.client.identity()
    this.#tell({ kind, identity: this.#identity })
    return this.#identity
  }

  /** Stops supervising; the edge goes on and serves. */
  release(): void {
    this.#isReleased = true
    this.#unwatch?.()
    if (this.#heartbeat) clearInterval(this.#heartbeat)
    this.client.close()
  }

  /** Ends the edge after its requests, or when the grace is over, and waits until its process is gone. */
  async stop(graceMs: number): Promise<void> {
    const identity = await this.client.identity(2_000).catch(() => null)
    this.#isReleased = true
    this.#unwatch?.()
    if (identity) await this.#end(identity, graceMs)
    this.release()
  }

  async #adopt(living: EdgeIdentity): Promise<EdgeIdentity> {
    if (living.build === buildOf(this.#options.entry)) return living
    // A build too old to know `replace` refuses it; it serves well enough to be kept.
    const replaced = await this.client.replace({ command: this.#command() }).catch((error) => {
      if (error instanceof EdgeRefusal) return null
      throw error
    })
    if (!replaced) return living
    this.client.predecessor = living
    return this.#answering(replaced.pid)
  }

  #command(): string[] {
    const { node = process.execPath, entry, folder } = this.#options
    return [node, ...nodeFlags, entry, '--folder', folder]
  }

  async #spawn(): Promise<EdgeIdentity> {
    const [program = '', ...args] = this.#command()
    const log = openLog(this.#options.folder)
    try {
      const child = spawn(program, args, {
        detached: true,
        stdio: ['ignore', log, log],
        cwd: this.#options.folder,
        env: edgeEnvironment(),
      })
      let failure: Error | null = null
      child.once('error', (error) => {
        failure = error
      })
      child.once('exit', (code, signal) => {
        failure ??= new Error(`The edge ended with ${signal ?? `code ${code}`}; see ${logPath(this.#options.folder)}.`)
      })
      child.unref()
      return await this.#answering(child.pid, () => failure)
    } finally {
      closeSync(log)
    }
  }

  /** Waits until the edge with this pid answers on the socket. */
  async #answering(pid: number | undefined, failure: () => Error | null = () => null): Promise<EdgeIdentity> {
    const until = performance.now() + startLimitMs
    for (;;) {
      const identity = await this.client.identity(1_000).catch(() => null)
      if (identity && identity.pid === pid) return identity
      const reason = failure()
      if (reason) throw reason
      if (performance.now() > until) {
        throw new Error(`The edge does not answer after ${startLimitMs} ms; see ${logPath(this.#options.folder)}.`)
      }
      await after(5)
    }
  }

  async #listen(): Promise<void> {
    const { settings } = this.#options
    try {
      await this.client.listen(settings)
    } catch (error) {
      if (!(error instanceof EdgeRefusal)) throw error
      throw await portRefusal(
        'EDGE_PORT',
        settings.port,
        Object.assign(new Error(error.message), { code: error.code ?? undefined }),
      )
    }
  }

  async #watch(identity: EdgeIdentity): Promise<void> {
    this.#identity = identity
    const died = () => {
      this.#unwatch = null
      if (this.#isReleased) return
      this.#tell({ kind: 'died', pid: identity.pid })
      void this.#revive()
    }
    const unwatch = await this.client.watch(died).catch(() => null)
    if (this.#isReleased) return unwatch?.()
    if (unwatch) this.#unwatch = unwatch
    else died()
  }

  async #revive(): Promise<void> {
    for (let retryMs = 50; !this.#isReleased; retryMs = Math.min(retryMs * 2, 1_000)) {
      try {
        // Another one may have taken over: a successor that the old edge started itself.
        const identity = (await this.client.identity(500).catch(() => null)) ?? (await this.#spawn())
        if (identity.listen === null) await this.#listen()
        if (this.#isReleased) return
        await this.#watch(identity)
        this.#tell({ kind: 'restarted', identity })
        return
      } catch (error) {
        this.#tell({ kind: 'failing', error: error as Error, retryMs })
        await after(retryMs, undefined, { ref: false })
      }
    }
  }

  #missed = 0

  async #beat(): Promise<void> {
    const identity = this.#identity
    if (!identity || !this.#unwatch) return
    const answer = await this.client.identity(heartbeatMs - 500).catch(() => null)
    this.#missed = answer ? 0 : this.#missed + 1
    if (this.#missed < missedHeartbeats || this.#isReleased) return
    this.#missed = 0
    if (!isRunning(identity)) return
    this.#tell({ kind: 'hung', pid: identity.pid })
    signal(identity, 'SIGKILL')
  }

  async #end(identity: EdgeIdentity, graceMs = 0): Promise<void> {
    await this.client.stop({ graceMs }).catch(() => {})
    if (await waitUntilGone(identity, graceMs + 2_000)) return
    signal(identity, 'SIGKILL')
    await waitUntilGone(identity, 2_000)
  }

  #tell(event: EdgeEvent): void {
    this.#options.onEvent?.(event)
  }
}

/** The edge gets nothing of the agent's environment: it needs none of it, and secrets lie there. */
const edgeEnvironment = (): Record<string, string> => ({
  LANG: 'C.UTF-8',
  MALLOC_ARENA_MAX: '2',
  UV_THREADPOOL_SIZE: '1',
})

/** What `EdgeIdentity.build` is for this program. */
const buildOf = (entry: string): string => createHash('sha256').update(readFileSync(entry)).digest('hex').slice(0, 16)

const logPath = (folder: string) => join(folder, 'edge.log')

function openLog(folder: string): number {
  const path = logPath(folder)
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > logLimitBytes) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, renameSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { identify, type ProcessIdentity } from '@juanie/core/process-identity'
import { type Calls, controlServer, Refusal } from './control.ts'
import { Front } from './front.ts'
import {
  type Drained,
  type DrainRequest,
  type EdgeIdentity,
  type EdgeSettings,
  type EdgeStats,
  type EndRequest,
  edgeSocketPath,
  type Listen,
  parseCounted,
  parseDrain,
  parseEnd,
  parseSettings,
  parseStop,
  parseSuccessor,
  parseTable,
  type RouteTable,
  type Successor,
} from './protocol.ts'
import { Routing } from './routing.ts'
import { type EdgeState, StateFile } from './state.ts'
import { Traffic } from './traffic.ts'
import { TrafficFiles } from './traffic-files.ts'
import type { Upstream } from './upstream.ts'

const guardMs = 5_000
const successorLimitMs = 10_000
/** What a replaced edge may still take for requests that it began. */
const handOverMs = 30_000
/** For the client of a stream to read its end. */
const settleMs = 500

export interface EdgeOptions {
  folder: string
  /** The program that runs, for `EdgeIdentity.build`. */
  program: string
  /** A listening socket that a predecessor handed over. */
  listenFd?: number
  exit: (code: number) => void
}

/** The edge as a whole: what it keeps on disk, whom it serves, and what the agent may tell it. */
export class Edge {
  readonly #options: EdgeOptions
  readonly #routing = new Routing()
  readonly #front = new Front(this.#routing)
  readonly #file: StateFile
  readonly #socketPath: string
  readonly #startedAt = new Date().toISOString()
  readonly #build: string
  readonly #process: ProcessIdentity = identify(process.pid)!
  readonly #traffic: Traffic
  #state: EdgeState
  #listenError: EdgeIdentity['listenError'] = null
  #control = controlServer(this.#calls())
  #inode = 0
  #isEnding = false

  constructor(options: EdgeOptions) {
    this.#options = options
    this.#file = new StateFile(options.folder)
    this.#traffic = new Traffic({
      routing: this.#routing,
      files: new TrafficFiles(options.folder, this.#process),
    })
    this.#state = this.#file.read()
    this.#socketPath = edgeSocketPath(options.folder)
    this.#build = createHash('sha256').update(readFileSync(options.program)).digest('hex').slice(0, 16)
  }

  /** Serves what lies on disk at once; a port that cannot be had is told by `identity` and tried again by the agent. */
  async start(): Promise<void> {
    this.#routing.replace(this.#state.table)
    this.#traffic.start()
    if (this.#state.settings) {
      await this.#front.open(this.#state.settings, this.#options.listenFd).catch((error: NodeJS.ErrnoException) => {
        this.#listenError = { code: error.code ?? 'unknown', message: error.message }
        console.error(`${new Date().toISOString()} Cannot listen: ${error.message}`)
      })
    }
    await this.#openControl()
    setInterval(() => this.#guard(), guardMs).unref()
  }

  async stop(graceMs: number, idle: 'kept' | 'closed' = 'closed'): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    await this.#front.close(graceMs, idle)
    this.#traffic.leave(true)
    this.#leaveSocket()
    this.#options.exit(0)
  }

  #calls(): Calls {
    return {
      'GET /identity': () => this.#identity(),
      'GET /table': () => this.#routing.table,
      'PUT /table': (body) => this.#setTable(parseTable(body)),
      'GET /stats': () => this.#stats(),
      'GET /traffic': () => this.#traffic.read(),
      'POST /counted': (body) => {
        this.#traffic.counted(parseCounted(body))
        return {}
      },
      'PUT /listen': (body) => this.#listen(parseSettings(body)),
      'POST /drain': (body) => this.#drain(parseDrain(body)),
      'POST /end': (body) => this.#end(parseEnd(body)),
      'POST /replace': (body) => this.#replace(parseSuccessor(body)),
      'POST /stop': (body) => {
        const { graceMs } = parseStop(body)
        setImmediate(() => void this.stop(graceMs))
        return { pid: process.pid }
      },
    }
  }

  #identity(): EdgeIdentity {
    return {
      ...this.#process,
      startedAt: this.#startedAt,
      build: this.#build,
      tableVersion: this.#routing.table.version,
      listen: this.#front.listen,
      listenError: this.#listenError,
    }
  }

  #setTable(table: RouteTable): { version: number } {
    const present = this.#routing.table.version
    if (table.version < present) {
      throw new Refusal(409, `The table in force has version ${present}, and ${table.version} is older.`, 'older')
    }
    this.#routing.replace(table)
    this.#save({ ...this.#state, table })
    return { version: table.version }
  }

  async #stats(): Promise<EdgeStats> {
    const { rss, heapUsed } = process.memoryUsage()
    return {
      startedAt: this.#startedAt,
      tableVersion: this.#routing.table.version,
      connections: await this.#front.connections(),
      unknownHosts: this.#front.unknownHosts,
      badRequests: this.#front.badRequests,
      memory: { rssBytes: rss, heapUsedBytes: heapUsed },
      instances: this.#routing.instanceStats(),
      routes: this.#routing.routeStats(),
    }
  }

  async #listen(settings: EdgeSettings): Promise<Listen> {
    try {
      const listen = await this.#front.open(settings)
      this.#listenError = null
      // A free port that was found stays the same after a restart.
      this.#save({ ...this.#state, settings: { ...settings, port: listen.port } })
      return listen
    } catch (error) {
      const { code = 'unknown', message } = error as NodeJS.ErrnoException
      if (!this.#front.listen) this.#listenError = { code, message }
      throw new Refusal(409, message, code)
    }
  }

  #save(state: EdgeState): void {
    this.#state = state
    if (!this.#isEnding) this.#file.write(state)
  }

  async #drain({ instance, timeoutMs, endStreams }: DrainRequest): Promise<Drained> {
    const upstream = this.#routing.instance(instance)
    if (upstream?.role === 'serving') {
      throw new Refusal(409, `The instance ${instance} still serves a route and would never be drained.`, 'serving')
    }
    let ended = 0
    if (upstream) {
      if (endStreams === 'now') ended = endWork(upstream, 'streams')
      const { turns } = upstream
      const isDrained = await upstream.drained(timeoutMs)
      // Where it got visitors again meanwhile, their streams are none of this drain's.
      if (!isDrained && endStreams === 'deadline' && upstream.turns === turns) {
        ended = endWork(upstream, 'streams')
        await upstream.drained(settleMs)
      }
    }
    return {
      drained: !upstream || upstream.load === 0,
      ended,
      inFlight: upstream?.inFlight.size ?? 0,
      upgraded: upstream?.tunnels.size ?? 0,
      streams: upstream?.streams.size ?? 0,
    }
  }

  #end({ instance, what }: EndRequest): { ended: number } {
    const upstream = this.#routing.instance(instance)
    return { ended: upstream ? endWork(upstream, what) : 0 }
  }

  /**
   * Starts the successor with the listening socket as its descriptor 3: connections wait in one queue for both, so none
   * is refused. Once the successor answers on the socket this edge takes no more and ends.
   */
  async #replace({ command }: Successor): Promise<{ pid: number }> {
    const fd = this.#front.fd
    const [program = '', ...args] = command
    const child = spawn(program, fd === null ? args : [...args, '--listen-fd', '3'], {
      detached: true,
      stdio: fd === null ? ['ignore', 1, 2] : ['ignore', 1, 2, fd],
    })
    let failure: string | null = null
    child.once('error', (error) => {
      failure = error.message
    })
    child.once('exit', (code, signal) => {
      failure ??= `it ended with ${signal ?? `code ${code}`}`
    })
    const until = performance.now() + successorLimitMs
    while (this.#ownsSocket()) {
      if (failure === null && performance.now() > until) failure = `it did not answer within ${successorLimitMs} ms`
      if (failure !== null) {
        child.kill('SIGKILL')
        throw new Refusal(500, `The new edge did not start: ${failure}.`, 'successor')
      }
      await after(5)
    }
    child.unref()
    // Its successor finds all of it even if this process does not come to its own end.
    this.#traffic.leave(false)
    setTimeout(() => void this.stop(handOverMs, 'kept'), 50)
    return { pid: child.pid! }
  }

  /**
   * The socket is made under another name and moved to its place: a predecessor's is replaced in one step, and closing
   * ours later does not remove a successor's, for libuv unlinks the name under which it was made.
   */
  async #openControl(): Promise<void> {
    const folder = dirname(this.#socketPath)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = lstatSync(folder)
    if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
      throw new Error(`${folder} must belong to the user of the edge and be closed to others (mode 0700).`)
    }
    const beside = `${this.#socketPath}.${process.pid}`
    const mask = process.umask(0o177)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#control.once('error', reject)
        this.#control.listen(beside, resolve)
      })
    } finally {
      process.umask(mask)
    }
    this.#inode = statSync(beside).ino
    renameSync(beside, this.#socketPath)
  }

  #ownsSocket(): boolean {
    return statSync(this.#socketPath, { throwIfNoEntry: false })?.ino === this.#inode
  }

  /** An edge whose folder is gone, or whose place another one took, has nobody left who could end it. */
  #guard(): void {
    if (this.#isEnding || this.#ownsSocket()) return
    const isFolderThere = statSync(this.#options.folder, { throwIfNoEntry: false }) !== undefined
    const isTaken = statSync(this.#socketPath, { throwIfNoEntry: false }) !== undefined
    if (isTaken || !isFolderThere) return void this.stop(handOverMs)
    // Something cleaned up the socket alone, as happens in temporary folders.
    this.#control.close()
    this.#control = controlServer(this.#calls())
    this.#openControl().catch((error) => console.error(`${new Date().toISOString()} ${error.message}`))
  }

  #leaveSocket(): void {
    if (this.#ownsSocket()) unlinkSync(this.#socketPath)
    const folder = dirname(this.#socketPath)
    if (folder !== this.#options.folder) removeIfEmpty(folder)
    this.#control.close()
    this.#control.closeAllConnections()
  }

  get activity(): number {
    return this.#front.activity
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Other edges of this user have their sockets there.
  }
}

function endWork(upstream: Upstream, what: EndRequest['what']): number {
  const work = [...upstream.streams, ...upstream.tunnels, ...(what === 'all' ? upstream.inFlight : [])]
  for (const one of work) one.end()
  return work.length
}

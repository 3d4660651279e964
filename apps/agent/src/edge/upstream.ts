import http from 'node:http'
import net from 'node:net'
import type { InstanceStats, Target } from './protocol.ts'

/** Something under way at an instance that can be ended from outside. */
export interface Work {
  end(): void
}

/**
 * Node closes an idle connection after 5 s, the shortest default among common servers that say nothing. Closing ours
 * earlier means that a request is not written into a connection that is about to be closed.
 */
const idleMs = 4_000
/** Taken off what the instance itself announced in `Keep-Alive: timeout=…`. */
const hintMarginMs = 1_000
const connectLimitMs = 5_000
const mostIdle = 256

type Connected = (error: Error | null, socket: net.Socket | null, isReused: boolean) => void

interface PooledSocket extends net.Socket {
  /** When it became idle; undefined while it is in use. */
  idleSince?: number
  /** How long it may idle, where an answer said so. */
  keptMs?: number
  /** Called when the instance is silent for as long as `setTimeout` on the socket says. */
  onSilence?: (() => void) | undefined
}

/** One instance as the edge sees it: its idle connections, and what is under way there. */
export class Upstream {
  readonly target: Target
  /** How often it began to serve. */
  turns = 0
  requests = 0
  refused = 0
  broken = 0
  lastRefusedAt = Number.NEGATIVE_INFINITY
  readonly inFlight = new Set<Work>()
  readonly streams = new Set<Work>()
  readonly tunnels = new Set<Work>()
  readonly #idle: PooledSocket[] = []
  readonly #waiting = new Set<() => void>()
  #next: net.Socket | null = null
  #role: InstanceStats['role'] = 'standby'

  /**
   * `http.request` takes anything that has `addRequest` for an agent; this one hands over a connection that is open
   * already. So nothing of a request, its body least of all, is consumed before it is clear that someone listens.
   */
  readonly #lender = {
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    protocol: 'http:',
    defaultPort: 80,
    addRequest: (request: { onSocket(socket: net.Socket | null): void }) => {
      request.onSocket(this.#next)
      this.#next = null
    },
  }

  constructor(target: Target) {
    this.target = target
  }

  get role(): InstanceStats['role'] {
    return this.#role
  }

  set role(role: InstanceStats['role']) {
    if (role === 'serving' && this.#role !== 'serving') this.turns++
    this.#role = role
  }

  get load(): number {
    return this.inFlight.size + this.streams.size + this.tunnels.size
  }

  get idleSockets(): number {
    return this.#idle.length
  }

  /** Gives an open connection, reused when it was idle for no longer than `reuseWithinMs`. */
  connect(reuseWithinMs: number, done: Connected): void {
    const pooled = this.#takeIdle(reuseWithinMs)
    if (pooled) return void done(null, pooled, true)
    const socket: PooledSocket = net.connect({ host: this.target.host, port: this.target.port, noDelay: true })
    const limit = setTimeout(() => socket.destroy(new Error('The connection took too long.')), connectLimitMs)
    const fail = (error: Error) => {
      clearTimeout(limit)
      this.refused++
      this.lastRefusedAt = performance.now()
      done(error, null, false)
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(limit)
      socket.off('error', fail)
      letReadDecide(socket)
      // The request that uses the connection hears of its errors; nobody needs to know those of an idle one.
      socket.on('error', () => {})
      socket.on('free', () => this.giveBack(socket))
      socket.on('close', () => this.#forget(socket))
      socket.on('timeout', () => (socket.idleSince === undefined ? socket.onSilence?.() : socket.destroy()))
      done(null, socket, false)
    })
  }

  request(socket: PooledSocket, options: { method: string; path: string; headers: string[]; silenceMs: number }) {
    this.#next = socket
    socket.setTimeout(options.silenceMs)
    const request = http.request({
      method: options.method,
      path: options.path,
      headers: options.headers as never,
      agent: this.#lender as unknown as http.Agent,
      maxHeaderSize: 65_536,
    })
    socket.onSilence = () => request.emit('timeout')
    return request
  }

  /** Takes a connection that can serve another request. */
  giveBack(socket: PooledSocket): void {
    socket.onSilence = undefined
    const keptMs = socket.keptMs ?? idleMs
    if (
      this.role !== 'serving' ||
      socket.destroyed ||
      !socket.writable ||
      keptMs <= 0 ||
      this.#idle.length >= mostIdle
    ) {
      socket.destroy()
      return
    }
    socket.idleSince = performance.now()
    socket.setTimeout(keptMs)
    this.#idle.push(socket)
  }

  /** Remembers what the answer said about how long its connection may idle. */
  hint(socket: PooledSocket, keepAlive: string): void {
    const seconds = /timeout\s*=\s*(\d{1,9})/i.exec(keepAlive)?.[1]
    if (seconds !== undefined) socket.keptMs = Math.min(idleMs, Number(seconds) * 1_000 - hintMarginMs)
  }

  closeIdle(): void {
    for (const socket of this.#idle.splice(0)) socket.destroy()
  }

  /** Resolves true when nothing is under way, false when the time is over. */
  drained(limitMs: number): Promise<boolean> {
    if (this.load === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      const over = (isDrained: boolean) => {
        clearTimeout(limit)
        this.#waiting.delete(check)
        resolve(isDrained)
      }
      const check = () => this.load === 0 && over(true)
      const limit = setTimeout(over, limitMs, false)
      this.#waiting.add(check)
    })
  }

  /** Says that work ended; whoever waits for the drain looks again. */
  ended(): void {
    for (const check of this.#waiting) check()
  }

  stats(): InstanceStats {
    return {
      id: this.target.id,
      inFlight: this.inFlight.size,
      upgraded: this.tunnels.size,
      streams: this.streams.size,
      requests: this.requests,
      refused: this.refused,
      broken: this.broken,
      role: this.role,
    }
  }

  #takeIdle(reuseWithinMs: number): PooledSocket | null {
    const now = performance.now()
    // The youngest lies last; when it is too old for this request, so are all others.
    for (let socket = this.#idle.at(-1); socket; socket = this.#idle.at(-1)) {
      if (now - (socket.idleSince ?? 0) > reuseWithinMs) return null
      this.#idle.pop()
      socket.idleSince = undefined
      if (!socket.destroyed && socket.writable && !socket.readableEnded) return socket
      socket.destroy()
    }
    return null
  }

  #forget(socket: PooledSocket): void {
    const place = this.#idle.indexOf(socket)
    if (place >= 0) this.#idle.splice(place, 1)
  }
}

/**
 * An application may answer before it read the whole body and then close: its answer is followed by a reset. Node gives
 * a connection up at the first write that fails, and the answer with it. So such failures are kept from it: what was
 * sent is lost either way, and reading tells whether there is an answer or only an end.
 */
function letReadDecide(socket: net.Socket): void {
  const forgiving =
    (done: (error?: Error | null) => void) =>
    (error?: NodeJS.ErrnoException | null): void =>
      done(error?.code === 'EPIPE' || error?.code === 'ECONNRESET' ? null : error)
  const write = socket._write.bind(socket)
  const writev = socket._writev?.bind(socket)
  socket._write = (chunk, encoding, done) => write(chunk, encoding, forgiving(done))
  if (writev) socket._writev = (chunks, done) => writev(chunks, forgiving(done))
}

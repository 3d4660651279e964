import http from 'node:http'
import { type ProcessIdentity, waitUntilGone } from '@juanie/core/process-identity'
import type {
  Counted,
  Drained,
  DrainRequest,
  EdgeIdentity,
  EdgeSettings,
  EdgeStats,
  EdgeTraffic,
  Ended,
  Listen,
  RouteTable,
  StopRequest,
  Successor,
} from './protocol.ts'
import { edgeSocketPath } from './protocol.ts'

/** The edge is there and said no; `status` and `code` tell why. */
export class EdgeRefusal extends Error {
  override readonly name = 'EdgeRefusal'
  readonly status: number
  readonly code: string | null
  readonly detail: Record<string, unknown>

  constructor(status: number, body: { error?: string; code?: string; detail?: Record<string, unknown> }) {
    super(body.error ?? `The edge answered ${status}.`)
    this.status = status
    this.code = body.code ?? null
    this.detail = body.detail ?? {}
  }
}

/** No answer from the edge: it is not running, or hangs. May pass by itself, for the supervisor starts it again. */
export class EdgeUnreachable extends Error {
  override readonly name = 'EdgeUnreachable'
}

const answerLimitMs = 5_000
const answerLimitBytes = 64 * 1024 * 1024

/**
 * The agent's end of `protocol.ts`. Calls may run at the same time; each ends within its limit. Throws `EdgeRefusal`
 * or `EdgeUnreachable`.
 */
export class EdgeClient {
  readonly socketPath: string
  /** An edge that this one replaced. Until it is gone, requests that it began may still be under way. */
  predecessor: ProcessIdentity | null = null
  /** A short keep-alive: the switch of a route does not pay for a connection. */
  readonly #agent = new http.Agent({ keepAlive: true, maxFreeSockets: 2, timeout: 4_000 })

  constructor(folder: string) {
    this.socketPath = edgeSocketPath(folder)
  }

  identity(limitMs?: number): Promise<EdgeIdentity> {
    return this.#call('GET', '/identity', { limitMs })
  }

  table(): Promise<RouteTable> {
    return this.#call('GET', '/table')
  }

  /** Resolves when every request that arrives from now on, on whatever connection, follows the table. */
  async setTable(table: RouteTable): Promise<void> {
    await this.#call('PUT', '/table', { body: table })
  }

  stats(): Promise<EdgeStats> {
    return this.#call('GET', '/stats')
  }

  traffic(): Promise<EdgeTraffic> {
    return this.#call('GET', '/traffic')
  }

  async counted(counted: Counted): Promise<void> {
    await this.#call('POST', '/counted', { body: counted })
  }

  /** Resolves with the address in use. A port that is taken is refused with the code `EADDRINUSE`. */
  listen(settings: EdgeSettings): Promise<Listen> {
    return this.#call('PUT', '/listen', { body: settings })
  }

  /**
   * Waits until the instance has nothing to do. It must have left the `instances` of every route before. By default
   * upgraded connections and event streams have the whole time too and are ended when it is over.
   */
  async waitDrained(
    instance: string,
    deadlineMs: number,
    endStreams: DrainRequest['endStreams'] = 'deadline',
  ): Promise<Drained> {
    const body: DrainRequest = { instance, timeoutMs: deadlineMs, endStreams }
    const [drained, isAlone] = await Promise.all([
      this.#call<Drained>('POST', '/drain', { body, limitMs: deadlineMs + answerLimitMs }),
      this.predecessor ? waitUntilGone(this.predecessor, deadlineMs) : true,
    ])
    if (isAlone) this.predecessor = null
    return { ...drained, drained: drained.drained && isAlone }
  }

  end(instance: string, what: 'streams' | 'all'): Promise<Ended> {
    return this.#call('POST', '/end', { body: { instance, what } })
  }

  replace(successor: Successor): Promise<{ pid: number }> {
    return this.#call('POST', '/replace', { body: successor, limitMs: 15_000 })
  }

  stop(request: StopRequest): Promise<{ pid: number }> {
    return this.#call('POST', '/stop', { body: request })
  }

  /**
   * Calls `ended` once when the edge that answers now is gone, however it ended; the result stops watching.
   * Rejects when there is none.
   */
  watch(ended: () => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      let isWatching = false
      const request = http.request({ socketPath: this.socketPath, path: '/watch', agent: false })
      const limit = setTimeout(() => request.destroy(new Error('no answer')), answerLimitMs)
      const over = (error?: Error) => {
        clearTimeout(limit)
        if (!isWatching) return reject(new EdgeUnreachable(`The edge does not answer: ${error?.message ?? 'closed'}.`))
        isWatching = false
        ended()
      }
      request.once('response', (response) => {
        clearTimeout(limit)
        isWatching = true
        response.resume()
        response.on('error', () => {})
        response.once('close', () => isWatching && over())
        resolve(() => {
          isWatching = false
          request.destroy()
        })
      })
      request.once('error', (error) => over(error))
      request.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  async #call<T>(method: string, path: string, options: { body?: unknown; limitMs?: number } = {}): Promise<T> {
    const body = options.body === undefined ? null : Buffer.from(JSON.stringify(options.body))
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once<T>({ method, path, body, limitMs: options.limitMs ?? answerLimitMs })
      } catch (error) {
        // A kept connection of an edge that has ended since; every call but `stop` and `replace` is safe to repeat.
        if (!(error instanceof StaleConnection) || attempt > 1) throw error
      }
    }
  }

  #once<T>({ method, path, body, limitMs }: Call): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const request = http.request({
        socketPath: this.socketPath,
        agent: this.#agent,
        method,
        path,
        headers: body ? { 'content-type': 'application/json', 'content-length': body.length } : {},
      })
      const limit = setTimeout(() => request.destroy(new Error(`no answer within ${limitMs} ms`)), limitMs)
      const fail = (error: Error) => {
        clearTimeout(limit)
        const message = `The edge at ${this.socketPath} does not answer ${method} ${path}: ${error.message}.`
        const isStale =
          request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')
        reject(isStale ? new StaleConnection(message) : new EdgeUnreachable(message, { cause: error }))
      }
      request.once('error', fail)
      request.once('response', (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > answerLimitBytes) request.destroy(new Error('the answer is too large'))
          chunks.push(chunk)
        })
        response.once('error', fail)
        response.once('end', () => {
          clearTimeout(limit)
          try {
            const answer = JSON.parse(Buffer.concat(chunks).toString('utf8'))
            const status = response.statusCode ?? 0
            if (status < 400) resolve(answer as T)
            else reject(new EdgeRefusal(status, answer))
          } catch (error) {
            fail(error as Error)
          }
        })
      })
      request.end(body ?? undefined)
    })
  }
}

interface Call {
  method: string
  path: string
  body: Buffer | null
  limitMs: number
}

class StaleConnection extends EdgeUnreachable {}

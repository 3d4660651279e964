import { createReadStream, createWriteStream, statSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream/promises'

/** Where the server is and how to be let in. Both may change while the agent lives. */
export interface ServerAddress {
  /** Null while no server has said where it is. */
  url(): string | null
  token(): string | null
  /** Looks again; called before each new attempt. */
  refresh(): void
}

/** The server answered and said no. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** No answer: it is away, too slow, or nobody knows where it is. May pass by itself. */
export class ServerUnreachable extends Error {
  override readonly name = 'ServerUnreachable'
}

/** Whether the same call may succeed later without a change on this side. */
export const mayPass = (error: unknown): boolean =>
  !(error instanceof ServerRefusal) || error.status >= 500 || [401, 403, 408, 429].includes(error.status)

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'HEAD'
  path: string
  body?: string | Buffer
  headers?: Record<string, string>
  timeoutMs: number
  signal?: AbortSignal
}

const answerLimitBytes = 16 * 1024 * 1024

/** Plain HTTP calls to the server, on kept connections. */
export class Server {
  readonly address: ServerAddress
  readonly #plain = new http.Agent({ keepAlive: true, maxFreeSockets: 4, timeout: 60_000 })
  readonly #tls = new https.Agent({ keepAlive: true, maxFreeSockets: 4, timeout: 60_000 })

  #isClosed = false

  constructor(address: ServerAddress) {
    this.address = address
  }

  /** The JSON that it answers. Every call of the contract is safe to repeat, so one on a dead kept connection is. */
  async json<T>(call: Call): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await this.open({
          ...call,
          headers: { ...(call.body === undefined ? {} : { 'content-type': 'application/json' }), ...call.headers },
        })
        const text = await textOf(response)
        return (text ? JSON.parse(text) : null) as T
      } catch (error) {
        if (!(error instanceof StaleConnection) || attempt > 1 || this.#isClosed) throw error
      }
    }
  }

  /** Resolves with an answer below 400 whose body the caller reads; throws `ServerRefusal` or `ServerUnreachable`. */
  open(call: Call & { stream?: NodeJS.ReadableStream; length?: number }): Promise<http.IncomingMessage> {
    const base = this.address.url()
    const token = this.address.token()
    if (base === null) return Promise.reject(new ServerUnreachable('The address of the server is not known yet.'))
    if (token === null) return Promise.reject(new ServerUnreachable('The token of this agent cannot be read.'))
    const url = new URL(call.path, base)
    const isTls = url.protocol === 'https:'
    return new Promise((resolve, reject) => {
      const request = (isTls ? https : http).request(url, {
        agent: isTls ? this.#tls : this.#plain,
        method: call.method,
        signal: call.signal,
        headers: {
          authorization: `Bearer ${token}`,
          ...(call.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(call.body)) }),
          ...(call.length === undefined ? {} : { 'content-length': String(call.length) }),
          ...call.headers,
        },
      })
      const limit = setTimeout(
        () => request.destroy(new Error(`no answer within ${call.timeoutMs} ms`)),
        call.timeoutMs,
      )
      request.setNoDelay(true)
      request.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(limit)
        const message = `The server at ${base} does not answer ${call.method} ${url.pathname}: ${error.message}`
        const isStale = request.reusedSocket && !call.stream && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '')
        const Kind = isStale ? StaleConnection : ServerUnreachable
        reject(call.signal?.aborted ? error : new Kind(message, { cause: error }))
      })
      request.once('response', (response) => {
        clearTimeout(limit)
        response.on('error', () => {})
        const status = response.statusCode ?? 0
        if (status < 400) return resolve(response)
        textOf(response).then(
          (text) => reject(new ServerRefusal(status, refusalText(status, text))),
          () => reject(new ServerRefusal(status, refusalText(status, ''))),
        )
      })
      if (call.stream) {
        pipeline(call.stream, request).catch((error) => request.destroy(error))
      } else request.end(call.body)
    })
  }

  /** Writes the answer's body into a file. */
  async download(call: Omit<Call, 'method'>, file: string): Promise<void> {
    const response = await this.open({ ...call, method: 'GET' })
    const idle = endWhenIdle(response, call.timeoutMs)
    try {
      await pipeline(response, createWriteStream(file, { mode: 0o600 }), { signal: call.signal })
    } catch (error) {
      throw new ServerUnreachable(`The server broke off ${call.path}: ${(error as Error).message}`, { cause: error })
    } finally {
      clearInterval(idle)
    }
  }

  /** Sends a file's content as the body. */
  async upload(call: Omit<Call, 'method' | 'body'>, file: string): Promise<void> {
    const response = await this.open({
      ...call,
      method: 'PUT',
      stream: createReadStream(file),
      length: statSync(file).size,
      headers: { 'content-type': 'application/octet-stream', ...call.headers },
    })
    await textOf(response)
  }

  close(): void {
    this.#isClosed = true
    this.#plain.destroy()
    this.#tls.destroy()
  }
}

class StaleConnection extends ServerUnreachable {}

/** Ends a response whose bytes stop coming. */
function endWhenIdle(response: http.IncomingMessage, timeoutMs: number): NodeJS.Timeout {
  const { socket } = response
  let before = socket.bytesRead
  return setInterval(() => {
    if (socket.bytesRead === before) response.destroy(new Error(`no bytes for ${timeoutMs} ms`))
    before = socket.bytesRead
  }, timeoutMs)
}

async function textOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > answerLimitBytes) throw new Error('the answer is too large')
      chunks.push(chunk)
    }
  } catch (error) {
    throw new ServerUnreachable(`The server broke off its answer: ${(error as Error).message}`, { cause: error })
  }
  return Buffer.concat(chunks).toString('utf8')
}

function refusalText(status: number, text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } }
    if (typeof error?.message === 'string') return error.message.slice(0, 2000)
  } catch {
    // Not JSON: a proxy in between, for example.
  }
  return `The server refused with status ${status}.`
}

import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingMessage,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import { type Incoming, requestHeaders, responseHeaders, type Trust } from './headers.ts'
import { type Page, pages, renderPage } from './pages.ts'
import type { RoutedHost } from './routing.ts'
import { Tunnel } from './tunnel.ts'
import type { Upstream, Work } from './upstream.ts'

/** An instance that sends nothing for this long before its answer begins has failed. */
const answerLimitMs = 300_000
/** How often a GET without an answer begun is sent again. */
const mostRepeats = 2
/** What a client still sends after its answer is read and dropped for this long, so that it can read the answer. */
const discardMs = 5_000
/** A connection that idled longer is not used for a request that could not be repeated. */
const reuseForUnsafeMs = 1_000

export interface Client {
  request: IncomingMessage
  response: ServerResponse
  incoming: Incoming
  path: string
  /** Of a request to switch protocols: what came after its head. */
  upgrade: { socket: Socket; head: Buffer } | null
}

/**
 * One request on its way to an instance and its answer on the way back.
 *
 * An instance that cannot be connected to has seen nothing, so the next one is asked, whatever the method. A request
 * that was sent is repeated only when it is a GET or HEAD without a body whose answer has not begun.
 */
export class Exchange implements Work {
  readonly #client: Client
  readonly #host: RoutedHost
  readonly #trust: Trust
  readonly #began = performance.now()
  #tried: Set<Upstream> | null = null
  #repeats = 0
  #upstream: Upstream | null = null
  #request: ClientRequest | null = null
  #isStream = false
  #hasLength = false
  #hasContinued = false
  #isAnswered = false
  /** The client has its answer or is gone; nothing more is to be tried. */
  #isOver = false
  #isBroken = false
  #tunnel: Tunnel | null = null

  constructor(client: Client, host: RoutedHost, trust: Trust) {
    this.#client = client
    this.#host = host
    this.#trust = trust
  }

  start(): void {
    const { response } = this.#client
    this.#host.requests++
    this.#host.open++
    response.once('close', () => this.#close())
    response.on('error', () => {})
    const { state, page } = this.#host.route
    if (state === 'serving') return void this.#attempt()
    const built = pages[state]
    this.#host.unavailable++
    this.#say(page ? { ...built, words: [{ lang: 'und', ...page }] } : built)
  }

  /** Ends it from outside: a stream as if it were complete, anything else by cutting it off. */
  end(): void {
    const { response } = this.#client
    if (this.#isStream && !this.#hasLength && !response.writableEnded) response.end()
    else response.destroy()
    this.#request?.destroy()
  }

  #attempt(): void {
    const upstream = this.#host.pick(this.#tried)
    if (!upstream) return void this.#giveUp()
    if (this.#tried && this.#repeats === 0) this.#host.elsewhere++
    this.#upstream = upstream
    upstream.inFlight.add(this)
    upstream.connect(this.#reuseWithinMs(), (error, socket, isReused) => {
      if (this.#isOver) {
        if (socket) upstream.giveBack(socket)
        return
      }
      if (!error) return this.#send(upstream, socket!, isReused)
      this.#leave(upstream)
      this.#tried ??= new Set()
      this.#tried.add(upstream)
      this.#attempt()
    })
  }

  #reuseWithinMs(): number {
    if (this.#client.upgrade || this.#repeats > 0) return -1
    return this.#isRepeatable() ? Number.POSITIVE_INFINITY : reuseForUnsafeMs
  }

  #isRepeatable(): boolean {
    const { method, body } = this.#client.incoming
    return (method === 'GET' || method === 'HEAD') && body.kind === 'none' && !this.#client.upgrade
  }

  #send(upstream: Upstream, socket: Socket, isReused: boolean): void {
    const { incoming, path } = this.#client
    let request: ClientRequest
    try {
      const headers = requestHeaders(incoming, this.#trust)
      request = upstream.request(socket, { method: incoming.method, path, headers, silenceMs: answerLimitMs })
    } catch {
      // Node refuses characters in the path or a header that its lenient server side let through.
      upstream.giveBack(socket)
      this.#leave(upstream)
      return void this.#say(pages.badRequest)
    }
    this.#request = request
    upstream.requests++
    request.on('response', (answer) => {
      const hint = answer.headers['keep-alive']
      if (typeof hint === 'string') upstream.hint(socket, hint)
      this.#answer(answer)
    })
    request.on('upgrade', (answer: IncomingMessage, tunnel: Socket, head: Buffer) => this.#switch(answer, tunnel, head))
    request.on('continue', () => this.#continue())
    request.on('information', ({ statusCode, headers }) => this.#inform(statusCode, headers))
    request.on('timeout', () => {
      if (this.#isAnswered) return
      this.#say(pages.tooSlow)
      this.#break()
      request.destroy()
    })
    // What went wrong does not matter, only when: `close` follows each error.
    request.on('error', () => {})
    // However it ended, the connection is free or closed by now, so the instance has one request less.
    request.on('close', () => {
      if (this.#request === request && !this.#isAnswered && !this.#isOver) this.#lost(upstream, isReused)
      else this.#bodyIsUnwanted()
      this.#leave(upstream)
    })
    if (incoming.body.kind === 'none') request.end()
    else this.#sendBody(request)
  }

  #sendBody(request: ClientRequest): void {
    const body = this.#body()
    let isBegun = false
    body.on('data', (chunk: Buffer) => {
      isBegun = true
      this.#host.bytesIn += chunk.length
      if (!request.destroyed && !request.write(chunk)) body.pause()
    })
    request.on('drain', () => body.resume())
    // Node keeps the head until the body begins, and the application may be waiting for it.
    setImmediate(() => isBegun || request.destroyed || request.flushHeaders())
    body.once('end', () => {
      const trailers = this.#client.request.rawTrailers
      if (!request.destroyed) addTrailers(request, trailers)
      request.end()
    })
  }

  /** Behind a request to switch protocols Node does not parse a body; its announced length says what belongs to it. */
  #body(): Readable {
    const { request, upgrade, incoming } = this.#client
    if (!upgrade || incoming.body.kind !== 'length') return request
    const body = new PassThrough()
    let left = Number(incoming.body.length)
    const take = (chunk: Buffer) => {
      if (left > 0 && !body.write(chunk.subarray(0, left))) upgrade.socket.pause()
      left -= chunk.length
      if (left <= 0) body.end()
    }
    body.on('drain', () => upgrade.socket.resume())
    take(upgrade.head)
    upgrade.socket.on('data', take)
    upgrade.socket.once('end', () => {
      if (left > 0) upgrade.socket.destroy()
    })
    return body
  }

  /** The connection ended before an answer began. */
  #lost(upstream: Upstream, isReused: boolean): void {
    this.#request = null
    if (!this.#isRepeatable() || this.#repeats >= mostRepeats) {
      this.#break()
      return void this.#say(pages.noAnswer)
    }
    this.#repeats++
    this.#host.repeats++
    this.#leave(upstream)
    // A connection that had idled may just have been closed; a new one that breaks means a dying instance.
    if (!isReused) {
      upstream.broken++
      const others = new Set(this.#tried).add(upstream)
      if (this.#host.pick(others)) this.#tried = others
    }
    this.#attempt()
  }

  #giveUp(): void {
    if (this.#tried === null) {
      this.#host.unavailable++
      return void this.#say(pages.unavailable)
    }
    this.#host.broken++
    this.#say(pages.noAnswer)
  }

  #answer(answer: IncomingMessage): void {
    const { response } = this.#client
    if (this.#isOver) return void answer.destroy()
    this.#isAnswered = true
    const status = answer.statusCode ?? 502
    this.#isStream = (answer.headers['content-type'] ?? '').startsWith('text/event-stream')
    this.#hasLength = answer.headers['content-length'] !== undefined
    if (this.#endsConnection()) response.shouldKeepAlive = false
    try {
      response.writeHead(status, answer.statusMessage ?? '', responseHeaders(answer.rawHeaders) as never)
    } catch {
      this.#break()
      this.#request?.destroy()
      return void this.#say(pages.noAnswer)
    }
    this.#host.count(status)
    if (this.#isStream) this.#becomeStream()
    let isWritten = this.#isStream
    answer.on('data', (chunk: Buffer) => {
      isWritten = true
      this.#host.bytesOut += chunk.length
      if (!response.write(chunk)) answer.pause()
    })
    response.on('drain', () => answer.resume())
    answer.once('end', () => {
      isWritten = true
      addTrailers(response, answer.rawTrailers)
      response.end()
    })
    answer.on('error', () => {})
    answer.once('close', () => {
      if (answer.complete || this.#isOver || response.writableEnded) return
      // The instance broke off: the client must not take a part for the whole.
      this.#break()
      response.destroy()
    })
    // A head without a body yet must not wait for the body's first bytes.
    if (this.#isStream) response.flushHeaders()
    else setImmediate(() => isWritten || response.destroyed || response.flushHeaders())
  }

  #becomeStream(): void {
    const upstream = this.#upstream
    if (!upstream?.inFlight.delete(this)) return
    upstream.streams.add(this)
    upstream.ended()
  }

  #continue(): void {
    const { incoming, response } = this.#client
    if (!incoming.expectsContinue || response.headersSent || this.#hasContinued) return
    this.#hasContinued = true
    response.writeContinue()
  }

  /** A client that was not told to go on may or may not send its body: its connection cannot be used again. */
  #endsConnection(): boolean {
    return this.#client.incoming.expectsContinue && !this.#hasContinued
  }

  #inform(status: number, headers: IncomingHttpHeaders): void {
    const { response, request } = this.#client
    if (response.headersSent || request.httpVersion === '1.0') return
    if (status === 102) response.writeProcessing()
    if (status !== 103 || !headers.link) return
    try {
      response.writeEarlyHints({ link: headers.link })
    } catch {
      // Node takes only links of a certain form; a hint may be left out.
    }
  }

  #switch(answer: IncomingMessage, socket: Socket, head: Buffer): void {
    const { upgrade, response } = this.#client
    const upstream = this.#upstream
    if (!upgrade || !upstream || this.#isOver) return void socket.destroy()
    this.#isAnswered = true
    this.#host.count(101)
    response.detachSocket(upgrade.socket)
    const headers = responseHeaders(answer.rawHeaders, true)
    this.#tunnel = new Tunnel({ client: upgrade, instance: { socket, head }, upstream, host: this.#host })
    this.#tunnel.open(`HTTP/1.1 101 ${answer.statusMessage || 'Switching Protocols'}`, headers)
    this.#isOver = true
  }

  #break(): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.#host.broken++
    if (this.#upstream) this.#upstream.broken++
  }

  #leave(upstream: Upstream): void {
    const wasThere = upstream.inFlight.delete(this)
    if (upstream.streams.delete(this) || wasThere) upstream.ended()
  }

  /** An answer of the edge itself, if there is still someone to have it. */
  #say(page: Page): void {
    const { response, incoming, request } = this.#client
    if (this.#isOver || response.headersSent) return
    this.#isOver = true
    const { status, headers, body } = renderPage(page, request.headers.accept)
    this.#host.count(status)
    if (this.#endsConnection()) response.shouldKeepAlive = false
    // Named, for a refused answer of the application may have left its own words behind.
    response.writeHead(status, STATUS_CODES[status] ?? '', headers as never)
    response.end(incoming.method === 'HEAD' ? undefined : body)
    this.#bodyIsUnwanted()
  }

  #bodyIsUnwanted(): void {
    const { request, incoming, upgrade } = this.#client
    if (incoming.body.kind === 'none' || upgrade || request.complete) return
    discard(request)
  }

  /** The answer is out, or the client went away. */
  #close(): void {
    const { response } = this.#client
    const isComplete = response.writableFinished
    this.#host.open--
    if (!this.#isOver && isComplete && !this.#isStream) this.#host.latency.add(performance.now() - this.#began)
    if (!isComplete && !this.#isBroken && !this.#tunnel) this.#host.aborted++
    this.#isOver = true
    if (!isComplete && !this.#tunnel) this.#request?.destroy()
    // Still connecting: there is no request yet whose end would say this.
    if (!this.#request && this.#upstream) this.#leave(this.#upstream)
  }
}

/** Reads and drops what a client still sends, for a while; then its connection is closed. */
function discard(request: IncomingMessage): void {
  request.removeAllListeners('data')
  request.resume()
  const limit = setTimeout(() => request.destroy(), discardMs)
  request.once('close', () => clearTimeout(limit))
  request.once('end', () => clearTimeout(limit))
}

function addTrailers(message: OutgoingMessage, raw: string[]): void {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!, raw[i + 1]!])
  if (pairs.length === 0) return
  try {
    message.addTrailers(pairs)
  } catch {
    // A character that Node's parser takes and its writer does not; the message is whole without its trailers.
  }
}

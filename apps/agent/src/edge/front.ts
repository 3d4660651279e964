import http, { type IncomingMessage, ServerResponse } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { Exchange } from './exchange.ts'
import { type Incoming, Trust } from './headers.ts'
import { type Page, pages, renderPage } from './pages.ts'
import { type EdgeSettings, type Listen, normalHostname } from './protocol.ts'
import type { Routing } from './routing.ts'

export interface FrontLimits {
  headBytes: number
  headMs: number
  keepAliveMs: number
  stalledMs: number
  oldAddressMs: number
  idleAfterHandOverMs: number
  pipelined: number
}

const defaultLimits: FrontLimits = {
  /** Of a request's head; more is answered with 431. */
  headBytes: 16_384,
  /** A head must be complete by then, else 408. */
  headMs: 15_000,
  /** A connection without a request. Longer than what common clients and balancers keep theirs, so that they close. */
  keepAliveMs: 75_000,
  /** A client that should send or read and does neither. */
  stalledMs: 60_000,
  /** Between closing the listening socket and cutting off what still runs, when an address changes. */
  oldAddressMs: 3_600_000,
  /** A client that was not idle until then has been told to connect again. */
  idleAfterHandOverMs: 5_000,
  /** Requests that a client may send before the answer to its first one. */
  pipelined: 64,
}

/** What is known of a client's connection: its last request, and how many wait for those before them. */
interface Connection {
  request: IncomingMessage
  response: ServerResponse
  isAnswered: boolean
  waiting: number
}

/** The server side of the edge: addresses it listens on, and what arrives there. */
export class Front {
  readonly #routing: Routing
  #trust = new Trust(false)
  #server: http.Server | null = null
  readonly #retired = new Set<http.Server>()
  readonly #connections = new WeakMap<Socket, Connection>()
  readonly #limits: FrontLimits
  unknownHosts = 0
  badRequests = 0
  /** Requests and connections so far; tells whether there was anything to do. */
  activity = 0

  constructor(routing: Routing, limits: Partial<FrontLimits> = {}) {
    this.#routing = routing
    this.#limits = { ...defaultLimits, ...limits }
  }

  get listen(): Listen | null {
    const address = this.#server?.address() as AddressInfo | null
    return address ? { host: address.address, port: address.port } : null
  }

  /** Descriptor of the listening socket, for a successor; null when there is none. */
  get fd(): number | null {
    const handle = (this.#server as unknown as { _handle?: { fd?: number } } | null)?._handle
    return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : null
  }

  /**
   * Listens as the settings say. Another address listens before the present one closes, except where both would need
   * the same port: then the present one is closed first, and opened again when the new one cannot be had.
   */
  async open(settings: EdgeSettings, fd?: number): Promise<Listen> {
    this.#trust = new Trust(settings.trustProxy)
    const present = this.listen
    if (fd !== undefined) {
      this.#server = await this.#listen({ fd })
    } else if (!present) {
      this.#server = await this.#listen(settings)
    } else if (!isSame(present, settings)) {
      await this.#move(present, settings)
    }
    return this.listen!
  }

  /**
   * Stops listening; resolves when the last connection is closed, or cuts the rest off when the grace is over. Kept
   * connections are closed after their next answer, so that no client loses what it is just sending; `idle` closes
   * those without a request at once.
   */
  async close(graceMs: number, idle: 'kept' | 'closed' = 'closed'): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server) this.#retire(server, graceMs)
    const all = [...this.#retired].map(closed)
    if (idle === 'closed') this.#closeIdle()
    const cut = setTimeout(() => this.#cut(), graceMs)
    const sweep = setInterval(() => this.#closeIdle(), this.#limits.idleAfterHandOverMs)
    await Promise.all(all)
    clearTimeout(cut)
    clearInterval(sweep)
  }

  #closeIdle(): void {
    for (const one of this.#retired) one.closeIdleConnections()
  }

  #cut(): void {
    for (const one of this.#retired) one.closeAllConnections()
  }

  connections(): Promise<number> {
    const servers = [...(this.#server ? [this.#server] : []), ...this.#retired]
    const counts = servers.map(
      (server) => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count ?? 0))),
    )
    return Promise.all(counts).then((all) => all.reduce((sum, count) => sum + count, 0))
  }

  async #move(present: Listen, settings: EdgeSettings): Promise<void> {
    const old = this.#server!
    if (present.port !== settings.port) {
      this.#server = await this.#listen(settings)
      this.#retire(old, this.#limits.oldAddressMs)
      return
    }
    this.#server = null
    this.#retire(old, this.#limits.oldAddressMs)
    try {
      this.#server = await this.#listen(settings)
    } catch (error) {
      this.#server = await this.#listen(present)
      throw error
    }
  }

  /**
   * Takes no new connections. Those that are open get `Connection: close` with their next answer; none is closed while
   * its client might be sending.
   */
  #retire(server: http.Server, graceMs: number): void {
    this.#retired.add(server)
    const limit = setTimeout(() => server.closeAllConnections(), graceMs).unref()
    // The method of `http.Server` would close idle connections, into which a client may be writing right now.
    net.Server.prototype.close.call(server, () => {
      clearTimeout(limit)
      this.#retired.delete(server)
      server.close(() => {})
    })
  }

  #listen(where: Listen | { fd: number }): Promise<http.Server> {
    const server = http.createServer({
      maxHeaderSize: this.#limits.headBytes,
      headersTimeout: this.#limits.headMs,
      // Long uploads are fine as long as they move; `stalledMs` ends those that do not.
      requestTimeout: 0,
      keepAliveTimeout: this.#limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(5_000, this.#limits.headMs),
      // Answered here, with the page that the other bad requests get.
      requireHostHeader: false,
      noDelay: true,
    })
    // The size is limited, and a header that is silently left out would be worse.
    server.maxHeadersCount = 0
    server.timeout = this.#limits.stalledMs
    server.on('request', (request, response) => this.#take(server, request, response))
    server.on('checkContinue', (request, response) => this.#take(server, request, response))
    server.on('checkExpectation', (request, response) => this.#take(server, request, response))
    server.on('upgrade', (request, socket, head) => this.#upgrade(server, request, socket as Socket, head))
    server.on('connect', (_request, socket) => {
      this.badRequests++
      socket.on('error', () => {})
      socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    })
    server.on('clientError', (error, socket) => this.#refuse(error, socket as Socket))
    server.on('timeout', (socket) => this.#stalled(socket))
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen('fd' in where ? where : { host: where.host, port: where.port, backlog: 4_096 }, () => {
        server.off('error', reject)
        server.on('error', (error) =>
          console.error(`${new Date().toISOString()} The listening socket: ${error.message}`),
        )
        resolve(server)
      })
    })
  }

  #upgrade(server: http.Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    // Behind a request that is not answered yet there is no telling whose bytes are whose.
    if (pendingResponse(socket)) return void socket.destroy()
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.on('finish', () => {
      // Nobody reads it any more, so nobody would hear of its end.
      socket.resume().end()
      setTimeout(() => socket.destroy(), 1_000).unref()
    })
    this.#take(server, request, response, { socket, head })
  }

  #take(
    server: http.Server,
    request: IncomingMessage,
    response: ServerResponse,
    upgrade: { socket: Socket; head: Buffer } | null = null,
  ): void {
    this.activity++
    if (!server.listening) response.shouldKeepAlive = false
    const read = readRequest(request, upgrade !== null)
    if ('status' in read) {
      this.badRequests++
      return void answer(request, response, read)
    }
    const hostname = normalHostname(read.incoming.authority)
    const host = hostname === null ? undefined : this.#routing.host(hostname)
    if (!host) {
      if (hostname === null) this.badRequests++
      else this.unknownHosts++
      return void answer(request, response, hostname === null ? pages.badRequest : pages.unknownHost)
    }
    const exchange = new Exchange({ request, response, upgrade, ...read }, host, this.#trust)
    this.#inTurn(request, response, () => exchange.start())
  }

  /**
   * Requests that a client sends ahead are taken one after the other: only the first has the connection, and so only it
   * would hear of the client's going away.
   */
  #inTurn(request: IncomingMessage, response: ServerResponse, start: () => void): void {
    const { socket } = request
    const before = this.#connections.get(socket)
    const mustWait = before !== undefined && !before.isAnswered
    const own = { request, response, isAnswered: false, waiting: mustWait ? before.waiting + 1 : 0 }
    this.#connections.set(socket, own)
    response.once('close', () => {
      own.isAnswered = true
    })
    if (own.waiting > this.#limits.pipelined) return void socket.destroy()
    if (!mustWait) return void start()
    before.response.once('close', () => {
      if (!socket.destroyed) start()
    })
  }

  /** What is no HTTP, or too much or too slow of it. */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    this.badRequests++
    if (pendingResponse(socket)?.headersSent) return void socket.destroy()
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\nJuanie-Edge: bad-request\r\n\r\n`)
    // Whoever goes on sending after that does not read.
    setTimeout(() => socket.destroy(), 1_000).unref()
  }

  /** No byte moved on a client's connection for `stalledMs`. Waiting for the application is no fault of the client. */
  #stalled(socket: Socket): void {
    const request = this.#connections.get(socket)?.request
    const response = pendingResponse(socket)
    const isReaderStalled = socket.writableLength > 0
    const isSenderStalled = request !== undefined && !request.complete && !request.isPaused()
    if (!response || isReaderStalled || isSenderStalled) socket.destroy()
    else socket.setTimeout(this.#limits.stalledMs)
  }
}

/** The answer that has the connection, where Node itself keeps it; its own default handlers look there too. */
const pendingResponse = (socket: Socket) =>
  (socket as unknown as { _httpMessage?: ServerResponse | null })._httpMessage ?? null

function isSame(present: Listen, wanted: Listen): boolean {
  const isHost =
    present.host === wanted.host || (wanted.host === 'localhost' && /^(127\.0\.0\.1|::1)$/.test(present.host))
  return isHost && (wanted.port === 0 || wanted.port === present.port)
}

const closed = (server: http.Server) => new Promise<void>((resolve) => server.once('close', resolve))

/** What is asked for, or the page that says why it cannot be. */
function readRequest(request: IncomingMessage, isUpgrade: boolean): { incoming: Incoming; path: string } | Page {
  const { rawHeaders, method = 'GET', socket, headers } = request
  let authority = ''
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length !== 4 || rawHeaders[i]!.toLowerCase() !== 'host') continue
    hosts++
    authority = rawHeaders[i + 1]!.trim()
  }
  let path = request.url ?? '/'
  if (!path.startsWith('/') && path !== '*') {
    // The absolute form; its authority wins over the header (RFC 9112 §3.2.2).
    const found = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i.exec(path)
    if (!found?.[1]) return pages.badRequest
    authority = found[1]
    path = found[2] === undefined ? '/' : found[2].startsWith('?') ? `/${found[2]}` : found[2]
  }
  if (hosts !== 1) return pages.badRequest
  const coding = headers['transfer-encoding']
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || isUpgrade)) return pages.notSupported
  const length = headers['content-length']
  const expect = headers.expect
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return { ...pages.badRequest, status: 417 }
  const asked = isUpgrade ? (headers.upgrade ?? '') : ''
  return {
    path,
    incoming: {
      rawHeaders,
      authority,
      method,
      peer: socket.remoteAddress ?? '',
      localPort: socket.localPort ?? 0,
      body:
        coding !== undefined
          ? { kind: 'chunked' }
          : length === undefined || length === '0'
            ? { kind: 'none' }
            : { kind: 'length', length },
      // Clients that try HTTP/2 over plain connections go on without it when nobody takes up the offer.
      upgrade: asked === '' || /^h2c?$/i.test(asked) ? null : asked,
      expectsContinue: expect !== undefined && request.httpVersion !== '1.0',
    },
  }
}

function answer(request: IncomingMessage, response: ServerResponse, page: Page): void {
  const { status, headers, body } = renderPage(page, request.headers.accept)
  // What follows a request that is not understood cannot be trusted to be another one.
  if (status !== 404) response.shouldKeepAlive = false
  response.on('error', () => {})
  response.writeHead(status, headers as never)
  response.end(request.method === 'HEAD' ? undefined : body)
}

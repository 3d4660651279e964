import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { reachedAt } from '@juanie/services/hosts/contract'
import { isOnThisHost } from './service-environment.ts'

export interface ForwarderParts {
  /** Base address of the server as it is now; null while it is unknown. */
  serverUrl(): string | null
  /** What masks the output of the job whose pass this is; null when no such job runs here now. */
  maskOf(token: string): ((text: string) => string) | null
  /** Without a byte in either direction for so long, a request ends. */
  idleMs?: number
}

/** Requests at once; a client of the toolkit makes at most ten. */
const maxConnections = 256
const idleMs = 5 * 60_000
/** Of a request that gives something a name. */
const maxNamingBytes = 1024 * 1024

/** What jobs ask of the server. Each segment is plain, so that no path leads elsewhere. */
interface DoorOfJobs {
  method: RegExp
  path: RegExp
  needsPass: boolean
  /** Its body is short and may name what people see. */
  names?: boolean
}
const doors: DoorOfJobs[] = [
  {
    method: /^POST$/,
    path: /^\/twirp\/github\.actions\.results\.api\.v1\.\w{1,64}\/\w{1,64}$/,
    needsPass: true,
    names: true,
  },
  { method: /^POST$/, path: /^\/_apis\/artifactcache\/caches$/, needsPass: true, names: true },
  { method: /^(GET|POST|PATCH)$/, path: /^\/_apis\/artifactcache\/caches?(\/\d{1,15})?$/, needsPass: true },
  { method: /^GET$/, path: /^\/api\/job\/id-token$/, needsPass: true },
  // The signature of the link says all; and git shows a pass when it is asked for one.
  { method: /^(GET|HEAD|PUT)$/, path: /^\/api\/job\/files\/[0-9a-f-]{36}$/, needsPass: false },
  {
    method: /^(GET|POST)$/,
    path: /^\/git\/[\w-][\w.-]{0,127}\/[\w-][\w.-]{0,127}\/(info\/refs|git-upload-pack|git-receive-pack)$/,
    needsPass: false,
  },
]

const passedUp =
  /^(authorization|content-(type|length|encoding|range|md5)|range|accept|accept-encoding|user-agent|git-protocol|if-(none-)?match|x-ms-[\w-]+)$/
const keptHere = /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|set-cookie)$/

/**
 * The server's services under an address of this very host. The clients of artifacts refuse every server but GitHub's
 * and those below `.localhost`; a step needs neither a way to the server nor trust in its certificate; and only here it
 * is known which values a job has masked, so that none of them becomes a name that people read. It adds no right: what
 * comes in is passed on as it is, and the server judges it.
 */
export class Forwarder {
  readonly #parts: ForwarderParts
  readonly #server: http.Server
  #listening: Promise<void> | null = null

  constructor(parts: ForwarderParts) {
    this.#parts = parts
    this.#server = http.createServer(
      // An upload may take as long as its job.
      { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 60_000, maxHeaderSize: 32 * 1024 },
      (request, response) => this.#forward(request, response),
    )
    this.#server.maxConnections = maxConnections
    this.#server.unref()
  }

  listen(): Promise<void> {
    this.#listening ??= new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', resolve)
    })
    return this.#listening
  }

  /** Null until it listens. */
  get url(): string | null {
    const address = this.#server.address() as AddressInfo | null
    return address && `http://127.0.0.1:${address.port}`
  }

  async close(): Promise<void> {
    if (!this.#listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { method = '', url = '', headers } = request
    const path = url.split('?', 1)[0]!
    const door = doors.find((each) => each.path.test(path) && each.method.test(method))
    if (!door) return void refuse(response, 404, 'There is no such service of a job.')
    const mask = door.needsPass ? this.#parts.maskOf(bearer(headers.authorization)) : null
    if (door.needsPass && !mask) {
      return void refuse(response, 401, 'The token of this job is wrong, or the job is over.')
    }
    const base = this.#parts.serverUrl()
    if (base === null) return void refuse(response, 503, 'The address of the server is not known now.')
    const target = new URL(url, new URL(base).origin)
    const up = (target.protocol === 'https:' ? https : http).request(target, {
      method,
      // A kept connection may die just as a request goes out, which only its sender can repeat.
      agent: false,
      timeout: this.#parts.idleMs ?? idleMs,
      headers: {
        ...Object.fromEntries(Object.entries(headers).filter(([name]) => passedUp.test(name))),
        // Files go straight to a server that is on this host.
        ...(!isOnThisHost(base) && { [reachedAt]: this.url! }),
        connection: 'close',
      },
    })
    up.once('timeout', () => up.destroy(new Error('nothing came for too long')))
    up.setNoDelay(true)
    up.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, kept(answer.rawHeaders))
      answer.once('error', () => response.destroy())
      answer.pipe(response)
    })
    up.on('error', (error) => {
      if (response.headersSent) response.destroy()
      else refuse(response, 502, `The server does not answer: ${error.message}`)
    })
    // Whoever goes away in the middle leaves nothing half done behind.
    response.once('close', () => up.destroy())
    if (!door.names || !mask) return void request.pipe(up)
    readShort(request).then(
      (body) => {
        if (body !== null && !hides(body, mask)) return up.end(body)
        up.destroy()
        const problem = body === null ? 'The request is too long.' : 'It holds a value that this job has masked.'
        refuse(response, 400, problem)
      },
      () => up.destroy(),
    )
  }
}

/** The whole body; null when it is longer than a name can be. */
async function readShort(request: http.IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxNamingBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Whether the name that it gives shows something that is masked. What is no JSON is the server's to refuse. */
function hides(body: Buffer, mask: (text: string) => string): boolean {
  try {
    const { name, key } = JSON.parse(body.toString('utf8')) as Record<string, unknown>
    return [name, key].some((text) => typeof text === 'string' && mask(text) !== text)
  } catch {
    return false
  }
}

const bearer = (authorization: string | undefined): string =>
  /^bearer\s+(\S+)$/i.exec(authorization?.trim() ?? '')?.[1] ?? ''

function kept(raw: string[]): string[] {
  const headers: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    if (!keptHere.test(raw[at]!.toLowerCase())) headers.push(raw[at]!, raw[at + 1]!)
  }
  return headers
}

/** Twirp's shape, which says the sentence to the client; others look at the status alone. */
function refuse(response: http.ServerResponse, status: number, msg: string): void {
  const code = { 400: 'invalid_argument', 401: 'unauthenticated', 404: 'bad_route' }[status] ?? 'unavailable'
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ code, msg }))
}

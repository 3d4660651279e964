import { type ChildProcess, spawn } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { tempHome } from '@juanie/core/testing/temp-home'
import { rolldown } from 'rolldown'
import { Front, type FrontLimits } from '../front.ts'
import type { Route, Target } from '../protocol.ts'
import { Routing } from '../routing.ts'

/** What the edge's tests share: real processes, real sockets. */

export const hostname = 'app.localhost'

/** A folder that is removed with every process that lives in it, also when the run is interrupted. */
export const temporaryFolder = tempHome

/** Bundles a program of this folder as the build does. */
export async function bundle(entry: string, folder: string): Promise<string> {
  const build = await rolldown({
    input: join(import.meta.dirname, '..', entry),
    platform: 'node',
    transform: { target: 'node20' },
    logLevel: 'silent',
  })
  const file = join(folder, entry.replace('.ts', '.mjs'))
  await build.write({ file, format: 'esm' })
  await build.close()
  return file
}

export interface Application extends Target, AsyncDisposable {
  process: ChildProcess
  /** Kill -9, and wait until it is gone. */
  kill(): Promise<void>
}

const running = new Set<ChildProcess>()

/** Ends what a failed test left running. */
export function endApplications(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** A process of its own that answers as `fixtures/target.mjs` says. */
export async function application(id: string): Promise<Application> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../fixtures/target.mjs'), id], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  running.add(child)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void gone.then(() => running.delete(child))
  const lines = createInterface({ input: child.stdout })
  const port = await new Promise<number>((resolve, reject) => {
    lines.once('line', (line) => resolve(Number(line)))
    void gone.then(() => reject(new Error(`The application ${id} did not start.`)))
  })
  const kill = () => {
    child.kill('SIGKILL')
    return gone
  }
  return { id, host: '127.0.0.1', port, process: child, kill, [Symbol.asyncDispose]: kill }
}

/** The address alone, as it stands in a table. */
const target = ({ id, host, port }: Target): Target => ({ id, host, port })

export function route(instances: Target[], more: Partial<Route> = {}, name = hostname): Route {
  return {
    hostname: name,
    instances: instances.map(target),
    standby: (more.standby ?? []).map(target),
    state: more.state ?? 'serving',
    ...(more.page ? { page: more.page } : {}),
  }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

export interface Proxy extends AsyncDisposable {
  routing: Routing
  front: Front
  port: number
  serve(...routes: Route[]): void
}

/** The proxy without its process, for what does not depend on it. */
export async function proxy(
  trustProxy: boolean | number | string[] = false,
  limits: Partial<FrontLimits> = {},
): Promise<Proxy> {
  const routing = new Routing()
  const front = new Front(routing, limits)
  const { port } = await front.open({ host: '127.0.0.1', port: 0, trustProxy })
  let version = 0
  return {
    routing,
    front,
    port,
    serve: (...routes) => routing.replace({ version: ++version, routes }),
    [Symbol.asyncDispose]: async () => {
      routing.replace({ version: ++version, routes: [] })
      await front.close(0)
    },
  }
}

export interface Server extends Target, AsyncDisposable {
  server: http.Server
}

/** An application inside the test's process, where the test must see or do what a process of its own cannot. */
export async function server(listener: http.RequestListener, id = 'app'): Promise<Server> {
  const made = http.createServer(listener)
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  const { port } = made.address() as net.AddressInfo
  return {
    id,
    host: '127.0.0.1',
    port,
    server: made,
    [Symbol.asyncDispose]: async () => {
      made.closeAllConnections()
      await new Promise((resolve) => made.close(resolve))
    },
  }
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
  trailers: NodeJS.Dict<string>
}

export interface Ask {
  port: number
  path?: string
  method?: string
  headers?: http.OutgoingHttpHeaders
  body?: string | Buffer | Iterable<Buffer>
  agent?: http.Agent
}

/** One request; rejects when no whole answer came. */
export function ask({ port, path = '/', method = 'GET', headers = {}, body, agent }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: agent ?? false,
      headers: { host: hostname, ...headers },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const { statusCode: status = 0, headers, trailers } = response
        resolve({ status, headers, body: Buffer.concat(chunks).toString(), trailers })
      })
    })
    if (typeof body === 'string' || Buffer.isBuffer(body) || body === undefined) return void request.end(body)
    for (const chunk of body) request.write(chunk)
    request.end()
  })
}

/** Begins a request and resolves with the head of its answer; `body` is the rest. */
export function begin({
  port,
  path = '/',
}: Ask): Promise<{ headers: http.IncomingHttpHeaders; body: Promise<string> }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, agent: false, headers: { host: hostname } } as const
    const request = http.get(options, (response) => {
      let text = ''
      const body = new Promise<string>((done, fail) => {
        response.on('data', (chunk) => {
          text += chunk
        })
        response.once('end', () => done(text))
        response.once('error', fail)
      })
      resolve({ headers: response.headers, body })
    })
    request.once('error', reject)
  })
}

/**
 * A kept connection on which whole answers with a length are read, and which fails the moment the edge closes it
 * without having said so: stricter and far cheaper than a client library, which would connect again.
 */
export class KeptConnection {
  readonly #port: number
  #socket: net.Socket | null = null
  #text = ''
  #arrived: (error: Error | null) => void = () => {}

  constructor(port: number) {
    this.#port = port
  }

  async send(request: string): Promise<string> {
    const socket = this.#socket ?? this.#connect()
    this.#text = ''
    socket.write(request)
    for (;;) {
      const head = this.#text.indexOf('\r\n\r\n')
      const length = /\r\ncontent-length: (\d+)\r\n/i.exec(this.#text)?.[1]
      if (head > 0 && length !== undefined && this.#text.length >= head + 4 + Number(length)) break
      await new Promise<void>((resolve, reject) => {
        this.#arrived = (error) => (error ? reject(error) : resolve())
      })
    }
    if (/\r\nconnection: close\r\n/i.test(this.#text)) this.close()
    return this.#text
  }

  close(): void {
    this.#socket?.removeAllListeners('close').destroy()
    this.#socket = null
  }

  #connect(): net.Socket {
    const socket = net.connect({ host: '127.0.0.1', port: this.#port, noDelay: true })
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#text += text
      this.#arrived(null)
    })
    socket.on('error', (error) => this.#arrived(error))
    socket.on('close', () => this.#arrived(new Error('The edge closed the connection without a word.')))
    this.#socket = socket
    return socket
  }
}

/** Writes bytes and gives what came back until the other side closes, or until `isEnough`. */
export function raw(port: number, bytes: string, isEnough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    socket.setTimeout(10_000, () => socket.destroy(new Error(`Only this came: ${text}`)))
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)))
    socket.on('close', () => resolve(text))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (isEnough(text)) socket.destroy()
    })
    socket.write(bytes, 'latin1')
  })
}

export async function until(isTrue: () => boolean | Promise<boolean>, limitMs = 5_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`It did not become true within ${limitMs} ms.`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

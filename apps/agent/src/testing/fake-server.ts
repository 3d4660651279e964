import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Desired,
  type Frame,
  type InstanceUsage,
  LogsRequest,
  Measured,
  Observed,
  type Report,
  ReportRequest,
  type TrafficMinute,
} from '@juanie/services/hosts/contract'

/**
 * The server's end of the agent contract, kept in memory: it checks every body against the contract and stores lines
 * and reports as the real one does, so that a gap or a repeat shows.
 */
export class FakeServer {
  readonly token = 'jag_test'
  readonly introductions: http.IncomingHttpHeaders[] = []
  readonly reports: Report[] = []
  readonly renewals: { jobId: string; fence: number }[][] = []
  /** Lines by stream, `step/<job>/<step>` or `instance/<id>`. */
  readonly lines = new Map<string, string[]>()
  readonly blobs = new Map<string, Buffer>()
  readonly problems: string[] = []
  /** Every observed state, in order. */
  readonly observed: Observed[] = []
  /** Minutes by source, hostname and minute: a later word replaces an earlier one. */
  readonly traffic = new Map<string, TrafficMinute>()
  readonly usage = new Map<string, InstanceUsage>()
  /** Whether a request may be answered; false lets it hang. */
  onRequest: (method: string, path: string) => { status: number } | 'hang' | undefined = () => undefined
  /** After what was measured is stored: `drop` loses the answer. */
  onMeasured: () => 'drop' | undefined = () => undefined
  lost: { jobId: string; fence: number }[] = []
  /** Streams that are refused. */
  unwanted = new Set<string>()
  desired: Desired | null = null
  leaseMs = 4_000
  requests: string[] = []
  #lastReport = new Map<string, number>()
  #server: http.Server | null = null
  #links = new Set<http.ServerResponse>()
  #sockets = new Set<Socket>()
  #port = 0

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get latest(): Observed | undefined {
    return this.observed.at(-1)
  }

  async start(): Promise<this> {
    const server = http.createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        this.problems.push(String(error))
        response.writeHead(400).end(JSON.stringify({ error: { message: String(error) } }))
      })
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
    return this
  }

  /** As a kill -9 of the server looks from the agent; `start` brings it back at the same address. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = null
    this.#links.clear()
    if (!server) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  send(frame: Frame): void {
    for (const link of this.#links) link.write(`${JSON.stringify(frame)}\n`)
  }

  want(desired: Desired): void {
    this.desired = desired
    this.send({ v: 1, type: 'desired', desired })
  }

  /** Waits until something holds, and says what was there instead. */
  async until<T>(what: string, found: () => T | undefined | null | false, limitMs = 20_000): Promise<T> {
    const end = performance.now() + limitMs
    for (;;) {
      const value = found()
      if (value !== undefined && value !== null && value !== false) return value
      if (performance.now() > end) {
        const last = this.latest && { ...this.latest, instances: this.latest.instances.map(({ probes, ...i }) => i) }
        throw new Error(`Not within ${limitMs} ms: ${what}. Last observed: ${JSON.stringify(last)} ${this.problems}`)
      }
      await pause(5)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url)
    const method = request.method ?? 'GET'
    this.requests.push(`${method} ${pathname}`)
    const verdict = this.onRequest(method, pathname)
    if (verdict === 'hang') return
    const body = await read(request)
    if (request.headers.authorization !== `Bearer ${this.token}`) return void response.writeHead(401).end()
    if (verdict) return void response.writeHead(verdict.status).end()
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (pathname === '/api/agent/work') return this.#link(request, response)
    if (pathname === '/api/agent/report') return void json(this.#report(JSON.parse(body.toString())))
    if (pathname === '/api/agent/logs') {
      if (body.length > 4 * 1024 * 1024) this.problems.push(`a log request of ${body.length} bytes`)
      return void json(this.#logs(JSON.parse(body.toString())))
    }
    if (pathname === '/api/agent/observed') {
      const observed = Observed.parse(JSON.parse(body.toString()))
      this.observed.push(observed)
      const probes = observed.instances.map(({ id, probes }) => [id, probes.at(-1)?.seq ?? 0])
      return void json({ probes: Object.fromEntries(probes) })
    }
    if (pathname === '/api/agent/measured') {
      const measured = Measured.parse(JSON.parse(body.toString()))
      for (const one of measured.traffic) this.traffic.set(`${one.source}/${one.hostname}/${one.minute}`, one)
      for (const one of measured.usage) this.usage.set(one.id, one)
      return void (this.onMeasured() === 'drop' ? response.destroy() : json({}))
    }
    const digest = /^\/api\/agent\/blobs\/(.+)$/.exec(pathname)?.[1]
    if (digest && method === 'PUT') {
      this.blobs.set(digest, body)
      return void json({})
    }
    const blob = digest ? this.blobs.get(digest) : undefined
    if (blob) return void response.writeHead(200, { 'content-length': blob.length }).end(method === 'HEAD' ? '' : blob)
    response.writeHead(404).end(JSON.stringify({ error: { message: 'There is no such thing.' } }))
  }

  #link(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.introductions.push(request.headers)
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    this.#links.add(response)
    response.on('close', () => this.#links.delete(response))
    const hello = { v: 1, type: 'hello', agentId: 'a', hostId: 'h', leaseMs: this.leaseMs, replace: false }
    response.write(`${JSON.stringify(hello)}\n`)
    if (this.desired) response.write(`${JSON.stringify({ v: 1, type: 'desired', desired: this.desired })}\n`)
  }

  #report(value: unknown) {
    const { incarnation, firstSeq, reports, renew } = ReportRequest.parse(value)
    let last = this.#lastReport.get(incarnation) ?? 0
    if (firstSeq > last + 1) this.problems.push(`reports ${last + 1} to ${firstSeq - 1} are missing`)
    reports.forEach((report, i) => {
      if (firstSeq + i <= last) return
      this.reports.push(report)
      last = firstSeq + i
      if (report.kind !== 'step.ended') return
      const stored = this.lines.get(`step/${report.jobId}/${report.step}`)?.length ?? 0
      if (stored !== report.lines) this.problems.push(`a step ended with ${stored} of ${report.lines} lines stored`)
    })
    this.#lastReport.set(incarnation, last)
    this.renewals.push(renew)
    return { acknowledged: last, lost: this.lost }
  }

  #logs(value: unknown) {
    const { batches } = LogsRequest.parse(value)
    return {
      acknowledged: batches.map(({ stream, firstSeq, lines }) => {
        const key = stream.kind === 'step' ? `step/${stream.jobId}/${stream.step}` : `instance/${stream.instanceId}`
        if (this.unwanted.has(key)) return null
        const stored = this.lines.get(key) ?? []
        this.lines.set(key, stored)
        if (firstSeq > stored.length + 1) this.problems.push(`${key}: a gap before line ${firstSeq}`)
        else for (const [, text] of lines.slice(stored.length + 1 - firstSeq)) stored.push(text)
        return stored.length
      }),
    }
  }
}

async function read(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

import { randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packFolder } from '@juanie/core/bundle'
import type { Desired, DesiredInstance, DesiredRoute, DesiredTask } from '@juanie/services/hosts/contract'
import { Connection } from '../connection/connection.ts'
import type { RouteTable } from '../edge/protocol.ts'
import { findIsolation, type HostIsolation } from '../host/isolation.ts'
import { killTree, markedBelow } from '../host/process-tree.ts'
import type { EdgePort } from '../runtime/routes.ts'
import { Runtime } from '../runtime/runtime.ts'
import { FakeServer } from './fake-server.ts'

/** The edge in memory: it keeps the table and lets a test say when an instance has drained. */
class FakeEdge implements EdgePort {
  tables: RouteTable[] = []
  drains: { target: string; limitMs: number }[] = []
  isAway = false
  drain: (target: string) => Promise<void> = async () => {}

  async setTable(table: RouteTable): Promise<void> {
    if (this.isAway) throw new Error('the edge is away')
    if (table.version <= (this.tables.at(-1)?.version ?? 0)) throw new Error('the version went back')
    this.tables.push(structuredClone(table))
  }

  async tableVersion(): Promise<number> {
    return this.tables.at(-1)?.version ?? 0
  }

  async waitDrained(target: string, limitMs: number): Promise<void> {
    this.drains.push({ target, limitMs })
    await this.drain(target)
  }

  route(hostname = 'shop.localhost') {
    return this.tables.at(-1)?.routes.find((route) => route.hostname === hostname)
  }

  /** Ids of the instances that get visitors. */
  serving(hostname?: string): string[] {
    return this.route(hostname)?.instances.map(({ id }) => id) ?? []
  }
}

/** A web application that does as its environment says. */
const application = `
const http = require('node:http')
const env = process.env
console.log('starting version', env.VERSION)
if (env.SAY) for (const line of env.SAY.split('|')) console.log(line)
if (env.CRASH_AT_ONCE) { console.error('no luck'); process.exit(Number(env.CRASH_AT_ONCE)) }
if (env.STUBBORN) process.on('SIGTERM', () => console.log('ignored'))
const port = env.OTHER_PORT ? Number(env.OTHER_PORT) : Number(env.PORT)
if (env.HOLD) { const all = []; const grow = () => { all.push(Buffer.alloc(16 * 1024 * 1024, 1)); setTimeout(grow, 20) }; setTimeout(grow, 300) }
const server = http.createServer((request, response) => {
  if (request.url === '/exit') { response.end('bye'); return setTimeout(() => process.exit(Number(env.EXIT_CODE ?? 1)), 5) }
  if (request.url === '/sicken') { server.isSick = true; return response.end('cough') }
  if (request.url === '/env') return response.end(JSON.stringify(env))
  if (request.url === '/say') { console.log('said ' + (env.SECRET ?? '')); return response.end('said') }
  if (env.REDIRECT) { response.writeHead(301, { location: 'https://' + request.headers.host + '/' }); return response.end() }
  response.writeHead(server.isSick || env.SICK ? 500 : 200)
  response.end('version ' + env.VERSION + ' for ' + request.headers.host)
})
if (!env.NEVER_OPEN) setTimeout(() => server.listen(port, '127.0.0.1', () => console.log('listening')), Number(env.SLOW ?? 0))
setInterval(() => {}, 1000)
`

export interface HostOptions {
  useBubblewrap?: boolean
  /** Called with the agent's folder before anything lies in it. */
  prepare?: (folder: string) => void
  /** Undoes it, before the folder is removed. */
  restore?: (folder: string) => void
}

/** One host with its server: the runtime and the connection are real, the server and the edge are their fakes. */
export class RuntimeHost {
  readonly folder = fs.mkdtempSync(join(tmpdir(), 'juanie-runtime-'))
  readonly agent = join(this.folder, 'agent')
  readonly homeMark = `test-${randomUUID()}`
  readonly server = new FakeServer()
  readonly edge = new FakeEdge()
  readonly said: string[] = []
  readonly deploymentId = randomUUID()
  #revision = 0
  #restore: (folder: string) => void = () => {}
  #isolation: HostIsolation | null = null
  runtime: Runtime | null = null
  #connection: Connection | null = null

  static async start(options: HostOptions = {}): Promise<RuntimeHost> {
    const host = new RuntimeHost()
    for (const path of [host.folder, host.agent]) {
      fs.mkdirSync(path, { recursive: true })
      fs.chmodSync(path, 0o711)
    }
    options.prepare?.(host.agent)
    host.#restore = options.restore ?? host.#restore
    host.#isolation = await findIsolation({ tools: [], useBubblewrap: options.useBubblewrap ?? false })
    await host.server.start()
    await host.startAgent()
    return host
  }

  /** What an agent process does with these two at its start. */
  async startAgent(): Promise<void> {
    const { url, token } = this.server
    const connection = new Connection({
      address: { url: () => url, token: () => token, refresh: () => {} },
      incarnation: randomUUID(),
      spool: join(this.agent, 'spool'),
      introduce: () => ({ build: 'b', slots: 2, isolation: 'trusted', labels: [] }),
      holding: () => [],
      onLost: () => {},
      observe: () => ({
        ...runtime.observe(),
        edge: { state: 'serving', host: '127.0.0.1', port: 1, problem: null },
      }),
      onProbesStored: (probes) => runtime.probesStored(probes),
      measures: {
        traffic: () => Promise.reject(new Error('This host has no edge.')),
        counted: async () => {},
        usage: () => runtime.usage(),
      },
      onFrame: (frame) => {
        if (frame.type === 'desired') void runtime.want(frame.desired)
      },
      log: (line) => this.said.push(line),
    })
    const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`
    const runtime = new Runtime({
      folder: this.agent,
      homeMark: this.homeMark,
      server: connection.server,
      isolation: this.#isolation!,
      tools: { node: process.execPath, path, folders: [], staticServer: '', packer: '' },
      controlGroups: null,
      edge: this.edge,
      wakeLog: (log) => connection.wake(log),
      forgetLog: (log) => connection.forget(log),
      changed: (when) => connection.changed(when),
      log: (line) => this.said.push(line),
    })
    this.runtime = runtime
    this.#connection = connection
    await runtime.start()
    connection.open()
    connection.startObserving()
  }

  /** As the agent's death looks from outside: its processes go on, nothing is tidied up. */
  stopAgent(): void {
    this.#connection?.close()
    this.runtime?.release()
    this.runtime = null
  }

  /** Gives the server a bundle of these files; the application of this file is \`app.js\`. */
  async bundle(files: Record<string, string> = {}): Promise<string> {
    const root = fs.mkdtempSync(join(this.folder, 'source-'))
    for (const [path, text] of Object.entries({ 'app.js': application, ...files })) {
      fs.mkdirSync(dirname(join(root, path)), { recursive: true })
      fs.writeFileSync(join(root, path), text)
    }
    const file = join(this.folder, 'bundle')
    const { digest } = await packFolder(root, file)
    this.server.blobs.set(digest, fs.readFileSync(file))
    return digest
  }

  async instance(change: Change<DesiredInstance> = {}): Promise<DesiredInstance> {
    const { health, restart, ...rest } = change
    return {
      id: randomUUID(),
      projectId: randomUUID(),
      environmentId: randomUUID(),
      deploymentId: this.deploymentId,
      service: 'web',
      bundle: rest.bundle ?? (await this.bundle()),
      command: { kind: 'exec', argv: ['node', 'app.js'] },
      workingDirectory: '.',
      environment: { VERSION: '1' },
      secretNames: [],
      limits: { memoryBytes: null, cpus: null },
      index: 0,
      port: { declared: 3000 },
      hostname: 'shop.localhost',
      health: {
        probe: { kind: 'default' },
        healthy: 3,
        retries: 3,
        intervalMs: 50,
        timeoutMs: 1_000,
        startIntervalMs: null,
        startPeriodMs: 0,
        startLimitMs: 8_000,
        ...health,
      },
      stop: { signal: 'SIGTERM', graceMs: 1_000 },
      restart: { policy: 'always', maxRetries: null, minBackOffMs: 30, maxBackOffMs: 300, ...restart },
      after: [],
      want: 'running',
      drainMs: 500,
      ...rest,
    } as DesiredInstance
  }

  async task(change: Partial<DesiredTask> = {}): Promise<DesiredTask> {
    const { port, hostname, health, stop, restart, after, want, drainMs, index, ...process } = await this.instance()
    return { ...process, timeoutMs: 10_000, ...change }
  }

  want(desired: Partial<Omit<Desired, 'revision'>>): void {
    this.#revision += 1
    this.server.want({ instances: [], tasks: [], routes: [], ...desired, revision: this.#revision })
  }

  route(serving: DesiredInstance | null, change: Partial<DesiredRoute> = {}): DesiredRoute {
    return {
      hostname: 'shop.localhost',
      environmentId: randomUUID(),
      generation: 1,
      serving: serving && { deploymentId: serving.deploymentId, instanceIds: [serving.id] },
      soak: null,
      ...change,
    }
  }

  observed(id: string) {
    return this.server.latest?.instances.find((instance) => instance.id === id)
  }

  observedRoute(hostname = 'shop.localhost') {
    return this.server.latest?.routes.find((route) => route.hostname === hostname)
  }

  observedTask(id: string) {
    return this.server.latest?.tasks.find((task) => task.id === id)
  }

  until<T>(what: string, found: () => T | undefined | null | false, limitMs?: number): Promise<T> {
    return this.server.until(what, found, limitMs)
  }

  reaches(id: string, state: string, limitMs?: number) {
    return this.until(
      `${id} is ${state}`,
      () => {
        const instance = this.observed(id)
        return instance?.state === state ? instance : null
      },
      limitMs,
    )
  }

  lines(id: string): string[] {
    return this.server.lines.get(`instance/${id}`) ?? []
  }

  get(id: string, path: string): Promise<string> {
    return fetch(`http://127.0.0.1:${this.observed(id)?.port}${path}`).then((response) => response.text())
  }

  /** Processes of this host that live. */
  get processes(): { pid: number; mark: string }[] {
    return markedBelow(`${this.homeMark}/`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopAgent()
    for (const { pid, mark } of this.processes) await killTree(pid, mark)
    await this.server.stop()
    this.#restore(this.agent)
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}

type Change<T> = { [Key in keyof T]?: Key extends 'health' | 'restart' ? Partial<T[Key]> : T[Key] }

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { packFolder } from '@juanie/core/bundle'
import { findHolder } from '@juanie/core/lock'
import type { DesiredInstance, DesiredRoute } from '@juanie/services/hosts/contract'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { agentPoints } from './points.ts'
import { AgentProcess, buildPrograms } from './testing/agent-process.ts'

// Real processes on a machine that others may use too.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let programs: string
let agent: AgentProcess
let revision = 0

beforeAll(async () => {
  programs = await buildPrograms()
}, 60_000)
afterAll(() => fs.rmSync(programs, { recursive: true, force: true }))
beforeEach(async () => {
  agent = await AgentProcess.start(programs)
})
afterEach(async () => {
  await agent[Symbol.asyncDispose]()
  expect(agent.server.problems).toEqual([])
  expect(agent.left).toEqual([])
})

const source = `
console.log('version', process.env.VERSION)
let isSick = false
require('http').createServer((request, response) => {
  if (request.url === '/sicken') isSick = true
  response.writeHead(isSick && request.headers['user-agent'] === 'juanie-probe' ? 500 : 200)
  response.end('version ' + process.env.VERSION)
}).listen(Number(process.env.PORT), process.env.HOST)`

async function instance(version: string, change: Partial<DesiredInstance> = {}): Promise<DesiredInstance> {
  const folder = fs.mkdtempSync(join(agent.folder, 'source-'))
  fs.writeFileSync(join(folder, 'app.js'), `// ${version}\n${source}`)
  const { digest } = await packFolder(folder, join(agent.folder, 'bundle'))
  agent.server.blobs.set(digest, fs.readFileSync(join(agent.folder, 'bundle')))
  return {
    id: randomUUID(),
    projectId: randomUUID(),
    environmentId: randomUUID(),
    deploymentId: randomUUID(),
    service: 'web',
    bundle: digest,
    command: { kind: 'exec', argv: ['node', 'app.js'] },
    workingDirectory: '.',
    environment: { VERSION: version },
    secretNames: [],
    limits: { memoryBytes: null, cpus: null },
    index: 0,
    port: { declared: null },
    hostname: 'shop.localhost',
    health: {
      probe: { kind: 'default' },
      healthy: 3,
      retries: 3,
      intervalMs: 100,
      timeoutMs: 1_000,
      startIntervalMs: null,
      startPeriodMs: 0,
      startLimitMs: 10_000,
    },
    stop: { signal: 'SIGTERM', graceMs: 1_000 },
    restart: { policy: 'always', maxRetries: null, minBackOffMs: 50, maxBackOffMs: 500 },
    after: [],
    want: 'running',
    drainMs: 300,
    ...change,
  }
}

const to = (one: DesiredInstance) => ({ deploymentId: one.deploymentId, instanceIds: [one.id] })
const route = (serving: DesiredInstance, generation: number, soak: DesiredRoute['soak'] = null): DesiredRoute => ({
  hostname: 'shop.localhost',
  environmentId: randomUUID(),
  generation,
  serving: to(serving),
  soak,
})
function want(instances: DesiredInstance[], routes: DesiredRoute[] = []) {
  revision += 1
  agent.server.want({ revision, instances, routes, tasks: [] })
}
const until = <T>(what: string, found: () => T | undefined | null | false, limitMs?: number) =>
  agent.server.until(`${what} (${agent.output.slice(-500)})`, found, limitMs)
const seen = (one: DesiredInstance) => agent.server.latest?.instances.find(({ id }) => id === one.id)
const seenRoute = () => agent.server.latest?.routes[0]

async function serving(): Promise<DesiredInstance> {
  const first = await instance('1')
  want([first], [route(first, 1)])
  await until('it serves', () => seenRoute()?.serving && seen(first)?.state === 'healthy')
  for (let i = 0; i < 200 && (await agent.visit()).status !== 200; i++) await pause(5)
  expect(await agent.visit()).toEqual({ status: 200, body: 'version 1' })
  return first
}

test('an agent takes its home, says how far it can confine, and serves through its edge', async () => {
  expect(agent.output).toMatch(/Isolation: (isolated|separate users|trusted)\./)
  const holder = await findHolder(agent.home, 'agent')
  expect(holder).toMatchObject({ pid: agent.pid, edge: { port: expect.any(Number) }, problem: null })
  await serving()
  expect(agent.server.latest?.edge).toMatchObject({ state: 'serving', port: holder?.edge?.port })
  const second = agent.run()
  expect(await once(second, 'exit')).toEqual([1, null])
  expect(agent.output).toContain(`An agent already runs on ${agent.home.path} (process ${agent.pid})`)
})

test('an agent that is told to end, or is killed, leaves edge and instances, and the next one adopts them', async () => {
  const first = await serving()
  const { pid } = seen(first)!
  expect(await agent.end('SIGTERM')).toEqual({ code: 0, signal: null })
  expect(await agent.visit()).toEqual({ status: 200, body: 'version 1' })
  await agent.launch()
  await until('told again', () => agent.server.introductions.length === 2 && seen(first)?.state === 'healthy')
  await agent.end('SIGKILL')
  expect(await agent.visit()).toEqual({ status: 200, body: 'version 1' })
  await agent.launch()
  await until('told again', () => agent.server.introductions.length === 3 && seen(first)?.state === 'healthy')
  expect(seen(first)).toMatchObject({ pid, restarts: 0 })
})

test('down ends every instance and the edge, and the next agent brings them back', async () => {
  const first = await serving()
  await agent.end('SIGTERM')
  expect(await once(agent.run(['down']), 'exit')).toEqual([0, null])
  expect(agent.left).toEqual([])
  await agent.launch()
  await until('it is back', () => agent.server.introductions.length === 2 && seen(first)?.state === 'healthy')
  await until('its line', () => agent.server.lines.get(`instance/${first.id}`)?.length === 2)
})

test('a folder of files is served by the file server that comes with the agent', async () => {
  const folder = fs.mkdtempSync(join(agent.folder, 'site-'))
  fs.mkdirSync(join(folder, 'public'))
  fs.writeFileSync(join(folder, 'public', 'index.html'), '<h1>Hello</h1>')
  const { digest } = await packFolder(folder, join(agent.folder, 'bundle'))
  agent.server.blobs.set(digest, fs.readFileSync(join(agent.folder, 'bundle')))
  const site = await instance('1', { bundle: digest, command: { kind: 'static', root: 'public', fallback: null } })
  want([site], [route(site, 1)])
  await until('it is healthy', () => seen(site)?.state === 'healthy')
  for (let i = 0; i < 200 && (await agent.visit()).status !== 200; i++) await pause(5)
  expect(await agent.visit()).toEqual({ status: 200, body: '<h1>Hello</h1>' })
})

test('a bad argument ends it with a sentence', async () => {
  for (const [args, sentence] of [
    [['--server', 'http://x'], '--server and --token-file belong together'],
    [['sideways'], 'There is no command "sideways"'],
  ] as const) {
    expect(await once(agent.run([...args]), 'exit')).toEqual([1, null])
    expect(agent.output).toContain(sentence)
  }
})

const aSwitch = [
  'agent.desired.before-write',
  'agent.desired.written',
  'agent.desired.routes-applied',
  'agent.instance.before-start',
]
const points = [
  ...aSwitch,
  'agent.bundle.fetched',
  'agent.process.started',
  'agent.process.recorded',
  'agent.route.table-set',
  'agent.route.settled',
  'agent.route.drained',
  'agent.observed.before-send',
  'agent.observed.acknowledged',
  'agent.logs.before-send',
  'agent.logs.acknowledged',
  'agent.soak.before-passed',
  'agent.soak.after-passed',
  'agent.soak.before-failed',
  'agent.soak.after-failed',
  'agent.instance.before-stop',
  'agent.instance.after-stop',
] as const

test('every point that is tested is a point of the list', () => {
  expect(points.filter((point) => !(agentPoints as readonly string[]).includes(point))).toEqual([])
})

test.each(points)(
  'killed at %s, it goes on where it was, and no visitor notices',
  { timeout: 30_000 },
  async (point) => {
    const first = await serving()
    await agent.end('SIGTERM')
    await agent.launch({ JUANIE_CRASH_POINT: point })
    const own = agent
    const answers: string[] = []
    let isOver = false
    const visitor = (async () => {
      while (!isOver) {
        answers.push(await own.visit().then(({ status, body }) => (status === 200 ? body : `status ${status}`), String))
        await pause(5)
      }
    })()
    const killed = agent.ended().then((end) => {
      expect(end.signal).toBe('SIGKILL')
      return agent.launch()
    })
    const second = await instance('2')
    const fails = point.includes('failed')
    want([first, second], [route(first, 1)])
    await until('both run', () => seen(second)?.state === 'healthy')
    want([first, second], [route(second, 2, { soakMs: fails ? 60_000 : 400, standby: to(first) })])
    await until('switched', () => seenRoute()?.generation === 2)
    if (fails) {
      await agent.visit('/sicken')
      await until('back', () => seenRoute()?.soak?.state === 'failed' && seenRoute()?.serving === first.deploymentId)
      want([first], [route(first, 3)])
    } else {
      await until('passed', () => seenRoute()?.soak?.state === 'passed')
      want([second], [route(second, 3)])
    }
    await killed
    const [stays, goes] = fails ? [first, second] : [second, first]
    await until(
      'the other is gone',
      () => seenRoute()?.generation === 3 && !seen(goes) && seen(stays)?.state === 'healthy',
    )
    isOver = true
    await visitor
    expect(answers.filter((answer) => !/^version [12]$/.test(answer))).toEqual([])
    expect(await agent.visit()).toEqual({ status: 200, body: `version ${fails ? 1 : 2}` })
    expect(agent.server.lines.get(`instance/${second.id}`)).toEqual(['version 2'])
    const left = agent.left.filter((line) => / node app\.js/.test(line) && !/juanie|bwrap/.test(line))
    expect(left).toHaveLength(1)
  },
)

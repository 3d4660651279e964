import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Frame } from '@juanie/services/hosts/contract'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeServer } from '../testing/fake-server.ts'
import { Connection, type ConnectionParts } from './connection.ts'

// Real processes on a machine that others may use too.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let folder: string
let server: FakeServer
let connection: Connection
let frames: Frame[]
let lost: unknown[]
let observed: number

const job = { jobId: randomUUID(), fence: 3 }
const at = new Date(0).toISOString()

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-connection-'))
  server = await new FakeServer().start()
  frames = []
  lost = []
  observed = 0
})
afterEach(async () => {
  connection?.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(server.problems).toEqual([])
})

function connect(parts: Partial<ConnectionParts> = {}): Connection {
  const { url, token } = server
  connection = new Connection({
    address: { url: () => url, token: () => token, refresh: () => {} },
    incarnation: randomUUID(),
    spool: join(folder, 'spool'),
    introduce: () => ({ build: 'b', slots: 2, isolation: 'trusted', labels: ['linux', '标签'] }),
    holding: () => [],
    onFrame: (frame) => frames.push(frame),
    onLost: (held) => lost.push(held),
    observe: () => ({
      revision: ++observed,
      instances: [],
      tasks: [],
      routes: [],
      edge: { state: 'down', host: '127.0.0.1', port: null, problem: null },
    }),
    onProbesStored: () => {},
    measures: { traffic: () => Promise.reject(new Error('no edge')), counted: async () => {}, usage: () => [] },
    log: () => {},
    ...parts,
  })
  connection.open()
  return connection
}

const until = (what: string, found: () => unknown, limitMs?: number) => server.until(what, found, limitMs)
const lines = (from: number, count: number): [number, string][] =>
  Array.from({ length: count }, (_, i) => [1, `line ${from + i} 线 ${'='.repeat(60)}`])

test('an agent introduces itself and takes frames, also one cut into pieces', async () => {
  connect()
  await until('hello', () => frames.length === 1)
  server.send({ v: 1, type: 'cancel', jobId: 'x'.repeat(300_000), fence: 1, reason: 'lost' })
  server.send({ v: 1, type: 'news', of: 'another version' } as never)
  server.send({ v: 1, type: 'ping' })
  await until('frames', () => frames.length === 3)
  expect(frames.map(({ type }) => type)).toEqual(['hello', 'cancel', 'ping'])
  expect(server.introductions[0]).toMatchObject({ 'x-juanie-contract': '1', 'x-juanie-slots': '2' })
  expect(connection.isUp).toBe(true)
})

test('a link that dies in silence is found dead and opened again', async () => {
  connect({ silenceMs: 200 })
  await until('a second introduction', () => server.introductions.length === 2, 3_000)
})

test('reports arrive in order and once, though the server dies in between', async () => {
  connect()
  connection.report({ kind: 'job.started', ...job, at })
  await until('the first', () => server.reports.length === 1)
  await server.stop()
  for (let step = 0; step < 20; step++) connection.report({ kind: 'step.started', ...job, step, at, name: `${step}` })
  await server.start()
  await until('all', () => server.reports.length === 21)
  expect(server.reports.slice(1).map((report) => 'step' in report && report.step)).toEqual(
    Array.from({ length: 20 }, (_, i) => i),
  )
})

test('an answer that was lost makes no report arrive twice', async () => {
  let count = 0
  server.onRequest = (_, path) => {
    if (path !== '/api/agent/report' || ++count > 1) return undefined
    return { status: 503 }
  }
  connect()
  connection.report({ kind: 'job.started', ...job, at })
  connection.report({ kind: 'step.started', ...job, step: 0, at, name: 'a' })
  await until('both', () => server.reports.length >= 2)
  expect(server.reports.map(({ kind }) => kind)).toEqual(['job.started', 'step.started'])
})

test('leases are renewed each second, and a job that lost its lease says nothing more', async () => {
  let holding = [job]
  connect({ holding: () => holding })
  await until('two renewals', () => server.renewals.length >= 2, 3_000)
  expect(server.renewals.at(-1)).toEqual([job])
  server.onRequest = () => undefined
  server.lost = [job]
  await until('the loss', () => lost.length > 0, 3_000)
  holding = []
  server.lost = []
})

test('the end of a step leaves after its last line, that of another job does not wait for it', async () => {
  const other = { jobId: randomUUID(), fence: 1 }
  server.onRequest = (_, path) => (path === '/api/agent/logs' ? { status: 503 } : undefined)
  connect()
  connection.log({ kind: 'step', ...job, step: 0 }, lines(1, 3))
  const end = { at, outcome: 'success', conclusion: 'success', exitCode: 0, reason: null } as const
  connection.report({ kind: 'step.ended', ...job, step: 0, ...end, lines: 3 })
  connection.report({ kind: 'job.ended', ...job, at, result: 'succeeded', reason: null, outputs: {} })
  connection.report({ kind: 'job.started', ...other, at })
  await until('the other job', () => server.reports.length === 1)
  expect(server.reports[0]).toMatchObject({ jobId: other.jobId })
  server.onRequest = () => undefined
  await until('the rest', () => server.reports.length === 3)
  expect(server.reports.slice(1).map(({ kind }) => kind)).toEqual(['step.ended', 'job.ended'])
})

test('four loud steps are stored without gap or repeat, though the server goes away and lines wait on disk', async () => {
  connect()
  const each = 60_000
  for (let from = 1; from <= each; from += 500) {
    for (let step = 0; step < 4; step++) connection.log({ kind: 'step', ...job, step }, lines(from, 500))
    if (from === 10_001) await server.stop()
    if (from === 50_001) {
      expect(readdirSync(join(folder, 'spool')).length).toBeGreaterThan(0)
      await server.start()
    }
    if (from % 5_000 === 1) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  for (let step = 0; step < 4; step++) {
    const key = `step/${job.jobId}/${step}`
    await until(`step ${step}`, () => server.lines.get(key)?.length === each, 20_000)
    expect(server.lines.get(key)).toEqual(lines(1, each).map(([, text]) => text))
  }
  await until('the spool is empty', () => readdirSync(join(folder, 'spool')).length === 0)
})

test('lines that the server does not want are not sent again', async () => {
  server.unwanted.add(`step/${job.jobId}/0`)
  connect()
  connection.log({ kind: 'step', ...job, step: 0 }, lines(1, 3))
  const end = { at, outcome: 'success', conclusion: 'success', exitCode: 0, reason: null } as const
  connection.report({ kind: 'step.ended', ...job, step: 0, ...end, lines: 0 })
  await until('the end', () => server.reports.length === 1)
})

test('the newest truth is told at once, and again after the server came back', async () => {
  connect()
  connection.startObserving()
  await until('the first', () => server.observed.length >= 1)
  for (let i = 0; i < 50; i++) connection.changed()
  await until('the newest', () => server.latest?.revision === observed && observed > 1)
  expect(server.observed.length).toBeLessThan(10)
  await server.stop()
  connection.changed()
  const before = server.observed.length
  await server.start()
  await until('another', () => server.observed.length > before)
  const seqs = server.observed.map(({ seq }) => seq)
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
})

test('a blob is put once', async () => {
  connect()
  const file = join(folder, 'blob')
  writeFileSync(file, 'x'.repeat(300_000))
  const digest = `sha256:${'0'.repeat(64)}`
  const { signal } = new AbortController()
  await connection.putBlob(job.jobId, digest, file, signal)
  await connection.putBlob(job.jobId, digest, file, signal)
  expect(server.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(1)
  expect(server.blobs.get(digest)?.toString()).toBe(readFileSync(file, 'utf8'))
  expect(existsSync(file)).toBe(true)
})

test('what the edge counted arrives once, though answers are lost and the server goes away', async () => {
  const source = randomUUID()
  const minute = (at: number, requests: number) => ({
    source,
    hostname: 'app.localhost',
    minute: at,
    requests,
    statuses: [0, requests, 0, 0, 0] as [number, number, number, number, number],
    broken: 0,
    aborted: 0,
    unavailable: 0,
    latency: [[3, requests]] as [number, number][],
    isCut: false,
  })
  let open = minute(10, 5)
  let closed: ReturnType<typeof minute>[] = []
  const acknowledged: number[] = []
  let looks = 0
  connect({
    measures: {
      everyMs: 20,
      traffic: async () => {
        looks++
        const told = closed.slice(0, 2)
        const hasMore = told.length < closed.length
        return { edge: source, closed: told, upTo: told.at(-1)?.minute ?? 0, open: hasMore ? [] : [open], hasMore }
      },
      counted: async ({ upTo }) => {
        acknowledged.push(upTo)
        closed = closed.filter((one) => one.minute > upTo)
      },
      usage: () => [{ id: job.jobId, memoryBytes: 1_000, cpu: null }],
    },
  })
  connection.startObserving()
  const stored = () => [...server.traffic.values()].map(({ minute: at, requests }) => [at, requests])
  await until('the open minute', () => JSON.stringify(stored()) === '[[10,5]]')
  expect(server.usage.get(job.jobId)).toMatchObject({ memoryBytes: 1_000 })
  // What did not change is not told again.
  const calls = () => server.requests.filter((each) => each.endsWith('/measured')).length
  const before = [calls(), looks]
  await until('more looks', () => looks > before[1]! + 5)
  expect(calls()).toBe(before[0])

  let dropped = 0
  let drops = Number.POSITIVE_INFINITY
  server.onMeasured = () => {
    if (dropped >= drops) return undefined
    dropped++
    return 'drop'
  }
  closed = [minute(10, 6), minute(11, 7), minute(12, 8), minute(13, 9), minute(14, 1)]
  open = minute(15, 2)
  await until('the first answer is lost', () => dropped > 0)
  expect(acknowledged).toEqual([])
  await server.stop()
  // One more is lost after it is back.
  drops = dropped + 1
  await server.start()
  await until('all of them', () => stored().length === 6 && closed.length === 0)
  expect(stored()).toEqual([
    [10, 6],
    [11, 7],
    [12, 8],
    [13, 9],
    [14, 1],
    [15, 2],
  ])
  expect(acknowledged).toEqual([11, 13, 14])
})

import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { latencyAt } from '@juanie/core/latency'
import { identify, waitUntilGone } from '@juanie/core/process-identity'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { CountedMinute, EdgeTraffic } from './protocol.ts'
import { EdgeSupervisor } from './supervisor.ts'
import {
  application,
  ask,
  bundle,
  endApplications,
  hostname,
  proxy,
  raw,
  route,
  server,
  temporaryFolder,
  until,
} from './testing/index.ts'
import { Traffic } from './traffic.ts'
import { TrafficFiles } from './traffic-files.ts'

const programs = temporaryFolder()
let entry = ''

beforeAll(async () => {
  entry = await bundle('main.ts', programs.path)
  return () => programs[Symbol.asyncDispose]()
})

afterEach(endApplications)

const own = identify(process.pid)!
const minuteMs = 60_000

/** An edge's counting without its process, with a clock that the test moves. */
async function counting(folder: string) {
  const clock = { now: 100 * minuteMs }
  const edge = await proxy()
  const traffic = new Traffic({
    routing: edge.routing,
    files: new TrafficFiles(folder, own),
    now: () => clock.now,
  })
  traffic.start()
  return { edge, traffic, clock, [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose]() }
}

const all = ({ closed, open }: EdgeTraffic) => [...closed, ...open]
const sum = (minutes: CountedMinute[]) => minutes.reduce((total, { requests }) => total + requests, 0)

test('a minute holds its answers by class, what the application broke and how long answers took', async () => {
  await using folder = temporaryFolder()
  await using app = await server((request, response) => {
    if (request.url === '/broken') return void request.socket.destroy()
    response.statusCode = Number(request.url!.slice(1))
    response.end('ok')
  })
  await using counted = await counting(folder.path)
  const { edge, traffic, clock } = counted
  edge.serve(route([app]))
  for (const path of ['/200', '/200', '/200', '/404', '/500']) await ask({ port: edge.port, path })
  expect(await ask({ port: edge.port, path: '/broken', method: 'POST' })).toMatchObject({ status: 502 })
  edge.serve(route([app], { state: 'unavailable' }))
  await ask({ port: edge.port, path: '/200' })

  await until(() => edge.routing.host(hostname)!.open === 0)
  const { open, closed } = traffic.read()
  expect(closed).toEqual([])
  expect(open).toMatchObject([
    { hostname, minute: 100, requests: 7, statuses: [0, 3, 0, 1, 3], broken: 1, unavailable: 1, aborted: 0 },
  ])
  expect(open[0]!.isCut).toBe(false)
  expect(latencyAt(0.5, open[0]!.latency)).toBeGreaterThan(0)
  expect(open[0]!.latency.reduce((total, [, count]) => total + count, 0)).toBe(5)

  clock.now += minuteMs
  await ask({ port: edge.port, path: '/200' })
  await until(() => edge.routing.host(hostname)!.open === 0)
  const later = traffic.read()
  // The request was counted before anybody noticed that a minute was over.
  expect(later.closed).toMatchObject([{ minute: 100, requests: 8 }])
  await ask({ port: edge.port, path: '/200' })
  await until(() => edge.routing.host(hostname)!.open === 0)
  expect(traffic.read().open).toMatchObject([{ minute: 101, requests: 1 }])
})

test('a client that goes away is counted as such', async () => {
  await using folder = temporaryFolder()
  await using app = await server(() => {})
  await using counted = await counting(folder.path)
  const { edge, traffic } = counted
  edge.serve(route([app]))
  const gone = raw(edge.port, `GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  await until(() => edge.routing.host(hostname)!.open === 1)
  await edge.front.close(0)
  await gone
  await until(() => edge.routing.host(hostname)!.open === 0)
  expect(traffic.read().open).toMatchObject([{ requests: 1, statuses: [0, 0, 0, 0, 0], aborted: 1, broken: 0 }])
})

test('closed minutes are told again until they are acknowledged, by the edge that told them', async () => {
  await using folder = temporaryFolder()
  await using app = await server((_, response) => response.end('ok'))
  await using counted = await counting(folder.path)
  const { edge, traffic, clock } = counted
  edge.serve(route([app]))
  for (let minute = 0; minute < 3; minute++) {
    await ask({ port: edge.port })
    await until(() => edge.routing.host(hostname)!.open === 0)
    clock.now += minuteMs
    traffic.read()
  }
  const told = traffic.read()
  expect(told.closed.map(({ minute }) => minute)).toEqual([100, 101, 102])
  expect(traffic.read()).toEqual(told)
  traffic.counted({ edge: 'another', upTo: told.upTo })
  expect(traffic.read().closed).toHaveLength(3)
  traffic.counted({ edge: told.edge, upTo: told.upTo - 1 })
  expect(traffic.read().closed).toMatchObject([{ minute: 102 }])
  traffic.counted(told)
  expect(all(traffic.read())).toEqual([])
})

test('a hostname that leaves the table is counted to the end of its last request', async () => {
  await using folder = temporaryFolder()
  let finish: () => void = () => {}
  await using app = await server((_, response) => {
    finish = () => response.end('late')
  })
  await using counted = await counting(folder.path)
  const { edge, traffic, clock } = counted
  edge.serve(route([app]))
  const { routing } = edge
  const late = ask({ port: edge.port })
  await until(() => routing.host(hostname)?.open === 1)
  edge.serve()
  clock.now += minuteMs
  expect(traffic.read().closed).toMatchObject([{ minute: 100, requests: 1, statuses: [0, 0, 0, 0, 0] }])
  finish()
  await late
  await until(() => traffic.read().open.length === 1)
  clock.now += minuteMs
  expect(traffic.read().closed).toMatchObject([
    { minute: 100, requests: 1 },
    { minute: 101, requests: 0, statuses: [0, 1, 0, 0, 0] },
  ])
  clock.now += minuteMs
  traffic.read()
  expect(routing.counting()).toEqual([])
})

test('a clock that is set back gives a minute another name', async () => {
  await using folder = temporaryFolder()
  await using app = await server((_, response) => response.end('ok'))
  await using counted = await counting(folder.path)
  const { edge, traffic, clock } = counted
  edge.serve(route([app]))
  const once = async (byMs: number) => {
    await ask({ port: edge.port })
    await until(() => edge.routing.host(hostname)!.open === 0)
    clock.now += byMs
    traffic.read()
  }
  await once(minuteMs)
  await once(-minuteMs)
  await once(minuteMs)
  const { closed } = traffic.read()
  expect(closed.map(({ minute }) => minute)).toEqual([100, 101, 100])
  expect(new Set(closed.map(({ source, minute }) => `${source} ${minute}`)).size).toBe(3)
})

test('what nobody fetches is bounded, and what is missing shows', async () => {
  await using folder = temporaryFolder()
  await using app = await server((_, response) => response.end('ok'))
  await using counted = await counting(folder.path)
  const { edge, traffic, clock } = counted
  const names = Array.from({ length: 1_000 }, (_, i) => `h${i}.localhost`)
  edge.serve(...names.map((name) => route([app], {}, name)))
  for (let minute = 0; minute < 12; minute++) {
    for (const name of names) edge.routing.host(name)!.requests++
    clock.now += minuteMs
    traffic.read()
  }
  const fetched: CountedMinute[] = []
  for (;;) {
    const told = traffic.read()
    fetched.push(...told.closed)
    traffic.counted(told)
    if (!told.hasMore) break
  }
  expect(fetched).toHaveLength(10_000)
  expect(fetched.filter(({ isCut }) => isCut)).toHaveLength(1_000)
  expect(fetched[0]).toMatchObject({ minute: 102, isCut: true })
})

test('an edge that is replaced or stopped in order loses no request, and one that is killed says so', {
  timeout: 60_000,
}, async () => {
  await using folder = temporaryFolder()
  await using app = await application('app')
  const newer = join(programs.path, 'newer-edge.mjs')
  copyFileSync(entry, newer)
  writeFileSync(newer, `${readFileSync(entry, 'utf8')}\n// another build\n`)
  const start = async (program: string, port = 0) => {
    const supervisor = new EdgeSupervisor({
      folder: folder.path,
      entry: program,
      settings: { host: '127.0.0.1', port, trustProxy: false },
    })
    const { listen, pid } = await supervisor.start()
    return { supervisor, port: listen!.port, pid }
  }
  const first = await start(entry)
  await first.supervisor.client.setTable({ version: 1, routes: [route([app])] })
  for (let i = 0; i < 5; i++) await ask({ port: first.port })
  const before = identify(first.pid)!
  const slow = ask({ port: first.port, path: '/slow?ms=700' })
  await until(async () => (await first.supervisor.client.stats()).instances[0]?.inFlight === 1)
  first.supervisor.release()

  // Another build takes over in the middle of a request.
  const second = await start(newer, first.port)
  for (let i = 0; i < 3; i++) await ask({ port: second.port })
  expect((await slow).status).toBe(200)
  expect(await waitUntilGone(before, 10_000)).toBe(true)
  await until(async () => sum(all(await second.supervisor.client.traffic())) === 9)
  const inherited = all(await second.supervisor.client.traffic())
  expect(new Set(inherited.map(({ source }) => source)).size).toBe(2)
  expect(inherited.every(({ isCut }) => !isCut)).toBe(true)
  await second.supervisor.stop(1_000)

  // Stopped and started again, as by `juanie down` and `up`: nothing was acknowledged.
  const third = await start(newer, first.port)
  expect(sum(all(await third.supervisor.client.traffic()))).toBe(9)
  await ask({ port: third.port })
  await until(async () => sum(all(await third.supervisor.client.traffic())) === 10)
  const { client } = third.supervisor
  const told = await client.traffic()
  await client.counted(told)

  process.kill(third.pid, 'SIGKILL')
  await until(() => third.supervisor.identity?.pid !== third.pid)
  await until(async () => (await client.traffic().catch(() => null)) !== null)
  // The tenth request died with its edge, before anybody had asked for it a last time.
  expect(all(await client.traffic())).toMatchObject([{ hostname, requests: 0, isCut: true }])
  expect(readdirSync(folder.path).filter((name) => name.startsWith('traffic-'))).toHaveLength(1)
  await third.supervisor.stop(0)
})

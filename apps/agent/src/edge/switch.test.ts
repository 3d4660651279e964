import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { EdgeClient } from './client.ts'
import { EdgeSupervisor } from './supervisor.ts'
import {
  type Application,
  application,
  ask,
  begin,
  bundle,
  endApplications,
  hostname,
  KeptConnection,
  route,
  temporaryFolder,
  until,
} from './testing/index.ts'

const programs = temporaryFolder()
let entry = ''

beforeAll(async () => {
  entry = await bundle('main.ts', programs.path)
  return () => programs[Symbol.asyncDispose]()
})

afterEach(endApplications)

async function edge(folder: string) {
  const supervisor = new EdgeSupervisor({ folder, entry, settings: { host: '127.0.0.1', port: 0, trustProxy: false } })
  const { listen } = await supervisor.start()
  return {
    supervisor,
    client: supervisor.client,
    port: listen!.port,
    [Symbol.asyncDispose]: () => supervisor.stop(0),
  }
}

const get = `GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`
const post = `POST /upload HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 11\r\n\r\na few bytes`

/** Sends requests on a kept connection each until it is told to stop; what failed is kept as a sentence. */
function load(port: number, connections: number) {
  const failures: string[] = []
  const answeredBy = new Set<string>()
  let requests = 0
  let isRunning = true
  const clients = Array.from({ length: connections }, async (_, place) => {
    const connection = new KeptConnection(port)
    while (isRunning) {
      try {
        const answer = await connection.send(place % 4 === 0 ? post : get)
        if (!answer.startsWith('HTTP/1.1 200')) failures.push(answer)
        answeredBy.add(/"name":"(v\d+)"/.exec(answer)?.[1] ?? answer)
      } catch (error) {
        failures.push((error as Error).message)
        connection.close()
      }
      requests++
    }
    connection.close()
  })
  return {
    failures,
    answeredBy,
    requests: () => requests,
    end: async () => {
      isRunning = false
      await Promise.all(clients)
    },
  }
}

async function switchTo(client: EdgeClient, version: number, next: Application, old: Application) {
  const began = performance.now()
  await client.setTable({ version, routes: [route([next], { standby: [old] })] })
  return performance.now() - began
}

test('no request of 25,000 fails while versions change 20 times and old ones are killed once drained', {
  timeout: 60_000,
}, async () => {
  await using folder = temporaryFolder()
  await using served = await edge(folder.path)
  const { client, port } = served
  let version = 1
  let current = await application('v0')
  await client.setTable({ version, routes: [route([current])] })

  const traffic = load(port, 16)
  const slow: Promise<string>[] = []
  const uploads: Promise<boolean>[] = []
  const switches: number[] = []
  const body = randomBytes(10 * 1024 * 1024)
  const sha256 = createHash('sha256').update(body).digest('hex')
  const retiring: Promise<unknown>[] = []
  for (let round = 1; round <= 20 || traffic.requests() < 25_000; round++) {
    const next = await application(`v${round}`)
    // Under way at the moment of the switch: answers of up to 5 s, and uploads of 10 MB.
    const asked = current.id
    const ms = round === 1 || round === 10 ? 5_000 : 300
    const answer = await begin({ port, path: `/slow?begin&ms=${ms}` })
    expect(answer.headers['x-target']).toBe(asked)
    slow.push(answer.body.then((body) => (body === asked ? 'whole' : `${asked} sent ${body}`)))
    if (round % 5 === 0) {
      const upload = ask({ port, path: '/upload', method: 'POST', body })
      uploads.push(upload.then((answer) => JSON.parse(answer.body).sha256 === sha256))
    }
    const old = current
    current = next
    switches.push(await switchTo(client, ++version, next, old))
    retiring.push(
      client.waitDrained(old.id, 20_000).then(async (drained) => {
        expect(drained).toMatchObject({ drained: true, inFlight: 0 })
        await old.kill()
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (round > 400) throw new Error('The load is too slow for this test.')
  }
  await Promise.all(retiring)
  expect(new Set(await Promise.all(slow))).toEqual(new Set(['whole']))
  expect(await Promise.all(uploads)).not.toContain(false)
  await traffic.end()

  expect(traffic.failures).toEqual([])
  expect(traffic.requests()).toBeGreaterThanOrEqual(25_000)
  expect(traffic.answeredBy.size).toBeGreaterThan(20)
  const [stats] = (await client.stats()).routes
  expect(stats).toMatchObject({ broken: 0, repeats: 0, elsewhere: 0, aborted: 0, unavailable: 0 })
  switches.sort((a, b) => a - b)
  // Under the full load that two cores bear; the goal of 10 ms is measured by the bench.
  expect(switches[switches.length >> 1]).toBeLessThan(50)
  await current.kill()
})

test('after the answer to PUT /table the next request on every open connection follows it', async () => {
  await using folder = temporaryFolder()
  await using served = await edge(folder.path)
  await using a = await application('a')
  await using b = await application('b')
  const { client, port } = served
  const agents = Array.from({ length: 8 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }))
  for (let version = 1; version <= 50; version++) {
    const now = version % 2 ? a : b
    await client.setTable({ version, routes: [route([now])] })
    const names = await Promise.all(agents.map(async (agent) => JSON.parse((await ask({ port, agent })).body).name))
    expect(new Set(names)).toEqual(new Set([now.id]))
  }
  for (const agent of agents) agent.destroy()
})

test('a WebSocket and an event stream stay on the old version and end with its drain', async () => {
  await using folder = temporaryFolder()
  await using served = await edge(folder.path)
  await using old = await application('old')
  await using next = await application('next')
  const { client, port } = served
  await client.setTable({ version: 1, routes: [route([old])] })

  const socket = net.connect(port, '127.0.0.1')
  let echoed = ''
  let isSocketEnded = false
  socket.on('data', (chunk) => {
    echoed += chunk
  })
  socket.once('end', () => {
    isSocketEnded = true
  })
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  )
  await until(() => echoed.includes('s3pPLMBiTxaQ9kYGzzhZRbK+xOo='))
  const events = await new Promise<http.IncomingMessage>((resolve) =>
    http.get({ host: '127.0.0.1', port, path: '/events', headers: { host: hostname } }, resolve),
  )
  let text = ''
  let isStreamComplete = false
  events.on('data', (chunk) => {
    text += chunk
  })
  events.once('end', () => {
    isStreamComplete = events.complete
  })
  await until(() => text.includes('id: 3'))

  await switchTo(client, 2, next, old)
  expect(JSON.parse((await ask({ port })).body).name).toBe('next')
  socket.write('still here')
  await until(() => echoed.endsWith('still here'))
  const seen = text.length
  await until(() => text.length > seen)

  const began = performance.now()
  const drained = await client.waitDrained('old', 400)
  expect(performance.now() - began).toBeGreaterThan(390)
  expect(drained).toEqual({ drained: true, ended: 2, inFlight: 0, upgraded: 0, streams: 0 })
  await until(() => isSocketEnded && isStreamComplete)
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
  expect(ids).toEqual(ids.map((_, place) => place))
  socket.destroy()
})

test('a drain of a version that got the traffic back does not end what visitors began since', async () => {
  await using folder = temporaryFolder()
  await using served = await edge(folder.path)
  await using old = await application('old')
  await using next = await application('next')
  const { client, port } = served
  const open = async () => {
    const answer = await new Promise<http.IncomingMessage>((resolve) =>
      http.get({ host: '127.0.0.1', port, path: '/events', headers: { host: hostname } }, resolve),
    )
    const stream = { text: '', isOver: false }
    answer.on('data', (chunk) => {
      stream.text += chunk
    })
    answer.once('close', () => {
      stream.isOver = true
    })
    await until(() => stream.text.includes('id: 3'))
    return { stream, answer }
  }
  await client.setTable({ version: 1, routes: [route([old])] })
  const { answer: before } = await open()
  await switchTo(client, 2, next, old)
  const drained = client.waitDrained('old', 400)
  await switchTo(client, 3, old, next)
  const { stream, answer } = await open()
  expect(await drained).toMatchObject({ drained: false, ended: 0 })
  const seen = stream.text.length
  await until(() => stream.text.length > seen)
  expect(stream.isOver).toBe(false)
  for (const each of [before, answer]) each.destroy()
})

test('a version that dies under load breaks only what was sent to it; the standby answers the rest', async () => {
  await using folder = temporaryFolder()
  await using served = await edge(folder.path)
  await using dying = await application('dying')
  await using standby = await application('standby')
  const { client, port } = served
  await client.setTable({ version: 1, routes: [route([dying], { standby: [standby] })] })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
  const get = async (path = '/') => {
    const { status, body } = await ask({ port, agent, path })
    return status === 200 ? (body.startsWith('{') ? JSON.parse(body).name : body) : status
  }
  for (let i = 0; i < 50; i++) expect(await get()).toBe('dying')
  const slow = Array.from({ length: 8 }, () => get('/slow?ms=500'))
  await until(async () => (await client.stats()).instances[0]?.inFlight === 8)
  await dying.kill()
  // Sent, a GET, and not begun to be answered: repeated at the standby.
  expect(await Promise.all(slow)).toEqual(Array(8).fill('standby'))
  const names = await Promise.all(Array.from({ length: 200 }, () => get()))
  expect(new Set(names)).toEqual(new Set(['standby']))
  const [stats] = (await client.stats()).routes
  expect(stats).toMatchObject({ repeats: 8, broken: 0 })
  expect(stats!.elsewhere).toBeGreaterThanOrEqual(200)
  agent.destroy()
})

test('memory does not grow with 50,000 requests', { timeout: 90_000 }, async () => {
  await using folder = temporaryFolder()
  await using served = await edge(folder.path)
  await using app = await application('v1')
  const { client, port } = served
  await client.setTable({ version: 1, routes: [route([app])] })
  const serve = async (requests: number) => {
    const traffic = load(port, 16)
    await until(() => traffic.requests() >= requests, 60_000)
    await traffic.end()
    expect(traffic.failures).toEqual([])
    return (await client.stats()).memory
  }
  const before = await serve(15_000)
  const after = await serve(35_000)
  expect(after.rssBytes - before.rssBytes).toBeLessThan(16 * 1024 * 1024)
  expect(after.rssBytes).toBeLessThan(128 * 1024 * 1024)
})

import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { identify, isRunning, waitUntilGone } from '@juanie/core/process-identity'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type EdgeRefusal, EdgeUnreachable } from './client.ts'
import { edgeSocketPath } from './protocol.ts'
import { type EdgeEvent, EdgeSupervisor } from './supervisor.ts'
import { application, ask, bundle, endApplications, route, temporaryFolder, until } from './testing/index.ts'

const programs = temporaryFolder()
let entry = ''
let newerEntry = ''

beforeAll(async () => {
  entry = await bundle('main.ts', programs.path)
  newerEntry = join(programs.path, 'newer.mjs')
  copyFileSync(entry, newerEntry)
  writeFileSync(newerEntry, `${readFileSync(entry, 'utf8')}\n// another build\n`)
  return () => programs[Symbol.asyncDispose]()
})

afterEach(endApplications)

function supervise(folder: string, more: { entry?: string; port?: number } = {}) {
  const events: EdgeEvent[] = []
  const supervisor = new EdgeSupervisor({
    folder,
    entry: more.entry ?? entry,
    settings: { host: '127.0.0.1', port: more.port ?? 0, trustProxy: false },
    onEvent: (event) => events.push(event),
  })
  return { supervisor, events, [Symbol.asyncDispose]: () => supervisor.stop(0) }
}

const answers = async (port: number) => (await ask({ port }).catch(() => null))?.status === 200

test('an edge that is killed serves again within a second, each of five times', { timeout: 30_000 }, async () => {
  await using folder = temporaryFolder()
  await using app = await application('app')
  await using supervised = supervise(folder.path)
  const { supervisor, events } = supervised
  const { listen } = await supervisor.start()
  await supervisor.client.setTable({ version: 7, routes: [route([app])] })
  for (let round = 0; round < 5; round++) {
    expect(await answers(listen!.port)).toBe(true)
    const { pid } = supervisor.identity!
    const load = Array.from({ length: 8 }, () => ask({ port: listen!.port, path: '/slow?ms=2000' }).catch(() => null))
    await until(async () => (await supervisor.client.stats()).instances[0]?.inFlight === 8)
    const began = performance.now()
    process.kill(pid, 'SIGKILL')
    await until(() => answers(listen!.port), 2_000)
    expect(performance.now() - began).toBeLessThan(1_000)
    await until(() => supervisor.identity?.pid !== pid)
    expect(await supervisor.client.table()).toMatchObject({ version: 7 })
    await Promise.all(load)
  }
  await until(() => events.filter(({ kind }) => kind === 'restarted').length === 5)
  expect(events.map(({ kind }) => kind)).toEqual(['started', ...Array(5).fill(['died', 'restarted']).flat()])
})

test('an edge serves on without its supervisor and is adopted by the next', async () => {
  await using folder = temporaryFolder()
  await using app = await application('app')
  const first = supervise(folder.path)
  const { pid, listen } = await first.supervisor.start()
  await first.supervisor.client.setTable({ version: 1, routes: [route([app])] })
  first.supervisor.release()
  expect(await answers(listen!.port)).toBe(true)

  await using second = supervise(folder.path, { port: listen!.port })
  expect(await second.supervisor.start()).toMatchObject({ pid, listen, tableVersion: 1 })
  expect(second.events).toMatchObject([{ kind: 'adopted' }])
  process.kill(pid, 'SIGKILL')
  await until(() => second.events.some(({ kind }) => kind === 'restarted'))
  expect(await answers(listen!.port)).toBe(true)
})

test('an edge that starts alone serves what lies on disk', async () => {
  await using folder = temporaryFolder()
  await using app = await application('app')
  const first = supervise(folder.path)
  const { pid, listen } = await first.supervisor.start()
  await first.supervisor.client.setTable({ version: 3, routes: [route([app])] })
  first.supervisor.release()
  process.kill(pid, 'SIGKILL')
  const alone = spawn(process.execPath, [entry, '--folder', folder.path], { stdio: 'ignore' })
  const identity = identify(alone.pid!)!
  await until(() => answers(listen!.port))
  alone.kill('SIGTERM')
  expect(await waitUntilGone(identity, 5_000)).toBe(true)
  expect(existsSync(edgeSocketPath(folder.path))).toBe(false)
})

test('a stopped edge leaves no process and no port', async () => {
  await using folder = temporaryFolder()
  const { supervisor } = supervise(folder.path)
  const identity = await supervisor.start()
  expect(statSync(edgeSocketPath(folder.path)).mode & 0o777).toBe(0o600)
  expect(statSync(folder.path).mode & 0o777).toBe(0o700)
  await supervisor.stop(0)
  expect(isRunning(identity)).toBe(false)
  await expect(ask({ port: identity.listen!.port })).rejects.toThrow('ECONNREFUSED')
})

test('a taken port is named with its holder, and no edge is left', async () => {
  await using folder = temporaryFolder()
  const holder = net.createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as net.AddressInfo
  const { supervisor } = supervise(folder.path, { port })
  await expect(supervisor.start()).rejects.toThrow(`EDGE_PORT: port ${port} is taken by process ${process.pid} (`)
  await expect(supervisor.client.identity()).rejects.toThrow(EdgeUnreachable)
  supervisor.release()
  await new Promise((resolve) => holder.close(resolve))
})

test('a new port listens before the old one closes, and open connections finish on the old one', async () => {
  await using folder = temporaryFolder()
  await using app = await application('app')
  await using supervised = supervise(folder.path)
  const { client } = supervised.supervisor
  const { listen: old } = await supervised.supervisor.start()
  await client.setTable({ version: 1, routes: [route([app])] })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  expect((await ask({ port: old!.port, agent })).status).toBe(200)
  const slow = ask({ port: old!.port, path: '/slow?ms=300' })
  await until(async () => (await client.stats()).instances[0]?.inFlight === 1)

  const free = net.createServer()
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
  const { port } = free.address() as net.AddressInfo
  await expect(client.listen({ host: '127.0.0.1', port, trustProxy: false })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  } satisfies Partial<EdgeRefusal>)
  expect(await answers(old!.port)).toBe(true)
  await new Promise((resolve) => free.close(resolve))

  expect(await client.listen({ host: '127.0.0.1', port, trustProxy: false })).toEqual({ host: '127.0.0.1', port })
  expect(await answers(port)).toBe(true)
  const last = await ask({ port: old!.port, agent })
  expect(last).toMatchObject({ status: 200, headers: { connection: 'close' } })
  await expect(ask({ port: old!.port })).rejects.toThrow('ECONNREFUSED')
  expect((await slow).body).toBe('app')
  agent.destroy()
})

test('another build takes over without a refused or broken request', { timeout: 30_000 }, async () => {
  await using folder = temporaryFolder()
  await using app = await application('app')
  const first = supervise(folder.path)
  const { pid, listen } = await first.supervisor.start()
  const { port } = listen!
  await first.supervisor.client.setTable({ version: 1, routes: [route([app])] })
  first.supervisor.release()

  const failures: string[] = []
  let requests = 0
  let isRunning = true
  const clients = Array.from({ length: 12 }, async (_, place) => {
    const agent = place % 2 ? new http.Agent({ keepAlive: true, maxSockets: 1 }) : undefined
    while (isRunning) {
      const answer = await ask({ port, ...(agent ? { agent } : {}) }).catch((error: Error) => error)
      if (answer instanceof Error) failures.push(answer.message)
      else if (answer.status !== 200) failures.push(String(answer.status))
      requests++
    }
    agent?.destroy()
  })
  const slow = ask({ port, path: '/slow?ms=1500' })
  await until(() => requests > 500)
  await using second = supervise(folder.path, { entry: newerEntry, port })
  const identity = await second.supervisor.start()
  expect(identity.pid).not.toBe(pid)
  expect(identity.listen?.port).toBe(port)
  expect(second.events).toMatchObject([{ kind: 'replaced' }])
  const before = requests
  await until(() => requests > before + 500)
  expect((await slow).body).toBe('app')
  await until(() => identify(pid) === null)
  isRunning = false
  await Promise.all(clients)
  expect(failures).toEqual([])
})

test('a folder with a long path is served on a short socket', async () => {
  await using folder = temporaryFolder()
  const long = join(folder.path, 'a'.repeat(90))
  mkdirSync(long)
  await using supervised = supervise(long)
  const identity = await supervised.supervisor.start()
  expect(Buffer.byteLength(edgeSocketPath(long))).toBeLessThanOrEqual(90)
  expect(await supervised.supervisor.client.identity()).toMatchObject({ pid: identity.pid })
})

test('an older table is refused, and what does not fit is named', async () => {
  await using folder = temporaryFolder()
  await using supervised = supervise(folder.path)
  const { client } = supervised.supervisor
  await supervised.supervisor.start()
  await client.setTable({ version: 5, routes: [] })
  await client.setTable({ version: 5, routes: [] })
  await expect(client.setTable({ version: 4, routes: [] })).rejects.toMatchObject({ status: 409, code: 'older' })
  const bad = route([{ id: 'a', host: '127.0.0.1', port: 0 }])
  await expect(client.setTable({ version: 6, routes: [bad] })).rejects.toThrow(
    'routes[0].instances[0].port must be a whole number from 1 to 65535.',
  )
  await expect(client.setTable({ version: 6, routes: [route([]), route([])] })).rejects.toThrow('twice')
  await client.setTable({ version: 6, routes: [route([{ id: 'a', host: '127.0.0.1', port: 1 }])] })
  await expect(client.waitDrained('a', 10)).rejects.toMatchObject({ status: 409, code: 'serving' })
  expect(await client.waitDrained('unknown', 10)).toMatchObject({ drained: true })
})

test('a damaged state counts as none, and the edge says so', async () => {
  await using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'edge.json'), '{"settings":{"host":')
  await using supervised = supervise(folder.path)
  expect(await supervised.supervisor.start()).toMatchObject({ tableVersion: 0 })
  expect(readFileSync(join(folder.path, 'edge.log'), 'utf8')).toContain('edge.json is damaged')
})

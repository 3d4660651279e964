import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Forwarder } from './forwarder.ts'

const artifacts = '/twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact'
const file = '/api/job/files/0190d6a4-0000-7000-8000-000000000001?sig=s'

let heard: http.IncomingMessage[]
let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void
let behind: http.Server
let forwarder: Forwarder
let where: string | null

beforeEach(async () => {
  heard = []
  answer = (_request, response) => response.end('ok')
  behind = http.createServer((request, response) => {
    heard.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.2', resolve))
  where = `http://127.0.0.2:${(behind.address() as AddressInfo).port}/some/path`
  forwarder = new Forwarder({
    serverUrl: () => where,
    maskOf: (token) => (token === 'own' ? (text) => text.replaceAll('hidden', '***') : null),
    idleMs: 300,
  })
  await forwarder.listen()
})
afterEach(async () => {
  await forwarder.close()
  behind.closeAllConnections()
  await new Promise((resolve) => behind.close(resolve))
})

const ask = (path: string, init: RequestInit = {}) =>
  fetch(forwarder.url + path, { method: 'POST', headers: { authorization: 'Bearer own' }, ...init })

test('the services of jobs are passed on, with the words of the client and nothing else', async () => {
  answer = (_request, response) => response.writeHead(201, { 'x-ms-version': '1', 'set-cookie': 'a=b' }).end('made')
  const made = await ask(artifacts, {
    body: '{}',
    headers: { authorization: 'Bearer own', 'x-forwarded-for': '1.2.3.4', cookie: 'c=d', 'x-ms-range': 'bytes=0-1' },
  })
  expect([made.status, await made.text(), made.headers.get('x-ms-version')]).toEqual([201, 'made', '1'])
  expect(made.headers.get('set-cookie')).toBeNull()
  const [{ url, headers }] = heard as [http.IncomingMessage]
  expect(url).toBe(artifacts)
  expect(headers).toMatchObject({
    host: new URL(where!).host,
    authorization: 'Bearer own',
    'x-ms-range': 'bytes=0-1',
    'x-juanie-reached-at': forwarder.url,
    'content-length': '2',
  })
  expect(headers).not.toHaveProperty('cookie')
  expect(headers).not.toHaveProperty('x-forwarded-for')
})

test('nothing but the services of jobs is reached', async () => {
  const raw = (line: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = net.connect(Number(new URL(forwarder.url!).port), '127.0.0.1', () =>
        socket.write(`${line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer own\r\nConnection: close\r\n\r\n`),
      )
      socket.once('data', (data) => resolve(String(data).slice(9, 12))).once('error', reject)
    })
  for (const line of [
    'GET /api/trpc/users.me',
    'GET /api/agent/work',
    'GET /',
    'POST /twirp/github.actions.results.api.v1.A/../../../api/trpc/x',
    'POST /twirp/github.actions.results.api.v1.A/B/',
    'GET http://127.0.0.1:1/git/a/b/info/refs',
    'GET //evil.example/git/a/b/info/refs',
    'GET /git/../api/info/refs',
    'GET /git/%2e%2e/api/info/refs',
    'GET /git/a/b/config',
    'DELETE /api/job/files/0190d6a4-0000-7000-8000-000000000001',
  ]) {
    expect(await raw(line), line).toBe('404')
  }
  expect(heard).toEqual([])
})

test('a token that is no job’s of this agent opens nothing', async () => {
  for (const authorization of ['', 'Bearer other', 'Basic own']) {
    for (const [method, path] of [
      ['POST', artifacts],
      ['GET', '/_apis/artifactcache/cache?keys=a&version=b'],
      ['GET', '/api/job/id-token?audience=a'],
    ] as const) {
      expect((await ask(path, { method, headers: { authorization } })).status).toBe(401)
    }
  }
  expect(heard).toEqual([])
  // What is signed by itself, or asks for a password of its own, is the server's to judge.
  expect((await ask(file, { method: 'PUT', headers: {}, body: 'x' })).status).toBe(200)
  expect((await ask('/git/main/shop/info/refs?service=git-upload-pack', { method: 'GET', headers: {} })).status).toBe(
    200,
  )
})

test('a name that shows a masked value is refused, and no other', async () => {
  const caches = '/_apis/artifactcache/caches'
  for (const [path, body] of [
    [artifacts, { name: 'of hidden' }],
    ['/twirp/github.actions.results.api.v1.CacheService/CreateCacheEntry', { key: 'hidden-1', version: 'a' }],
    [caches, { key: 'hidden-1', version: 'a' }],
  ] as const) {
    const refused = await ask(path, { body: JSON.stringify(body) })
    expect([refused.status, await refused.json()]).toEqual([
      400,
      { code: 'invalid_argument', msg: 'It holds a value that this job has masked.' },
    ])
  }
  expect(heard).toEqual([])
  for (const body of ['{"name":"plain","hash":"hidden"}', '{', 'null', '"hidden"']) {
    expect((await ask(artifacts, { body })).status, body).toBe(200)
  }
  expect((await ask(artifacts, { body: `{"name":"${'x'.repeat(2 ** 20)}"}` })).status).toBe(400)
})

test('what is long goes through whole, in both directions, and nothing piles up on the way', async () => {
  const [chunk, count] = [randomBytes(1024 * 1024), 64]
  const sum = createHash('sha256')
  for (let i = 0; i < count; i++) sum.update(chunk)
  const expected = sum.digest('hex')
  let sent = 0
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  answer = async (request, response) => {
    await begun
    const hash = createHash('sha256')
    response.writeHead(200, { 'content-length': chunk.length * count })
    for await (const part of request) {
      hash.update(part)
      if (!response.write(part)) await once(response, 'drain')
    }
    response.end()
  }
  const body = new ReadableStream({
    pull: (controller) => (sent++ < count ? controller.enqueue(chunk) : controller.close()),
  })
  const asked = ask(file, { method: 'PUT', body, duplex: 'half' } as RequestInit)
  // Nobody reads at the other end: what is sent comes to a stop.
  await expect.poll(() => heard.length).toBe(1)
  for (let before = -1; before !== sent; await pause(50)) before = sent
  expect(sent).toBeLessThan(32)
  begin()
  const got = await asked
  expect(got.headers.get('content-length')).toBe(String(chunk.length * count))
  const hash = createHash('sha256')
  for await (const part of got.body!) hash.update(part)
  expect(hash.digest('hex')).toBe(expected)
})

test('a server that is away or silent is an answer that clients try again on', async () => {
  const status = async () => (await ask(artifacts, { body: '{}' })).status
  answer = () => {}
  expect(await status()).toBe(502)
  answer = (request) => request.socket.destroy()
  expect(await status()).toBe(502)
  where = 'http://127.0.0.2:1'
  expect(await status()).toBe(502)
  where = null
  expect(await status()).toBe(503)
})

test('a client that goes away in the middle ends its request at the server', async () => {
  const ended = new Promise<void>((resolve) => {
    answer = (request) => void request.resume().once('close', resolve)
  })
  const abort = new AbortController()
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
  })
  const asked = ask(file, { method: 'PUT', body, duplex: 'half', signal: abort.signal } as RequestInit)
  await expect.poll(() => heard.length).toBe(1)
  abort.abort()
  await expect(asked).rejects.toThrow()
  await ended
})

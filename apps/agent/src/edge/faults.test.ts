import http from 'node:http'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { ask, closedPort, hostname, proxy, raw, route, server, until } from './testing/index.ts'

const echo: http.RequestListener = (request, response) => {
  response.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers }))
}

describe('when an instance fails', () => {
  test('a refused POST goes to the standby with its whole body, and is no retry', async () => {
    await using app = await server((request, response) => {
      request.setEncoding('latin1')
      let length = 0
      request.on('data', (text: string) => {
        length += text.length
      })
      request.on('end', () => response.end(`${request.method} ${length}`))
    }, 'standby')
    await using edge = await proxy()
    const dead = { id: 'dead', host: '127.0.0.1', port: await closedPort() }
    edge.serve(route([dead], { standby: [app] }))
    const answer = await ask({ port: edge.port, method: 'POST', body: Buffer.alloc(3_000_000) })
    expect(answer).toMatchObject({ status: 200, body: 'POST 3000000' })
    expect(edge.routing.routeStats()[0]).toMatchObject({
      elsewhere: 1,
      repeats: 0,
      broken: 0,
      statuses: [0, 1, 0, 0, 0],
    })
    expect(edge.routing.instanceStats().find(({ id }) => id === 'dead')).toMatchObject({ refused: 1, requests: 0 })
  })

  test('when all refuse, the page says that the application does not answer', async () => {
    await using edge = await proxy()
    edge.serve(route([{ id: 'dead', host: '127.0.0.1', port: await closedPort() }]))
    expect(await ask({ port: edge.port })).toMatchObject({ status: 502, headers: { 'juanie-edge': 'no-answer' } })
    expect(edge.routing.routeStats()[0]).toMatchObject({ broken: 1, repeats: 0 })
  })

  test('a sent GET without an answer is repeated elsewhere and counted, a POST is not', async () => {
    let seen = 0
    await using dying = await server((request) => {
      seen++
      request.socket.destroy()
    }, 'dying')
    await using other = await server((_request, response) => void response.end('other'), 'other')
    await using edge = await proxy()
    edge.serve(route([dying], { standby: [other] }))
    expect(await ask({ port: edge.port })).toMatchObject({ status: 200, body: 'other' })
    expect(edge.routing.routeStats()[0]).toMatchObject({ repeats: 1, elsewhere: 0, broken: 0 })
    expect(await ask({ port: edge.port, method: 'POST', body: 'x' })).toMatchObject({ status: 502 })
    expect(await ask({ port: edge.port, method: 'DELETE' })).toMatchObject({ status: 502 })
    expect(seen).toBe(3)
    expect(edge.routing.routeStats()[0]).toMatchObject({ repeats: 1, broken: 2 })
  })

  test('a GET that kills every instance ends after two repeats', async () => {
    let seen = 0
    await using dying = await server((request) => {
      seen++
      request.socket.destroy()
    })
    await using edge = await proxy()
    edge.serve(route([dying]))
    expect(await ask({ port: edge.port })).toMatchObject({ status: 502 })
    expect(seen).toBe(3)
    expect(edge.routing.routeStats()[0]).toMatchObject({ repeats: 2, broken: 1 })
  })

  test('connections that an application closes while they idle break no request', async () => {
    await using app = await server((request, response) => void request.resume().once('end', () => response.end('ok')))
    app.server.keepAliveTimeout = 30
    await using edge = await proxy()
    edge.serve(route([app]))
    const agent = new http.Agent({ keepAlive: true })
    for (let i = 0; i < 40; i++) {
      const answer = await ask({
        port: edge.port,
        method: i % 2 ? 'POST' : 'GET',
        body: i % 2 ? 'x' : undefined,
        agent,
      })
      expect(answer.status).toBe(200)
      await new Promise((resolve) => setTimeout(resolve, 26 + (i % 9)))
    }
    agent.destroy()
    expect(edge.routing.routeStats()[0]).toMatchObject({ broken: 0 })
  })
})

describe('what is refused', () => {
  const cases: [string, string, RegExp][] = [
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400/],
    ['two Hosts', `GET / HTTP/1.1\r\nHost: ${hostname}\r\nHost: b.localhost\r\n\r\n`, /^HTTP\/1.1 400/],
    ['a malformed Host', `GET / HTTP/1.1\r\nHost: a b\r\n\r\n`, /^HTTP\/1.1 400/],
    ['HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', /^HTTP\/1.1 400/],
    [
      'Content-Length beside Transfer-Encoding',
      `POST / HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`,
      /^HTTP\/1.1 400/,
    ],
    [
      'Transfer-Encoding before Content-Length',
      `POST / HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`,
      /^HTTP\/1.1 400/,
    ],
    [
      'two lengths',
      `POST / HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\nabcd`,
      /^HTTP\/1.1 400/,
    ],
    [
      'a space before the colon',
      `POST / HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1.1 400/,
    ],
    [
      'another coding around chunks',
      `POST / HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1.1 501/,
    ],
    [
      'an unknown coding',
      `POST / HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1.1 (400|501)/,
    ],
    [
      'a length with a sign',
      `POST / HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: +4\r\n\r\nabcd`,
      /^HTTP\/1.1 400/,
    ],
    [
      'a header line that goes on in the next',
      `GET / HTTP/1.1\r\nHost: ${hostname}\r\nX-A: a\r\n b\rc\r\n\r\n`,
      /^HTTP\/1.1 400/,
    ],
    ['another language', 'SSH-2.0-x\r\n\r\n', /^HTTP\/1.1 400/],
    ['a tunnel', 'CONNECT app.localhost:443 HTTP/1.1\r\nHost: app.localhost:443\r\n\r\n', /^HTTP\/1.1 405/],
    ['another expectation', `GET / HTTP/1.1\r\nHost: ${hostname}\r\nExpect: tea\r\n\r\n`, /^HTTP\/1.1 417/],
    [
      'a head of more than 16 KB',
      `GET / HTTP/1.1\r\nHost: ${hostname}\r\nX-A: ${'a'.repeat(17_000)}\r\n\r\n`,
      /^HTTP\/1.1 431/,
    ],
  ]
  test.each(cases)('%s', async (_name, bytes, expected) => {
    const seen: (string | undefined)[] = []
    await using app = await server((request, response) => {
      seen.push(request.url)
      request.resume()
      response.end()
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const text = await raw(edge.port, bytes)
    expect(text).toMatch(expected)
    expect(text.match(/HTTP\/1.1 /g)).toHaveLength(1)
    expect(seen).toEqual([])
    expect(edge.front.badRequests).toBeGreaterThan(0)
  })

  test('a body that is no longer chunks ends the request, and what follows is no request', async () => {
    const seen: string[] = []
    await using app = await server((request, response) => {
      seen.push(request.url ?? '')
      request.on('error', () => {})
      request.resume().once('end', () => response.end())
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const text = await raw(
      edge.port,
      `POST /a HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcGET /smuggled HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`,
    )
    expect(text).toMatch(/^HTTP\/1.1 400/)
    expect(seen).not.toContain('/smuggled')
    await until(() => edge.routing.instanceStats()[0]?.inFlight === 0)
  })

  test('many slow connections keep nobody from being served', async () => {
    await using app = await server(echo)
    await using edge = await proxy()
    edge.serve(route([app]))
    const slow = Array.from({ length: 200 }, () => {
      const socket = net.connect(edge.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\nX-`)
      return socket
    })
    expect((await ask({ port: edge.port })).status).toBe(200)
    for (const socket of slow) socket.destroy()
  })
})

describe('who is too slow', () => {
  test('a head that does not end is answered with 408', async () => {
    await using edge = await proxy(false, { headMs: 200 })
    edge.serve()
    const text = await raw(edge.port, `GET / HTTP/1.1\r\nHost: ${hostname}\r\nX-`)
    expect(text).toMatch(/^HTTP\/1.1 408/)
  })

  test('an upload that stops is ended, at the application too', async () => {
    let isAborted = false
    await using app = await server((request) => {
      request.resume().once('close', () => {
        isAborted = !request.complete
      })
    })
    await using edge = await proxy(false, { stalledMs: 200 })
    edge.serve(route([app]))
    await raw(edge.port, `POST / HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 100\r\n\r\nabc`)
    await until(() => isAborted)
  })

  test('a connection without a request is closed, an application may think for longer', async () => {
    await using app = await server((_request, response) => void setTimeout(() => response.end('thought'), 700))
    await using edge = await proxy(false, { stalledMs: 100, keepAliveMs: 300 })
    edge.serve(route([app]))
    const began = performance.now()
    const text = await raw(edge.port, `GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
    expect(text).toMatch(/thought$/)
    expect(performance.now() - began).toBeGreaterThan(950)
  })

  test('a client that does not read its answer is ended', async () => {
    await using app = await server((_request, response) => void response.end(Buffer.alloc(32 * 1024 * 1024)))
    await using edge = await proxy(false, { stalledMs: 200 })
    edge.serve(route([app]))
    const socket = net.connect(edge.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
    await until(() => edge.routing.routeStats()[0]?.requests === 1)
    await until(() => edge.routing.routeStats()[0]?.aborted === 1)
    await until(() => edge.routing.instanceStats()[0]?.inFlight === 0)
    socket.destroy()
  })
})

import type http from 'node:http'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { closedPort, hostname, proxy, raw, route, server, until } from './testing/index.ts'

const echo: http.RequestListener = (request, response) => {
  response.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers }))
}

describe('upgraded connections', () => {
  const websocket = `GET /ws HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n`

  test('bytes pass both ways, and both sides end together', async () => {
    await using app = await server(echo)
    app.server.on('upgrade', (request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-For: ${request.headers['x-forwarded-for']}\r\n\r\nfirst`,
      )
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const socket = net.connect(edge.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.write(websocket)
    await until(() => text.endsWith('first'))
    expect(text).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/)
    expect(text).toContain('X-For: 127.0.0.1')
    socket.write('ping')
    await until(() => text.endsWith('firstping'))
    expect(edge.routing.instanceStats()[0]).toMatchObject({ upgraded: 1, inFlight: 0 })
    socket.end()
    await until(() => edge.routing.instanceStats()[0]?.upgraded === 0)
  })

  test('a refusal by the application is an ordinary answer', async () => {
    await using app = await server(echo)
    app.server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: token\r\n\r\nno')
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const text = await raw(edge.port, websocket)
    expect(text).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/)
    expect(text).toContain('X-Why: token')
    expect(text).toMatch(/no$/)
    expect(edge.routing.instanceStats()[0]).toMatchObject({ upgraded: 0, inFlight: 0 })
  })

  test('an instance that refuses the connection leaves the upgrade to the standby', async () => {
    await using app = await server(echo)
    app.server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello')
    })
    await using edge = await proxy()
    edge.serve(route([{ id: 'dead', host: '127.0.0.1', port: await closedPort() }], { standby: [app] }))
    expect(await raw(edge.port, websocket)).toMatch(/hello$/)
  })

  test('an upgrade that is sent ahead ends the connection', async () => {
    await using app = await server((_request, response) => void setTimeout(() => response.end(), 50))
    await using edge = await proxy()
    edge.serve(route([app]))
    expect(await raw(edge.port, `GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n${websocket}`)).toBe('')
    await until(() => edge.routing.instanceStats()[0]?.inFlight === 0)
  })

  test.each(['', 'abcde'])('an offer of HTTP/2 with the body "%s" is served as HTTP/1.1', async (body) => {
    await using app = await server((request, response) => {
      let got = ''
      request.on('data', (chunk) => {
        got += chunk
      })
      request.on('end', () => response.end(`${request.method} ${request.headers.upgrade} [${got}]`))
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const length = body ? `Content-Length: ${body.length}\r\n` : ''
    const text = await raw(
      edge.port,
      `${body ? 'POST' : 'GET'} / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n${length}\r\n${body}`,
    )
    expect(text).toMatch(/^HTTP\/1.1 200/)
    expect(text).toContain(`undefined [${body}]`)
  })
})

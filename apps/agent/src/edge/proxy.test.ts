import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { ask, hostname, proxy, raw, route, server, until } from './testing/index.ts'

const echo: http.RequestListener = (request, response) => {
  response.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers }))
}

describe('what reaches the application', () => {
  test('Host is kept and the client is named', async () => {
    await using app = await server(echo)
    await using edge = await proxy()
    edge.serve(route([app]))
    const { body } = await ask({
      port: edge.port,
      path: '/a?b=c',
      headers: {
        host: `${hostname}:8080`,
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'https',
        x_forwarded_for: '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-real-ip': '6.6.6.6',
      },
    })
    const seen = JSON.parse(body)
    expect(seen.url).toBe('/a?b=c')
    expect(seen.headers).toMatchObject({
      host: `${hostname}:8080`,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `${hostname}:8080`,
      'x-forwarded-port': '8080',
    })
    expect(body).not.toContain('6.6.6.6')
  })

  test.each([
    [true, '9.9.9.9, 1.1.1.1, 127.0.0.1'],
    [1, '1.1.1.1, 127.0.0.1'],
    [['127.0.0.0/8'], '1.1.1.1, 127.0.0.1'],
    [['127.0.0.1', '1.1.1.1'], '9.9.9.9, 1.1.1.1, 127.0.0.1'],
    [['10.0.0.0/8'], '127.0.0.1'],
    [0, '127.0.0.1'],
  ])('with JUANIE_TRUST_PROXY=%j X-Forwarded-For is %s', async (trust, expected) => {
    await using app = await server(echo)
    await using edge = await proxy(trust)
    edge.serve(route([app]))
    const headers = { 'x-forwarded-for': '9.9.9.9, 1.1.1.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'a.b' }
    const seen = JSON.parse((await ask({ port: edge.port, headers })).body).headers
    const isTrusted = expected !== '127.0.0.1'
    expect(seen['x-forwarded-for']).toBe(expected)
    expect(seen['x-forwarded-proto']).toBe(isTrusted ? 'https' : 'http')
    expect(seen['x-forwarded-host']).toBe(isTrusted ? 'a.b' : hostname)
  })

  test('headers of one connection stay on it, those that Connection names included', async () => {
    await using app = await server((request, response) => {
      response.writeHead(200, [
        'Connection',
        'X-Own, close',
        'X-Own',
        '1',
        'X-Kept',
        '1',
        'Set-Cookie',
        'a',
        'Set-Cookie',
        'b',
      ])
      response.end(JSON.stringify(request.headers))
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const answer = await ask({
      port: edge.port,
      headers: { connection: 'x-mine', 'x-mine': '1', te: 'trailers', 'proxy-authorization': 'x', cookie: 'c' },
    })
    expect(Object.keys(JSON.parse(answer.body))).not.toEqual(expect.arrayContaining(['x-mine']))
    expect(JSON.parse(answer.body)).toMatchObject({ cookie: 'c', connection: 'keep-alive' })
    expect(JSON.parse(answer.body)).not.toHaveProperty('te')
    expect(JSON.parse(answer.body)).not.toHaveProperty('proxy-authorization')
    expect(answer.headers).toMatchObject({ 'x-kept': '1', 'set-cookie': ['a', 'b'] })
    expect(answer.headers).not.toHaveProperty('x-own')
  })

  test('an absolute address counts, and is sent on as a path', async () => {
    await using app = await server(echo)
    await using edge = await proxy()
    edge.serve(route([app]))
    const text = await raw(
      edge.port,
      `GET http://${hostname}/x?y HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n`,
    )
    expect(text).toContain('"url":"/x?y"')
    expect(text).toContain(`"host":"${hostname}"`)
  })

  test('10 MB go up whole, by length and in chunks', async () => {
    await using app = await server((request, response) => {
      const hash = createHash('sha256')
      request.on('data', (chunk) => hash.update(chunk))
      request.on('end', () => response.end(`${hash.digest('hex')} ${request.headers['transfer-encoding'] ?? 'length'}`))
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const body = randomBytes(10 * 1024 * 1024)
    const sha256 = createHash('sha256').update(body).digest('hex')
    const whole = await ask({ port: edge.port, method: 'POST', body, headers: { 'content-length': body.length } })
    expect(whole.body).toBe(`${sha256} length`)
    const chunks = Array.from({ length: 160 }, (_, i) => body.subarray(i * 65_536, (i + 1) * 65_536))
    const chunked = await ask({ port: edge.port, method: 'PUT', body: chunks })
    expect(chunked.body).toBe(`${sha256} chunked`)
    expect(edge.routing.routeStats()[0]?.bytesIn).toBe(2 * body.length)
  })

  test('a client that waits for 100 gets it from the application, or its refusal', async () => {
    await using app = await server(echo)
    app.server.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
      if (request.url === '/no') return void response.writeHead(417).end()
      response.writeContinue()
      request.resume().once('end', () => response.end('taken'))
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`
    const socket = net.connect(edge.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.write(head('/yes'))
    await until(() => text.includes('100 Continue'))
    socket.write('body')
    await until(() => text.includes('taken'))
    socket.destroy()
    const refused = await raw(edge.port, head('/no'))
    expect(refused).toMatch(/^HTTP\/1.1 417/)
    expect(refused).toContain('Connection: close')
  })

  test('the head of a request does not wait for its body', async () => {
    let seen = ''
    await using app = await server((request, response) => {
      seen = request.url ?? ''
      request.pipe(response)
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const socket = net.connect(edge.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.write(`POST /early HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    await until(() => seen === '/early')
    for (const word of ['one', 'two']) {
      socket.write(`3\r\n${word}\r\n`)
      await until(() => text.includes(word))
    }
    socket.destroy()
    await until(() => edge.routing.instanceStats()[0]?.inFlight === 0)
  })

  test('trailers pass in both directions', async () => {
    await using app = await server((request, response) => {
      request.resume().once('end', () => {
        response.writeHead(200, { trailer: 'x-sum' })
        response.write('body')
        response.addTrailers({ 'x-sum': String(request.trailers['x-up']) })
        response.end()
      })
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const bytes = `POST / HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding: chunked\r\nTrailer: x-up\r\n\r\n3\r\nabc\r\n0\r\nx-up: seven\r\n\r\n`
    expect(await raw(edge.port, bytes, (text) => text.includes('x-sum: seven\r\n'))).toContain('x-sum: seven')
  })

  test.each(['keep-alive', 'close'])(
    'an application that answers before it read the body is heard (%s)',
    async (then) => {
      await using app = await server((request, response) => {
        response.writeHead(413, { connection: then })
        response.end('too large', () => then === 'close' && request.socket.destroySoon())
      })
      await using edge = await proxy()
      edge.serve(route([app]))
      for (let i = 0; i < 20; i++) {
        const answer = await ask({ port: edge.port, method: 'POST', body: Buffer.alloc(1_000_000) })
        expect(answer).toMatchObject({ status: 413, body: 'too large' })
      }
    },
  )

  test('a client that goes away ends the request at the application', async () => {
    let isClosed = false
    await using app = await server((request) => {
      request.socket.once('close', () => {
        isClosed = true
      })
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const request = http.get({ port: edge.port, host: '127.0.0.1', headers: { host: hostname } })
    request.on('error', () => {})
    await until(() => edge.routing.instanceStats()[0]?.inFlight === 1)
    request.destroy()
    await until(() => isClosed)
    await until(() => edge.routing.instanceStats()[0]?.inFlight === 0)
    expect(edge.routing.routeStats()[0]).toMatchObject({ aborted: 1, broken: 0 })
  })
})

describe('what reaches the client', () => {
  test('events come one by one, before the answer ends', async () => {
    let send = (_text: string) => {}
    await using app = await server((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      send = (text) => response.write(text)
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const response = await new Promise<http.IncomingMessage>((resolve) =>
      http.get({ port: edge.port, host: '127.0.0.1', headers: { host: hostname } }, resolve),
    )
    let text = ''
    response.on('data', (chunk) => {
      text += chunk
    })
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      send(event)
      const began = performance.now()
      await until(() => text.endsWith(event))
      expect(performance.now() - began).toBeLessThan(200)
    }
    expect(edge.routing.instanceStats()[0]).toMatchObject({ inFlight: 0, streams: 1 })
    response.destroy()
    await until(() => edge.routing.instanceStats()[0]?.streams === 0)
  })

  test('a head is passed on before the body begins', async () => {
    await using app = await server((_request, response) => void response.writeHead(200).flushHeaders())
    await using edge = await proxy()
    edge.serve(route([app]))
    expect(
      await raw(edge.port, `GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`, (text) => text.includes('\r\n\r\n')),
    ).toMatch(/^HTTP\/1.1 200 OK/)
  })

  test('a slow reader slows the application down instead of filling memory', async () => {
    let written = 0
    await using app = await server((_request, response) => {
      const chunk = Buffer.alloc(65_536)
      const more = () => {
        while (written < 256 * 1024 * 1024 && !response.destroyed) {
          written += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const request = http.get({ port: edge.port, host: '127.0.0.1', headers: { host: hostname } })
    const response = await new Promise<http.IncomingMessage>((resolve) => request.once('response', resolve))
    response.pause()
    let before = -1
    await until(() => {
      const isStill = before === written
      before = written
      return isStill && written > 0
    })
    expect(written).toBeLessThan(64 * 1024 * 1024)
    request.on('error', () => {})
    request.destroy()
  })

  test('HEAD, 204 and 304 have no body and keep their headers', async () => {
    await using app = await server((request, response) => {
      if (request.url === '/304') return void response.writeHead(304, { etag: '"x"' }).end()
      if (request.url === '/204') return void response.writeHead(204).end()
      response.writeHead(200, { 'content-length': '12345' }).end()
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const head = await ask({ port: edge.port, method: 'HEAD', agent })
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '12345' } })
    expect(await ask({ port: edge.port, path: '/304', agent })).toMatchObject({ status: 304, headers: { etag: '"x"' } })
    expect(await ask({ port: edge.port, path: '/204', agent })).toMatchObject({ status: 204, body: '' })
    agent.destroy()
  })

  test('early hints pass', async () => {
    await using app = await server((_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('done')
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const text = await raw(edge.port, `GET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>; rel=preload\r\n\r\nHTTP\/1.1 200/i)
  })

  test('an offer to upgrade in an ordinary answer is no upgrade', async () => {
    await using app = await server((_request, response) => {
      response.writeHead(200, { connection: 'Upgrade', upgrade: 'h2,h2c' }).end('plain')
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const answer = await ask({ port: edge.port })
    expect(answer).toMatchObject({ status: 200, body: 'plain' })
    expect(answer.headers).not.toHaveProperty('upgrade')
  })

  test('requests sent ahead are answered in order, and end with their client', async () => {
    let open = 0
    await using app = await server((request, response) => {
      open++
      response.once('close', () => open--)
      if (request.url === '/hang') response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      else setTimeout(() => response.end(`[${request.url}]`), request.url === '/1' ? 50 : 0)
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`
    const text = await raw(edge.port, get('/1') + get('/2') + get('/3'), (text) => text.includes('[/3]'))
    expect(text.match(/\[\/\d\]/g)).toEqual(['[/1]', '[/2]', '[/3]'])
    const socket = net.connect(edge.port, '127.0.0.1')
    socket.write(get('/hang').repeat(20))
    await until(() => open === 1)
    socket.destroy()
    await until(() => open === 0 && edge.routing.instanceStats()[0]?.streams === 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(open).toBe(0)
    expect(await raw(edge.port, get('/hang').repeat(100))).not.toContain('404')
  })

  test('an answer that breaks off breaks off for the client too', async () => {
    await using app = await server((request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => request.socket.destroy())
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    await expect(ask({ port: edge.port })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    await until(() => edge.routing.routeStats()[0]?.broken === 1)
  })

  test('a client of HTTP/1.0 is served without chunks', async () => {
    await using app = await server((_request, response) => {
      response.write('a')
      setTimeout(() => response.end('b'), 20)
    })
    await using edge = await proxy()
    edge.serve(route([app]))
    const text = await raw(edge.port, `GET / HTTP/1.0\r\nHost: ${hostname}\r\n\r\n`)
    expect(text).toMatch(/\r\n\r\nab$/)
    expect(text.toLowerCase()).not.toContain('chunked')
  })
})

describe('who answers', () => {
  test.each([hostname, 'APP.localhost', `${hostname}.`, `${hostname}:8080`, `${hostname}.:80`])(
    'the hostname is known as %s',
    async (host) => {
      await using app = await server(echo)
      await using edge = await proxy()
      edge.serve(route([app]))
      expect((await ask({ port: edge.port, headers: { host } })).status).toBe(200)
    },
  )

  test('an unknown hostname is not found', async () => {
    await using edge = await proxy()
    edge.serve()
    const answer = await ask({ port: edge.port, headers: { accept: 'text/html' } })
    expect(answer.status).toBe(404)
    expect(answer.body).toContain('lang="zh-Hans"')
    expect(edge.front.unknownHosts).toBe(1)
  })

  test('a route without a healthy version says so in both languages', async () => {
    await using edge = await proxy()
    edge.serve(route([], { state: 'unavailable' }))
    const page = await ask({ port: edge.port, headers: { accept: 'text/html' } })
    expect(page).toMatchObject({ status: 503, headers: { 'retry-after': '10', 'juanie-edge': 'unavailable' } })
    expect(page.body).toContain('No healthy version of this application')
    expect(page.body).toContain('暂不可用')
    expect((await ask({ port: edge.port })).headers['content-type']).toContain('text/plain')
    edge.serve(route([], { state: 'starting', page: { title: '<b>', text: 'wait' } }))
    const own = await ask({ port: edge.port, headers: { accept: 'text/html' } })
    expect(own).toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
    expect(own.body).toContain('&lt;b&gt;')
    expect(edge.routing.routeStats()[0]).toMatchObject({ unavailable: 3, statuses: [0, 0, 0, 0, 3] })
  })

  test('several instances share the work by what they have to do', async () => {
    const counts = [0, 0]
    const counting =
      (place: number): http.RequestListener =>
      (request, response) => {
        counts[place]! += 1
        if (request.url === '/slow') setTimeout(() => response.end(), 300)
        else response.end()
      }
    await using a = await server(counting(0), 'a')
    await using b = await server(counting(1), 'b')
    await using edge = await proxy()
    edge.serve(route([a, b]))
    for (let i = 0; i < 20; i++) await ask({ port: edge.port })
    expect(counts).toEqual([10, 10])
    const slow = ask({ port: edge.port, path: '/slow' })
    await until(() => counts[0]! + counts[1]! === 21)
    const busy = counts[0] === 11 ? 0 : 1
    for (let i = 0; i < 10; i++) await ask({ port: edge.port })
    expect(counts[busy]).toBe(11)
    await slow
  })
})

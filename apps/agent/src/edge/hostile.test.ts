import net from 'node:net'
import { expect, test } from 'vitest'
import { ask, hostname, proxy, route, until } from './testing/index.ts'

/** The same sequence in each run (Lehmer's generator), so that what fails once fails again. */
function dice(seed: number) {
  let state = seed
  return (sides: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % sides
  }
}

const heads = [
  'GET / HTTP/1.1\r\n',
  'POST /x HTTP/1.1\r\n',
  'HEAD /\xff HTTP/1.1\r\n',
  'OPTIONS * HTTP/1.1\r\n',
  'PUT /a HTTP/1.0\r\n',
]
const requestParts = [
  `Host: ${hostname}\r\n`,
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Connection: Upgrade\r\nUpgrade: h2c\r\n',
  'Connection: host, content-length\r\n',
  'Expect: 100-continue\r\n',
  'X-Forwarded-For: \xff,,\r\n',
  'Trailer: x\r\n',
  '\r\n',
  '\r\n',
  '5\r\nhello\r\n',
  '0\r\nx: \xff\r\n\r\n',
  'hello',
  `GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`,
  `\r\nGET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
]
const statuses = ['200 OK', '101 Switching', '204 No', '304 Not', '999 \x01', '200 \xff']
const answerParts = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: bad\r\n\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Content-Type: text/event-stream\r\n',
  'Keep-Alive: timeout=0\r\n',
  'X: \x7f\xff\r\n',
  'Trailer: x\r\n',
  '\r\n',
  '5\r\nhello\r\n',
  '0\r\nx: \xff\xfe\r\n\r\n',
  'hello',
  '\0\0',
]

test('whatever bytes come from clients and applications, nothing breaks and nothing stays open', {
  timeout: 30_000,
}, async () => {
  const roll = dice(20_261_121)
  const mix = (parts: string[]) => Array.from({ length: roll(9) }, () => parts[roll(parts.length)]).join('')
  let atApplication = 0
  const application = net.createServer((socket) => {
    atApplication++
    socket.on('error', () => {})
    socket.once('close', () => atApplication--)
    socket.once('data', (chunk) => {
      if (chunk.includes('/sound')) return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsound')
      if (roll(10) > 1) socket.write(`HTTP/1.1 ${statuses[roll(statuses.length)]}\r\n${mix(answerParts)}`, 'latin1')
      const ending = roll(3)
      if (ending === 0) socket.end()
      else if (ending === 1) socket.destroy()
      else setTimeout(() => socket.destroy(), 30)
    })
  })
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
  const { port } = application.address() as net.AddressInfo
  await using edge = await proxy(1)
  edge.serve(route([{ id: 'hostile', host: '127.0.0.1', port }]))

  const connection = () =>
    new Promise<void>((resolve) => {
      const socket = net.connect(edge.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.once('close', () => resolve())
      socket.resume()
      socket.write(`${heads[roll(heads.length)]}Host: ${hostname}\r\n${mix(requestParts)}`, 'latin1')
      if (roll(2)) socket.write(mix(requestParts), 'latin1')
      const ending = roll(2)
      setTimeout(() => (ending ? socket.end() : socket.destroy()), roll(30))
      setTimeout(() => socket.destroy(), 60)
    })
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 60; i++) await connection()
    }),
  )
  expect(await ask({ port: edge.port, path: '/sound' })).toMatchObject({ status: 200, body: 'sound' })
  await until(async () => (await edge.front.connections()) === 0)
  await until(() =>
    edge.routing.instanceStats().every(({ inFlight, streams, upgraded }) => inFlight + streams + upgraded === 0),
  )
  edge.serve()
  await until(() => atApplication === 0)
  await new Promise((resolve) => application.close(resolve))
})

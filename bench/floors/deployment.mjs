// The floor of a deployment: start the new version, probe it at Juanie's pace, change one variable of a bare proxy.
// Told: `{ program, healthy }`; `{ type: 'deploy', version }` starts that version beside the old one and ends the old
// one a moment after the switch.
import { spawn } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import { hear, say, told } from './line.mjs'

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })
let target = null

const proxy = http.createServer((request, response) => {
  if (target === null) return response.writeHead(503).end()
  const upstream = http.request(
    {
      host: '127.0.0.1',
      port: target.port,
      method: request.method,
      path: request.url,
      headers: request.headers,
      agent,
    },
    (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders)
      answer.pipe(response)
    },
  )
  upstream.on('error', () => response.writeHead(502).end())
  request.pipe(upstream)
})

const probe = (port) =>
  new Promise((resolve) => {
    http
      .get({ host: '127.0.0.1', port, path: '/healthz', agent: false }, (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode === 200))
      })
      .on('error', () => resolve(false))
  })

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

async function deploy(version) {
  const began = performance.now()
  const port = await freePort()
  const child = spawn(process.execPath, [told.program], {
    env: { PATH: process.env.PATH, PORT: String(port), HOST: '127.0.0.1', VERSION: version },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (let good = 0; good < told.healthy; ) {
    good = (await probe(port)) ? good + 1 : 0
    if (good < told.healthy) {
      const pauseMs = Math.min(1000, Math.max(10, (performance.now() - began) / 10))
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  const old = target
  target = { port, child }
  say({ type: 'switched', version })
  if (old) setTimeout(() => old.child.kill('SIGTERM'), 500)
}

hear(
  ({ version }) => deploy(version),
  () => target?.child.kill('SIGKILL'),
)
proxy.listen(0, '127.0.0.1', () => say({ type: 'ready', port: proxy.address().port }))

// The floor of a switch: a bare proxy whose target is one variable, changed by one request, answered when the choice
// lies in a file too, which is not synced on either side. Told: `{ ports, file }`; `PUT /<place>` on the control port chooses the target.
import { renameSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { hear, say, told } from './line.mjs'

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })
let port = told.ports[0]

const proxy = http.createServer((request, response) => {
  const upstream = http.request(
    { host: '127.0.0.1', port, method: request.method, path: request.url, headers: request.headers, agent },
    (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders)
      answer.pipe(response)
    },
  )
  upstream.on('error', () => response.writeHead(502).end())
  request.pipe(upstream)
})
const control = http.createServer((request, response) => {
  port = told.ports[Number(request.url.slice(1))]
  writeFileSync(`${told.file}.new`, JSON.stringify({ port }))
  renameSync(`${told.file}.new`, told.file)
  response.end()
})
control.listen(0, '127.0.0.1', () =>
  proxy.listen(0, '127.0.0.1', () =>
    say({ type: 'ready', port: proxy.address().port, control: control.address().port }),
  ),
)
hear(() => {})

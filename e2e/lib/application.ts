import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The application of the scenarios. It answers its version at `/`, and what else they need: slow answers, uploads, a
 * stream of events and a WebSocket. `/sicken` turns its health bad while it still answers; `/die` ends it.
 */
const server = (version: string, isHealthy: boolean): string => `import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

let isHealthy = ${isHealthy}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const server = createServer(async (request, response) => {
  const path = request.url.split('?')[0]
  if (path === '/healthz') return response.writeHead(isHealthy ? 200 : 503).end(isHealthy ? 'ok' : 'not well')
  if (path === '/sicken') isHealthy = false
  if (path === '/die') process.exit(1)
  if (path === '/slow') await pause(5_000)
  if (path === '/upload') {
    const hash = createHash('sha256')
    for await (const chunk of request) hash.update(chunk)
    return response.end(hash.digest('hex'))
  }
  if (path === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let count = 1; count <= 150; count++) {
      response.write('data: ' + count + '\\n\\n')
      await pause(20)
    }
    return response.end('event: end\\ndata: 150\\n\\n')
  }
  response.end('${version}')
})
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n')
  // What comes is answered as it is, unmasked; a close is answered by a close.
  let left = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    left = Buffer.concat([left, chunk])
    while (left.length >= 6 && left.length >= 6 + (left[1] & 127)) {
      const length = left[1] & 127
      const mask = left.subarray(2, 6)
      const text = Buffer.from(left.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]))
      const code = left[0] & 15
      left = left.subarray(6 + length)
      if (code === 8) return socket.end(Buffer.from([0x88, 0]))
      socket.write(Buffer.concat([Buffer.from([0x81, length]), text]))
    }
  })
})
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
server.keepAliveTimeout = 60_000
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => console.log('${version} listens'))
`

export interface Version {
  /** What it answers. */
  text: string
  isHealthy?: boolean
  /** Instead of the usual description. */
  compose?: string
  /** Instead of the usual workflow. */
  workflow?: string
  /** More files, or null for one that is to go. */
  files?: Record<string, string | null>
}

export const linesPrinted = 120

/** Numbered lines in several batches: a gap or a repeat shows. */
const printing = `for ((i = 1; i <= ${linesPrinted}; i++)); do echo "line $i"; if ((i % 40 == 0)); then sleep 0.02; fi; done`

const usualWorkflow = `name: CI
on:
  push:
    branches: [main]
  workflow_dispatch:
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Lines
        run: ${printing}
      - name: Never
        if: \${{ false }}
        run: exit 1
      - uses: juanie/release@v1
`

export const usualCompose = `services:
  web:
    command: [node, server.js]
    ports: ['3000']
    x-juanie:
      health:
        path: /healthz
        interval: 200ms
`

/** Writes the application into a work tree. */
export function writeVersion(folder: string, version: Version): void {
  const files: Record<string, string | null> = {
    'server.js': server(version.text, version.isHealthy ?? true),
    'package.json': '{ "name": "shop", "type": "module", "private": true }\n',
    'compose.yaml': version.compose ?? usualCompose,
    '.juanie/workflows/ci.yml': version.workflow ?? usualWorkflow,
    ...version.files,
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    if (text === null) rmSync(path, { force: true })
    else writeFileSync(path, text)
  }
}

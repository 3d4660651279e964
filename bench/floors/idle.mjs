// The floor of idle memory: a bare process with an HTTP server.
import { createServer } from 'node:http'
import { hear, say } from './line.mjs'

createServer((_request, response) => response.end()).listen(0, '127.0.0.1', () => say({ type: 'ready' }))
hear(() => {})

// The floor of a page: a server that hands out files as they lie in a folder, already compressed, and nothing else. Told:
// `{ folder }`; a file `x` with `x.gz` beside it goes out compressed.
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { hear, say, told } from './line.mjs'

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.txt': 'text/plain',
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://floor')
  const name = normalize(pathname === '/' ? '/index.html' : pathname)
  const file = join(told.folder, name)
  if (!file.startsWith(told.folder) || !existsSync(file)) return response.writeHead(404).end()
  const isZipped = existsSync(`${file}.gz`)
  const sent = isZipped ? `${file}.gz` : file
  response.writeHead(200, {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'content-length': statSync(sent).size,
    ...(isZipped && { 'content-encoding': 'gzip' }),
  })
  createReadStream(sent).pipe(response)
})
server.listen(0, '127.0.0.1', () => say({ type: 'ready', port: server.address().port }))
hear(
  () => {},
  () => server.close(),
)

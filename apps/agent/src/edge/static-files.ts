import { createHash } from 'node:crypto'
import { constants, createReadStream, realpathSync, type Stats } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { lookup } from 'mrmime'

export interface StaticSite {
  folder: string
  /** Answers unknown pages with `index.html`. A `200.html` in the folder asks for the same by itself. */
  isSinglePage?: boolean
}

interface Found {
  /** Below the folder, for the media type. */
  name: string
  path: string
}

interface File extends Found {
  handle: FileHandle
  size: number
  etag: string
}

/** A larger file gets its tag from size and change time: hashing it would delay its first answer by too much. */
const hashedBytes = 64 * 1024 * 1024
const mostTags = 10_000

/**
 * Serves the files of a folder to GET and HEAD. Never outside of it, through whatever link; no name that begins with a
 * dot, `.well-known` apart. Tags come from the content, for files of a bundle carry no times and two versions may have
 * the same size.
 */
export function staticServer({ folder, isSinglePage = false }: StaticSite): http.Server {
  const root = realpathSync(folder)
  const tags = new Map<string, { key: string; etag: string }>()
  const server = http.createServer((request, response) => {
    serve(request, response).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE')
        console.error(`${request.method} ${request.url}: ${error.message}`)
      if (response.headersSent) response.destroy()
      else text(response, 500, 'The file could not be read.')
    })
  })
  // Longer than any proxy in front keeps its connections, so that it is never the server that closes one in use.
  server.keepAliveTimeout = 75_000

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return text(response, 405, 'Only GET and HEAD are served here.')
    }
    const [encoded = '/', query] = splitOnce(request.url ?? '/', '?')
    const segments = readPath(encoded)
    if (segments === null) return text(response, 400, 'The path is malformed.')
    const found = await find(segments, encoded.endsWith('/'))
    if (found === 'redirect') {
      // Built from the segments alone, so that a path of several slashes cannot lead to another host.
      const location = `/${segments.map(encodeURIComponent).join('/')}/${query === undefined ? '' : `?${query}`}`
      response.setHeader('Location', location)
      return text(response, 308, 'The folder is there.')
    }
    if (found) return send(request, response, { found, status: 200 })
    const fallback = await pageFor(request)
    if (fallback) return send(request, response, fallback)
    text(response, 404, 'There is no such file.')
  }

  /** What a path means: the file itself, the page without its `.html`, or the folder's `index.html`. */
  async function find(segments: string[], isFolder: boolean): Promise<Found | 'redirect' | null> {
    if (segments.some((name) => name.startsWith('.') && name !== '.well-known')) return null
    const name = segments.join('/')
    if (isFolder) return inside(name === '' ? 'index.html' : `${name}/index.html`)
    return (
      (await inside(name)) ?? (await inside(`${name}.html`)) ?? ((await inside(`${name}/index.html`)) && 'redirect')
    )
  }

  /** Null: not there, no file, outside of the folder, or hidden. */
  async function inside(name: string): Promise<Found | null> {
    let path: string
    try {
      path = await realpath(join(root, name))
    } catch {
      return null
    }
    const below = relative(root, path)
    if (below === '' || below.startsWith(`..${sep}`) || below === '..') return null
    if (below.split(sep).some((part) => part.startsWith('.') && part !== '.well-known')) return null
    const handle = await openFile(path)
    if (!handle) return null
    await handle.close()
    return { name, path }
  }

  async function pageFor(request: IncomingMessage): Promise<{ found: Found; status: number } | null> {
    const isPage = request.headers.accept?.includes('text/html') === true
    const single = isPage ? ((await inside('200.html')) ?? (isSinglePage ? await inside('index.html') : null)) : null
    if (single) return { found: single, status: 200 }
    const missing = await inside('404.html')
    return missing && { found: missing, status: 404 }
  }

  async function send(
    request: IncomingMessage,
    response: ServerResponse,
    { found, status }: { found: Found; status: number },
  ): Promise<void> {
    const handle = await openFile(found.path)
    if (!handle) return text(response, 404, 'There is no such file.')
    try {
      const stats = await handle.stat()
      const file: File = { ...found, handle, size: stats.size, etag: await tagOf(found.path, handle, stats) }
      await sendFile(request, response, { file, status })
    } finally {
      await handle.close()
    }
  }

  async function tagOf(path: string, handle: FileHandle, { ino, ctimeMs, size }: Stats): Promise<string> {
    const key = `${ino}-${ctimeMs}-${size}`
    if (size > hashedBytes) return `"${createHash('sha256').update(key).digest('base64url').slice(0, 27)}"`
    const known = tags.get(path)
    if (known?.key === key) return known.etag
    const hash = createHash('sha256')
    for await (const chunk of createReadStream('', { fd: handle, autoClose: false, start: 0 })) hash.update(chunk)
    const etag = `"${hash.digest('base64url').slice(0, 27)}"`
    if (tags.size >= mostTags) tags.clear()
    tags.set(path, { key, etag })
    return etag
  }

  return server
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  { file, status }: { file: File; status: number },
): Promise<void> {
  const { etag, size, handle } = file
  response.setHeader('ETag', etag)
  // Nothing is known of how long a name keeps its content: asking again costs a 304.
  response.setHeader('Cache-Control', 'no-cache')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  if (status === 200 && matches(request.headers['if-none-match'], etag)) return void response.writeHead(304).end()

  response.setHeader('Content-Type', mediaType(file.name))
  response.setHeader('Accept-Ranges', 'bytes')
  const range = status === 200 ? rangeOf(request, { etag, size }) : null
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${size}`)
    return text(response, 416, 'The file does not reach that far.')
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`)
  response.writeHead(range ? 206 : status, { 'Content-Length': end - start + 1 })
  if (request.method === 'HEAD' || end < start) return void response.end()
  await pipeline(createReadStream('', { fd: handle, autoClose: false, start, end }), response)
}

/** Null when it is not there or no file: a FIFO would block, a folder has an index. */
async function openFile(path: string): Promise<FileHandle | null> {
  let handle: FileHandle
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EISDIR', 'ENXIO', 'ENAMETOOLONG'].includes(code)) return null
    throw error
  }
  if ((await handle.stat()).isFile()) return handle
  await handle.close()
  return null
}

/** The names that a path goes through; null when it is malformed. */
function readPath(encoded: string): string[] | null {
  if (!encoded.startsWith('/')) return null
  try {
    const names = encoded
      .split('/')
      .filter((name) => name !== '')
      .map(decodeURIComponent)
    return names.some((name) => /[/\\\0]/.test(name)) ? null : names
  } catch {
    return null
  }
}

function splitOnce(whole: string, separator: string): [string, string?] {
  const place = whole.indexOf(separator)
  return place < 0 ? [whole] : [whole.slice(0, place), whole.slice(place + 1)]
}

function mediaType(name: string): string {
  const type = lookup(name) ?? 'application/octet-stream'
  return /^text\/|^application\/(?:javascript|json|manifest\+json)$|\+xml$/.test(type) ? `${type}; charset=utf-8` : type
}

const matches = (header: string | undefined, etag: string): boolean =>
  header !== undefined &&
  (header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag))

/** One range; several are answered with the whole file, as RFC 9110 §14.2 allows. */
function rangeOf(
  { headers }: IncomingMessage,
  { etag, size }: { etag: string; size: number },
): { start: number; end: number } | 'unsatisfiable' | null {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range?.trim() ?? '')
  if (!found || (found[1] === '' && found[2] === '')) return null
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag) return null
  if (found[1] === '') {
    const last = Math.min(Number(found[2]), size)
    return last === 0 ? 'unsatisfiable' : { start: size - last, end: size - 1 }
  }
  const start = Number(found[1])
  const end = found[2] === '' ? size - 1 : Math.min(Number(found[2]), size - 1)
  if (found[2] !== '' && Number(found[2]) < start) return null
  return start >= size ? 'unsatisfiable' : { start, end }
}

function text(response: ServerResponse, status: number, sentence: string): void {
  const body = Buffer.from(`${sentence}\n`)
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-cache')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.writeHead(status, { 'Content-Length': body.length })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

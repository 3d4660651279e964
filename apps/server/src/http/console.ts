import { createReadStream, readdirSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Language } from '../pages/texts.ts'
import type { HttpDeps } from './deps.ts'
import { nothingAt } from './missing.ts'

const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
/** Best first: https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding. */
const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

/**
 * The files of the console, as the build compressed them. Those in `assets/` carry a hash of their content in their
 * name, so a browser keeps them for ever.
 */
export function registerConsole(fastify: FastifyInstance, { kernel }: HttpDeps): void {
  const folder = join(kernel.config.root, 'dist', 'web')
  const files = new Set(filesIn(folder))
  const send = async (request: FastifyRequest, reply: FastifyReply, name: string, cache: string) => {
    const type = types[extname(name)]
    if (!type || !files.has(name)) throw nothingAt(request)
    const accepted = String(request.headers['accept-encoding'] ?? '')
    const [encoding, suffix] = encodings.find(([word, end]) => accepted.includes(word) && files.has(name + end)) ?? []
    const path = join(folder, name + (suffix ?? ''))
    // A build may be replacing the folder at this moment.
    const found = await stat(path).catch(() => null)
    if (!found) throw nothingAt(request)
    if (encoding) void reply.header('content-encoding', encoding)
    void reply.type(type).header('vary', 'accept-encoding').header('cache-control', cache)
    return reply.header('content-length', found.size).send(createReadStream(path))
  }
  fastify.get<{ Params: { name: string } }>('/assets/:name', (request, reply) =>
    send(request, reply, `assets/${request.params.name}`, 'public, max-age=31536000, immutable'),
  )
  for (const name of [...files].filter((file) => /^[\w-]+\.(svg|js)$/.test(file))) {
    fastify.get(`/${name}`, (request, reply) => send(request, reply, name, 'public, max-age=300'))
  }
}

/** The page that starts the console, in each language; it is read once, so it names files of one build only. */
export function consolePages(root: string): (language: Language) => string {
  const read = (language: Language) => readFileSync(join(root, 'dist', 'web', `index.${language}.html`), 'utf8')
  const pages = new Map<Language, string>()
  return (language) => {
    const known = pages.get(language) ?? read(language)
    pages.set(language, known)
    return known
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true }) as string[]
  } catch (error) {
    // A server that runs from its sources, as in tests, may have no console.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

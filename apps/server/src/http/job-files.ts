import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { AppError, httpStatus, notFound } from '@juanie/core/errors'
import { isUuid } from '@juanie/core/ids'
import { StoredFiles } from '@juanie/services/storage'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HttpDeps } from './deps.ts'
import { FileLinks } from './file-links.ts'
import { refusalOf } from './refusals.ts'

interface File {
  Params: { id: string }
  Querystring: { comp?: string; blockid?: string; until?: string; name?: string; sig?: string; use?: string }
}

const maxBlockListBytes = 8 * 1024 * 1024
const maxBodyBytes = Number.MAX_SAFE_INTEGER
/** Azure's own limit of an id before it is encoded. */
const maxBlockId = 200

/**
 * Files of jobs behind signed links, in the protocol of Azure's block blobs as far as the clients of GitHub's toolkit
 * speak it: Put Block, Put Block List, Put Blob, Get Blob with ranges.
 * https://learn.microsoft.com/en-us/rest/api/storageservices/put-block
 */
export function registerJobFiles(fastify: FastifyInstance, { get }: HttpDeps): void {
  const files = get(StoredFiles)
  const links = get(FileLinks)

  // The body goes to the store as it comes in, whatever it says it is.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, body, done) => done(null, body))
  fastify.setErrorHandler(answerAsAzure)

  const enter = (request: FastifyRequest<File>, use: 'read' | 'write'): string => {
    const { id } = request.params
    if (isUuid(id) && links.holds(use, id, request.query)) return id
    throw new AppError('forbidden', 'link.over', { message: 'This link is wrong, or its time is over.' })
  }

  fastify.put<File>('/api/job/files/:id', { bodyLimit: maxBodyBytes }, async (request, reply) => {
    const id = enter(request, 'write')
    const { comp, blockid } = request.query
    const body = (request.body as Readable | undefined) ?? request.raw
    if (comp === 'block') {
      if (!blockid || blockid.length > maxBlockId) throw invalid('blockid', 'give an id of at most 64 bytes.')
      await files.put(id, blockid, body)
    } else if (comp === 'blocklist') {
      await files.arrange(id, readBlockList(await textOf(body)))
    } else if (comp === undefined) {
      await files.putWhole(id, body)
    } else throw invalid('comp', 'only block and blocklist are understood.')
    return stamp(reply).code(201).send()
  })

  const read = async (request: FastifyRequest<File>, reply: FastifyReply) => {
    const id = enter(request, 'read')
    const wanted = rangeOf(request)
    const found = await files.read(id, (bytes) => within(wanted, bytes))
    if (!found) throw notFound('file')
    const { bytes, start, end } = found
    const { name } = request.query
    void stamp(reply)
      .type(name?.endsWith('.zip') ? 'application/zip' : 'application/octet-stream')
      .header('content-length', end - start)
      .header('accept-ranges', 'bytes')
      .header('cache-control', 'private, no-store')
      .header('x-content-type-options', 'nosniff')
      .header('content-security-policy', "sandbox; default-src 'none'")
      .header('content-disposition', `attachment${name ? `; filename*=UTF-8''${encodeURIComponent(name)}` : ''}`)
    if (wanted) void reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${bytes}`)
    return request.method === 'HEAD' ? reply.send() : reply.send(found.content())
  }
  fastify.get<File>('/api/job/files/:id', { exposeHeadRoute: false }, read)
  fastify.head<File>('/api/job/files/:id', read)
}

interface Range {
  start: number
  /** Without it, to the end. */
  last: number | null
}

/** Azure's clients say it in a header of their own. */
function rangeOf(request: FastifyRequest): Range | null {
  const given = request.headers['x-ms-range'] ?? request.headers.range
  const [, start, last] = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(String(given ?? '')) ?? []
  return start === undefined ? null : { start: Number(start), last: last === undefined ? null : Number(last) }
}

function within(range: Range | null, bytes: number): { start: number; end: number } {
  if (range === null) return { start: 0, end: bytes }
  const end = range.last === null ? bytes : Math.min(bytes, range.last + 1)
  if (range.start < end) return { start: range.start, end }
  throw new AppError('invalid', 'file.range', { message: `The file has ${bytes} bytes; ask for some of those.` })
}

const stamp = (reply: FastifyReply) =>
  reply
    .header('x-ms-request-id', randomUUID())
    .header('x-ms-version', '2021-12-02')
    .header('etag', `"${randomUUID()}"`)
    .header('last-modified', new Date().toUTCString())

/** `<BlockList><Latest>id</Latest>…</BlockList>`; ids are base64, so there is nothing to unescape. */
function readBlockList(text: string): string[] {
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw invalid('body', 'a block list declares nothing.')
  return [...text.matchAll(/<(Latest|Uncommitted|Committed)>\s*([A-Za-z0-9+/=_-]{1,200})\s*<\/\1>/g)].map(
    ([, , id]) => id!,
  )
}

async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBlockListBytes) throw invalid('body', 'the block list is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Azure's clients read an XML error, and try again on 500 and 503. */
function answerAsAzure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, body } = refusalOf(error)
  if (status >= 500 && !(error instanceof AppError)) request.log.error({ err: error }, 'a file of a job failed')
  const isRange = body.error.reason === 'file.range'
  if (status === httpStatus.unavailable) void reply.header('retry-after', '5')
  const quoted = (text: string) => text.replace(/[<>&"']/g, (each) => `&#${each.charCodeAt(0)};`)
  void reply
    .code(isRange ? 416 : status)
    .header('x-ms-error-code', quoted(body.error.reason))
    .type('application/xml')
    .send(
      `<?xml version="1.0" encoding="utf-8"?><Error><Code>${quoted(body.error.reason)}</Code><Message>${quoted(body.error.message)}</Message></Error>`,
    )
}

const invalid = (field: string, why: string) =>
  new AppError('invalid', 'input.invalid', { message: `${field}: ${why}`, details: { field } })

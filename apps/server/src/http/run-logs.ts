import { Readable } from 'node:stream'
import { AppError } from '@juanie/core/errors'
import type { Session } from '@juanie/core/scope'
import { Credentials } from '@juanie/services/auth'
import { LogReads, LogStreams, Runs, type StoredLines } from '@juanie/services/runs'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import * as z from 'zod/mini'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'
import type { EventStream } from './streams.ts'

const Params = z.object({
  projectId: z.uuid(),
  run: z.union([z.uuid(), z.coerce.number().check(z.int(), z.minimum(1), z.maximum(2 ** 31 - 1))]),
  job: z.uuid(),
  step: z.coerce.number().check(z.int(), z.minimum(-1_001), z.maximum(100_000)),
})
const Line = z.coerce.number().check(z.int(), z.minimum(0), z.maximum(2_000_000_000))
const Query = z.object({
  /** `0`: the stream ends with what is there. */
  follow: z.optional(z.enum(['0', '1'])),
  /** Begins with so many of the last lines. */
  tail: z.optional(Line),
  /** For clients that cannot set headers; as well where a page of text begins. */
  after: z.optional(Line),
  limit: z.optional(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(10_000))),
  /** Longer texts are cut to so many characters; then a line holds its whole length as well. */
  cut: z.optional(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(1_000_000))),
})
const Marks = z.object({ after: z._default(Line, 0) })
const Search = z.object({
  q: z.string().check(z.minLength(1), z.maxLength(200)),
  after: z.optional(Line),
  before: z.optional(Line),
})

const maxFrame = 512 * 1024

type Step = { streamId: string; name: string; lines: number; status: string; isOver: boolean }

/**
 * Log of one step: `GET /api/projects/<id>/runs/<number or id>/jobs/<id>/steps/<n>/log` as server-sent events that
 * resume after `Last-Event-ID` (a line number); `…/log.txt` as plain text; `…/lines` a page of it as JSON, `…/marks` the
 * lines that stand out, `…/search` those that hold a text.
 */
export function registerRunLogs(fastify: FastifyInstance, deps: HttpDeps): void {
  const { kernel, sessionOf, door, streams, get } = deps
  const runs = get(Runs)
  const logs = get(LogStreams)
  const reads = get(LogReads)
  const base = '/api/projects/:projectId/runs/:run/jobs/:job/steps/:step'

  const enter = async (request: FastifyRequest) => {
    const at = readBody(Params, request.params)
    const session = await sessionOf(request)
    const allow = (who: Session | null) => door.project(who, at.projectId, 'run.view')
    const scope = await allow(session)
    const look = () => runs.stepStream(scope, { run: at.run, jobId: at.job, place: at.step })
    return { session: session!, allow, scope, look, step: await look() }
  }

  fastify.get(`${base}/log`, async (request, reply) => {
    const query = readBody(Query, request.query)
    const { session, allow, scope, look, step } = await enter(request)
    const after = startOf(request, query, step)
    const stream = streams.open(reply, {
      key: JSON.stringify([session.credential, 'run-log', scope.projectId]),
      check: async () => allow((await get(Credentials).isAlive(session)) ? session : null),
    })
    tell(logs, stream, { step, after, look, isFollowing: query.follow !== '0' }).catch((error: unknown) => {
      kernel.log.warn({ err: error }, 'lines of a step could not be read')
      stream.end()
    })
  })

  fastify.get(`${base}/log.txt`, async (request, reply) => {
    const { step } = await enter(request)
    void reply
      .type('text/plain; charset=utf-8')
      .header('content-disposition', `attachment; filename="step-${step.streamId}.txt"`)
    return reply.send(Readable.from(plainText(logs, step)))
  })

  fastify.get(`${base}/lines`, async (request) => {
    const query = readBody(Query, request.query)
    const { step } = await enter(request)
    const limit = query.limit ?? 1000
    const after = query.after ?? Math.max(0, step.lines - limit)
    const lines = await reads.lines(step.streamId, { after, limit, ...(query.cut && { cut: query.cut }) })
    return { lines, total: step.lines, status: step.status, isOver: step.isOver }
  })

  fastify.get(`${base}/marks`, async (request) => {
    const { after } = readBody(Marks, request.query)
    const { step } = await enter(request)
    return reads.marks(step.streamId, after)
  })

  fastify.get(`${base}/search`, async (request) => {
    const { q, after, before } = readBody(Search, request.query)
    const { step } = await enter(request)
    const place = before === undefined ? { after: after ?? 0 } : { before }
    return { ...(await reads.search(step.streamId, { text: q, total: step.lines, ...place })), total: step.lines }
  })
}

async function tell(
  logs: LogStreams,
  stream: EventStream,
  options: { step: Step; after: number; look: () => Promise<Step>; isFollowing: boolean },
): Promise<void> {
  const abort = new AbortController()
  stream.onClose(() => abort.abort())
  let last = options.step
  const chunks = logs.follow(options.step.streamId, {
    after: options.after,
    signal: abort.signal,
    end: async () => {
      last = await options.look()
      return last.isOver || !options.isFollowing ? { lines: last.lines } : null
    },
  })
  for await (const chunk of chunks) await write(stream, chunk)
  if (!abort.signal.aborted) {
    stream.end(`event: end\ndata: ${JSON.stringify({ lines: last.lines, status: last.status })}\n\n`)
  }
}

/** One `data:` line per log line; the id is the number of the last one. A viewer's buffer stays small however long it is. */
async function write(stream: EventStream, chunk: StoredLines): Promise<void> {
  const frame = `id: ${chunk.lastSeq}\nevent: lines\ndata: ${chunk.lines.replaceAll('\n', '\ndata: ')}\n\n`
  const bytes = Buffer.from(frame)
  for (let at = 0; at < bytes.length && stream.isOpen; at += maxFrame) {
    stream.write(bytes.subarray(at, at + maxFrame))
    await stream.drained()
  }
}

async function* plainText(logs: LogStreams, step: Step): AsyncGenerator<string> {
  for (let after = 0; after < step.lines; ) {
    const chunks = await logs.read(step.streamId, after)
    if (chunks.length === 0) return
    for (const chunk of chunks) {
      yield linesOf(chunk)
        .map(([, text]) => `${text}\n`)
        .join('')
      after = chunk.lastSeq
    }
  }
}

const linesOf = ({ lines }: StoredLines): [number, string][] => JSON.parse(`[${lines.replaceAll('\n', ',')}]`)

function startOf(request: FastifyRequest, query: z.infer<typeof Query>, step: Step): number {
  const header = request.headers['last-event-id']
  if (header !== undefined) {
    const parsed = Line.safeParse(header)
    if (parsed.success) return parsed.data
    throw new AppError('invalid', 'input.invalid', { message: 'Last-Event-ID: must be the number of a line.' })
  }
  if (query.after !== undefined) return query.after
  return query.tail === undefined ? 0 : Math.max(0, step.lines - query.tail)
}

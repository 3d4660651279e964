import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { AppError } from '@juanie/core/errors'
import type { ProjectScope, Session } from '@juanie/core/scope'
import { Credentials } from '@juanie/services/auth'
import { Deployments, type LogSource } from '@juanie/services/deployments'
import { LogStreams, MergedLogs, type Position } from '@juanie/services/runs'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import * as z from 'zod/mini'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'
import type { EventStream } from './streams.ts'

const Instance = z.object({ instanceId: z.uuid() })

const Query = z.object({
  /** `1`: goes on with what comes; else the answer ends with what is there. */
  follow: z.optional(z.enum(['0', '1'])),
  /** How many of the last lines of each instance to begin with; all without it. */
  tail: z.optional(z.coerce.number().check(z.int(), z.minimum(0), z.maximum(1_000_000))),
  /** For clients that cannot set headers. */
  lastEventId: z.optional(z.string().check(z.maxLength(20_000))),
})

const Place = z.string().check(z.maxLength(20_000))
const Page = z.object({
  /** A position that was told; without both, the last lines. */
  before: z.optional(Place),
  after: z.optional(Place),
  limit: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(5_000)), 500),
  cut: z.optional(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(1_000_000))),
})
const Search = z.object({
  q: z.string().check(z.minLength(1), z.maxLength(200)),
  before: z.optional(Place),
  after: z.optional(Place),
})
/** So many lines at a time go into a download. */
const downloadPage = 2_000

/** A deployment that begins while somebody follows brings new instances. */
const lookMs = 1_000

/**
 * Lines of instances as server-sent events, live:
 * `GET /api/projects/<id>/environments/<name>/logs` and `GET /api/projects/<id>/instances/<id>/logs`.
 * Each frame is `{ instanceId, service, index, deployment, firstSeq, lines: [[milliseconds, text], …] }`; its id says
 * how far each instance was told, and as `Last-Event-ID` goes on there without a gap or a repeat. `event: end` is last.
 *
 * Those of an environment merged by time: `…/logs/lines?before=<position>` a page as JSON, `…/logs/search?q=<text>` the
 * lines that hold a text, `…/logs.txt` as plain text. A position reads like the id of a frame.
 */
export function registerInstanceLogs(fastify: FastifyInstance, deps: HttpDeps): void {
  const { kernel, sessionOf, door, streams, get } = deps
  const deployments = get(Deployments)
  const logs = get(LogStreams)

  const answer = async (
    request: FastifyRequest<{ Params: { projectId: string } }>,
    reply: Parameters<typeof streams.open>[0],
    sources: (scope: ProjectScope) => Promise<LogSource[]>,
  ) => {
    const query = readBody(Query, request.query)
    const { projectId } = request.params
    const session = await sessionOf(request)
    const allow = (who: Session | null) => door.project(who, projectId, 'deployment.view')
    const scope = await allow(session)
    const first = await sources(scope)
    const position = readPosition(String(request.headers['last-event-id'] ?? query.lastEventId ?? ''))
    for (const one of first) {
      if (query.tail !== undefined && !position.has(one.instanceId))
        position.set(one.instanceId, Math.max(0, one.lines - query.tail))
    }
    const stream = streams.open(reply, {
      key: JSON.stringify([session!.credential, 'logs', projectId]),
      check: async () => allow((await get(Credentials).isAlive(session!)) ? session : null),
    })
    const telling = new Telling({ logs, stream, position, isFollowing: query.follow === '1' })
    telling
      .run(first, () => sources(scope))
      .catch((error: unknown) => {
        kernel.log.warn({ err: error }, 'lines of instances could not be read')
        stream.end()
      })
  }

  fastify.get<{ Params: { projectId: string; environment: string } }>(
    '/api/projects/:projectId/environments/:environment/logs',
    (request, reply) => answer(request, reply, (scope) => deployments.logSources(scope, request.params.environment)),
  )
  const merged = get(MergedLogs)
  type InEnvironment = { Params: { projectId: string; environment: string } }
  const sourcesIn = async (request: FastifyRequest<InEnvironment>) => {
    const { projectId, environment } = request.params
    const scope = await door.project(await sessionOf(request), projectId, 'deployment.view')
    return deployments.logSources(scope, environment)
  }
  const streamsOf = (sources: LogSource[]) => sources.map(({ instanceId, lines }) => ({ id: instanceId, lines }))

  fastify.get<InEnvironment>('/api/projects/:projectId/environments/:environment/logs/lines', async (request) => {
    const { before, after, limit, cut } = readBody(Page, request.query)
    const sources = await sourcesIn(request)
    const streams = streamsOf(sources)
    const more = { limit, ...(cut !== undefined && { cut }) }
    const page = await merged.page(
      streams,
      after === undefined
        ? { before: before === undefined ? endOf(sources) : readPosition(before), ...more }
        : { after: readPosition(after), ...more },
    )
    return {
      sources: sources.map(({ instanceId, service, index, deployment }) => ({
        instanceId,
        service,
        index,
        deployment,
      })),
      lines: page.lines,
      position: writePosition(page.position),
      isEnd: page.isEnd,
      /** Where those who asked for the last lines go on. */
      end: writePosition(endOf(sources)),
    }
  })

  fastify.get<InEnvironment>('/api/projects/:projectId/environments/:environment/logs/search', async (request) => {
    const { q, before, after } = readBody(Search, request.query)
    const sources = await sourcesIn(request)
    const found = await merged.search(
      streamsOf(sources),
      before === undefined ? { text: q, after: readPosition(after ?? '') } : { text: q, before: readPosition(before) },
    )
    return {
      matches: found.matches,
      places: found.places.map(({ before: lines, position }) => [lines, writePosition(position)]),
      reached: writePosition(found.reached),
      isDone: found.isDone,
    }
  })

  fastify.get<InEnvironment>('/api/projects/:projectId/environments/:environment/logs.txt', async (request, reply) => {
    const sources = await sourcesIn(request)
    void reply
      .type('text/plain; charset=utf-8')
      .header(
        'content-disposition',
        `attachment; filename="${request.params.environment.replace(/[^\w.-]/g, '_')}.log.txt"`,
      )
    return reply.send(Readable.from(plainText(merged, sources)))
  })

  fastify.get<{ Params: { projectId: string; instanceId: string } }>(
    '/api/projects/:projectId/instances/:instanceId/logs',
    (request, reply) => {
      const { instanceId } = readBody(Instance, request.params)
      return answer(request, reply, (scope) => deployments.logSource(scope, instanceId))
    },
  )
}

/** The lines of several instances on one stream. */
class Telling {
  readonly #logs: LogStreams
  readonly #stream: EventStream
  readonly #position: Map<string, number>
  readonly #isFollowing: boolean
  readonly #abort = new AbortController()
  readonly #known = new Map<string, LogSource>()
  readonly #running = new Set<Promise<void>>()

  constructor(parts: { logs: LogStreams; stream: EventStream; position: Map<string, number>; isFollowing: boolean }) {
    this.#logs = parts.logs
    this.#stream = parts.stream
    this.#position = parts.position
    this.#isFollowing = parts.isFollowing
    parts.stream.onClose(() => this.#abort.abort())
  }

  async run(first: LogSource[], again: () => Promise<LogSource[]>): Promise<void> {
    for (let sources = first; !this.#abort.signal.aborted; sources = await again()) {
      for (const source of sources) this.#take(source)
      if (!this.#isFollowing) break
      await this.#pause()
    }
    await Promise.all(this.#running)
    this.#stream.end('event: end\ndata: {}\n\n')
  }

  #take(source: LogSource): void {
    const isNew = !this.#known.has(source.instanceId)
    this.#known.set(source.instanceId, source)
    if (!isNew) return
    const telling = this.#tell(source.instanceId)
    this.#running.add(telling)
    telling.finally(() => this.#running.delete(telling)).catch(() => this.#stream.end())
  }

  async #tell(instanceId: string): Promise<void> {
    const chunks = this.#logs.follow(instanceId, {
      after: this.#position.get(instanceId) ?? 0,
      signal: this.#abort.signal,
      end: async () => {
        const { lines, isOver } = this.#known.get(instanceId)!
        return isOver || !this.#isFollowing ? { lines } : null
      },
    })
    for await (const chunk of chunks) {
      const { service, index, deployment } = this.#known.get(instanceId)!
      this.#position.set(instanceId, chunk.lastSeq)
      const lines = chunk.lines.replaceAll('\n', ',')
      const head = JSON.stringify({ instanceId, service, index, deployment, firstSeq: chunk.firstSeq }).slice(0, -1)
      this.#stream.write(`id: ${writePosition(this.#position)}\ndata: ${head},"lines":[${lines}]}\n\n`)
      await this.#stream.drained()
    }
  }

  async #pause(): Promise<void> {
    await setTimeout(lookMs, undefined, { signal: this.#abort.signal }).catch(() => {})
  }
}

const endOf = (sources: LogSource[]): Position => new Map(sources.map(({ instanceId, lines }) => [instanceId, lines]))

/** Each line after its time and who said it. */
async function* plainText(merged: MergedLogs, sources: LogSource[]): AsyncGenerator<string> {
  const streams = sources.map(({ instanceId, lines }) => ({ id: instanceId, lines }))
  for (let after: Position = new Map(), isEnd = false; !isEnd; ) {
    const page = await merged.page(streams, { after, limit: downloadPage })
    yield page.lines
      .map(([stream, , at, text]) => {
        const { service, index } = sources[stream]!
        return `${new Date(at).toISOString()} ${service}.${index} ${text}\n`
      })
      .join('')
    after = page.position
    isEnd = page.isEnd || page.lines.length === 0
  }
}

const writePosition = (position: Position): string =>
  [...position].map(([instanceId, seq]) => `${instanceId}:${seq}`).join(',')

function readPosition(text: string): Map<string, number> {
  const position = new Map<string, number>()
  for (const part of text.split(',').filter(Boolean)) {
    const found = /^([0-9a-f-]{36}):(\d{1,9})$/.exec(part)
    if (!found) {
      throw new AppError('invalid', 'input.invalid', { message: 'Last-Event-ID: give back an id that was received.' })
    }
    position.set(found[1]!, Number(found[2]))
  }
  return position
}

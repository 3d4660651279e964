import { setTimeout } from 'node:timers/promises'
import { AppError } from '@juanie/core/errors'
import type { ProjectScope, Session } from '@juanie/core/scope'
import { Credentials } from '@juanie/services/auth'
import { Deployments, type LogSource } from '@juanie/services/deployments'
import { LogStreams } from '@juanie/services/runs'
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

/** A deployment that begins while somebody follows brings new instances. */
const lookMs = 1_000

/**
 * Lines of instances as server-sent events, live:
 * `GET /api/projects/<id>/environments/<name>/logs` and `GET /api/projects/<id>/instances/<id>/logs`.
 * Each frame is `{ instanceId, service, index, deployment, firstSeq, lines: [[milliseconds, text], …] }`; its id says
 * how far each instance was told, and as `Last-Event-ID` goes on there without a gap or a repeat. `event: end` is last.
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

const writePosition = (position: Map<string, number>): string =>
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

import { AppError } from '@juanie/core/errors'
import { EventFeed, type FeedFilter } from '@juanie/core/event-feed'
import type { Session } from '@juanie/core/scope'
import { Credentials } from '@juanie/services/auth'
import { type RunNews, RunProgress } from '@juanie/services/runs'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { HttpDeps } from './deps.ts'
import type { EventStream } from './streams.ts'

const Query = z.object({
  organizationId: z.uuid().optional(),
  projectId: z.uuid().optional(),
  /** For clients that cannot set headers. */
  lastEventId: z.string().optional(),
  /** `1`: tells between the events of runs whose steps have begun or ended. */
  progress: z.enum(['0', '1']).optional(),
})

/**
 * `GET /api/events?organizationId=…` or `?projectId=…`: what happens there, live; resumes after `Last-Event-ID`. With
 * `progress=1` frames of the event `progress` come between: hints that are not kept and have no id. They share this
 * stream because a browser opens only six connections to a server over HTTP/1.1, for all of its tabs together.
 */
export function registerEvents(fastify: FastifyInstance, deps: HttpDeps): void {
  const { kernel, sessionOf, door, streams, get } = deps
  const feed = new EventFeed({
    db: kernel.db,
    listener: kernel.listener,
    failed: (error) => kernel.log.warn({ err: error }, 'events could not be read; trying again'),
  })

  const progress = get(RunProgress)

  fastify.get('/api/events', async (request, reply) => {
    const { filter, after, isProgressWanted } = read(request)
    const session = await sessionOf(request)
    const allow = (who: Session | null) =>
      'projectId' in filter
        ? door.project(who, filter.projectId, 'project.view')
        : door.organization(who, filter.organizationId, 'organization.view')
    await allow(session)
    const stream = streams.open(reply, {
      key: JSON.stringify([session!.credential, filter]),
      check: async () => allow((await get(Credentials).isAlive(session!)) ? session : null),
    })
    try {
      const leave = await feed.watch(
        { filter, after, began: (position) => stream.write(`id: ${position}\n\n`) },
        (frame) => stream.write(frame),
      )
      stream.onClose(leave)
      if (isProgressWanted) stream.onClose(progress.on((news) => tellProgress(stream, filter, news)))
    } catch (error) {
      kernel.log.warn({ err: error }, 'a stream of events could not begin')
      stream.end()
    }
  })
}

/** `null` says that hints may have been missed. */
function tellProgress(stream: EventStream, filter: FeedFilter, news: RunNews | null): void {
  const isTheirs =
    news === null ||
    ('projectId' in filter ? news.projectId === filter.projectId : news.organizationId === filter.organizationId)
  if (isTheirs) stream.write(`event: progress\ndata: ${JSON.stringify(news)}\n\n`)
}

function read(request: FastifyRequest): { filter: FeedFilter; after: number | null; isProgressWanted: boolean } {
  const query = Query.safeParse(request.query)
  if (!query.success) {
    const [issue] = query.error.issues
    throw new AppError('invalid', 'input.invalid', { message: `${issue!.path.join('.')}: ${issue!.message}` })
  }
  const { organizationId, projectId, lastEventId, progress } = query.data
  if ((organizationId === undefined) === (projectId === undefined)) {
    throw new AppError('invalid', 'input.invalid', {
      message: 'organizationId or projectId: give one of them, to say what to watch.',
    })
  }
  const last = request.headers['last-event-id'] ?? lastEventId ?? null
  if (last !== null && !/^\d{1,15}$/.test(String(last))) {
    throw new AppError('invalid', 'input.invalid', {
      message: 'Last-Event-ID: must be the id of an event of this stream.',
    })
  }
  return {
    filter: projectId === undefined ? { organizationId: organizationId! } : { projectId },
    after: last === null ? null : Number(last),
    isProgressWanted: progress === '1',
  }
}

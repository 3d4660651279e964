import { AppError } from '@juanie/core/errors'
import { EventFeed, type FeedFilter } from '@juanie/core/event-feed'
import type { Session } from '@juanie/core/scope'
import { Credentials } from '@juanie/services/auth'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { HttpDeps } from './deps.ts'

const Query = z.object({
  organizationId: z.uuid().optional(),
  projectId: z.uuid().optional(),
  /** For clients that cannot set headers. */
  lastEventId: z.string().optional(),
})

/** `GET /api/events?organizationId=…` or `?projectId=…`: what happens there, live; resumes after `Last-Event-ID`. */
export function registerEvents(fastify: FastifyInstance, deps: HttpDeps): void {
  const { kernel, sessionOf, door, streams, get } = deps
  const feed = new EventFeed({
    db: kernel.db,
    listener: kernel.listener,
    failed: (error) => kernel.log.warn({ err: error }, 'events could not be read; trying again'),
  })

  fastify.get('/api/events', async (request, reply) => {
    const { filter, after } = read(request)
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
    } catch (error) {
      kernel.log.warn({ err: error }, 'a stream of events could not begin')
      stream.end()
    }
  })
}

function read(request: FastifyRequest): { filter: FeedFilter; after: number | null } {
  const query = Query.safeParse(request.query)
  if (!query.success) {
    const [issue] = query.error.issues
    throw new AppError('invalid', 'input.invalid', { message: `${issue!.path.join('.')}: ${issue!.message}` })
  }
  const { organizationId, projectId, lastEventId } = query.data
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
  }
}

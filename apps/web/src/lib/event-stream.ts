import type { FeedEvent } from '@juanie/core/event-feed'
import type { RunNews } from '@juanie/services/runs/contract'
import { leaveToSignIn, refreshSession } from './api.ts'

/** What a stream of events tells. `begun`: it is live, and what was read before may miss something that happened since. */
export type News =
  | { kind: 'live' }
  | { kind: 'begun' }
  | { kind: 'lost' }
  | { kind: 'event'; event: FeedEvent; position: string }
  /** Null says that any run may have gone on. */
  | { kind: 'progress'; news: RunNews | null }

const retryMs = [500, 1_000, 2_000, 5_000, 10_000]
/** The server sends a comment every 15 s; a sleeping computer notices here that its connection is no more. */
const sleptMs = 45_000

/**
 * Follows the events of an organization, after a position where one is known, until the returned function is called.
 * A lost connection is opened again where it ended.
 */
export function openEvents(organization: string, after: string | null, tell: (news: News) => void): () => void {
  let position = after
  let source: EventSource | null = null
  let failures = 0
  let isClosed = false
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let lastTick = Date.now()

  const drop = () => {
    clearTimeout(retryTimer)
    source?.close()
    source = null
  }
  const open = () => {
    drop()
    const query = new URLSearchParams({ organizationId: organization, progress: '1' })
    if (position) query.set('lastEventId', position)
    source = new EventSource(`/api/events?${query}`)
    source.onopen = () => {
      failures = 0
      tell({ kind: position === null ? 'begun' : 'live' })
    }
    source.onmessage = ({ data, lastEventId }) => {
      position = lastEventId
      tell({ kind: 'event', event: JSON.parse(data), position })
    }
    source.addEventListener('progress', ({ data }) => tell({ kind: 'progress', news: JSON.parse(data) }))
    source.onerror = () => {
      // What the browser does by itself would not renew the sign-in, so every end is an end.
      drop()
      tell({ kind: 'lost' })
      const wait = retryMs[Math.min(failures++, retryMs.length - 1)]!
      retryTimer = setTimeout(async () => {
        const isSignedIn = await refreshSession().catch(() => null)
        if (isSignedIn === false && navigator.onLine && failures > 1 && leaveToSignIn()) return
        if (!isClosed) open()
      }, wait)
    }
  }
  const tick = setInterval(() => {
    const now = Date.now()
    if (now - lastTick > sleptMs) open()
    lastTick = now
  }, 5_000)
  addEventListener('online', open)
  open()
  return () => {
    isClosed = true
    drop()
    clearInterval(tick)
    removeEventListener('online', open)
  }
}

import { type News, openEvents } from './event-stream.ts'

/** `state?` asks whoever keeps the stream how it stands. */
type Said = News | { kind: 'state?' }

/**
 * As `openEvents`, with one connection for all tabs of the browser: over HTTP/1.1 a browser opens only six to a server,
 * for all of its tabs together. The tab that holds the lock keeps the stream and tells the others; when it is closed,
 * the next goes on where it heard last. Where a browser has no locks (they need HTTPS or localhost), each tab has its own.
 */
export function shareEvents(organization: string, tell: (news: News) => void): () => void {
  if (!('locks' in navigator)) return openEvents(organization, null, tell)
  const name = `juanie.events.${organization}`
  const channel = new BroadcastChannel(name)
  const closed = new AbortController()
  let position: string | null = null
  /** Of the stream that this tab keeps; null where another does. */
  let kept: { isLive: boolean } | null = null

  const hear = (news: News) => {
    if (news.kind === 'event') position = news.position
    tell(news)
  }
  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.kind !== 'state?') hear(data)
    else if (kept) channel.postMessage({ kind: kept.isLive ? 'live' : 'lost' })
  }
  const keep = () =>
    new Promise<void>((release) => {
      if (closed.signal.aborted) return release()
      const own = { isLive: false }
      kept = own
      const close = openEvents(organization, position, (news) => {
        own.isLive = news.kind !== 'lost'
        hear(news)
        channel.postMessage(news)
      })
      closed.signal.addEventListener('abort', () => {
        close()
        release()
      })
    })
  // Refused only once it is closed.
  navigator.locks.request(name, { signal: closed.signal }, keep).catch(() => {})
  channel.postMessage({ kind: 'state?' })
  return () => {
    closed.abort()
    channel.close()
  }
}

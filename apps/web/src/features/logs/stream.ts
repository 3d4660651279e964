import { type Ref, ref } from 'vue'
import { leaveToSignIn, refreshSession } from '@/lib/api.ts'
import { frameReader } from './frames.ts'
import type { StreamState } from './source.ts'

const retryMs = [500, 1_000, 2_000, 5_000, 10_000]
/** The server says something every 15 s, if only that it is there. Who hears nothing for longer is not connected any more. */
const silentMs = 40_000
const lookMs = 5_000

interface Wish {
  /** Where to go on: asked anew for every connection. */
  url: () => string
  /** Frames of lines, each heard once and in order. */
  hear: (data: string, id: string) => void
  /** The name of the event that lines come as. */
  event: 'lines' | 'message'
  state: Ref<StreamState>
}

type Ending = 'over' | 'refused' | 'signed out' | 'lost'

/** Follows lines until the returned function is called; goes on where it was when the connection was lost. */
export function openStream(wish: Wish): () => void {
  const { state } = wish
  const stopped = new AbortController()
  const again = () => current?.abort()
  let current: AbortController | null = null

  const run = async () => {
    for (let failures = 0; !stopped.signal.aborted; ) {
      await untilSeen(stopped.signal)
      current = new AbortController()
      const ending = await listen(wish, AbortSignal.any([current.signal, stopped.signal]), current, () => {
        failures = 0
      })
      if (stopped.signal.aborted) return
      if (document.hidden) continue
      if (ending === 'over' || ending === 'refused') {
        state.value = ending
        return
      }
      state.value = 'lost'
      if (ending === 'signed out' && failures > 0 && (await refreshSession().catch(() => null)) === false) {
        if (leaveToSignIn()) return
      }
      const wait = retryMs[Math.min(failures++, retryMs.length - 1)]!
      await pause(wait, stopped.signal)
    }
  }
  const hidden = () => document.hidden && again()
  addEventListener('online', again, { signal: stopped.signal })
  document.addEventListener('visibilitychange', hidden, { signal: stopped.signal })
  state.value = 'connecting'
  void run().finally(() => stopped.abort())
  return () => stopped.abort()
}

/** One connection, until it ends. */
async function listen(
  { url, hear, event, state }: Wish,
  signal: AbortSignal,
  own: AbortController,
  connected: () => void,
): Promise<Ending> {
  let heardAt = Date.now()
  // Also what a computer that slept finds out first.
  const look = setInterval(() => Date.now() - heardAt > silentMs && own.abort(), lookMs)
  let ending: Ending = 'lost'
  try {
    const answer = await fetch(url(), { headers: { accept: 'text/event-stream' }, signal })
    if (answer.status === 401) return (await refreshSession()) ? 'lost' : 'signed out'
    if (answer.status === 403 || answer.status === 404) return 'refused'
    if (!answer.ok || !answer.body) return 'lost'
    connected()
    state.value = 'live'
    const read = frameReader((frame) => {
      if (frame.event === event) hear(frame.data, frame.id)
      else if (frame.event === 'end') ending = 'over'
      else if (frame.event === 'refused') ending = 'refused'
    })
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      heardAt = Date.now()
      read(part.value)
      if (ending !== 'lost') own.abort()
    }
    return ending
  } catch {
    // However it ended: what was not heard is asked for again.
    return ending
  } finally {
    clearInterval(look)
  }
}

/** A browser opens only six connections to a server over HTTP/1.1: tabs that nobody sees keep none for a log. */
function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise((resolve) => {
    const seen = () => document.hidden || resolve()
    document.addEventListener('visibilitychange', seen, { signal })
    signal.addEventListener('abort', () => resolve())
  })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

export const idle = (): Ref<StreamState> => ref('idle')

import { type Ref, ref } from 'vue'
import { leaveToSignIn, refreshSession } from '@/lib/api.ts'
import type { StreamState } from './source.ts'

const retryMs = [500, 1_000, 2_000, 5_000, 10_000]
/** A computer that slept longer than this has lost its connections, though the browser may not know. */
const sleptMs = 45_000

interface Wish {
  /** Where to go on: asked anew for every connection. */
  url: () => string
  /** Frames of lines, each heard once and in order. */
  hear: (data: string, id: string) => void
  /** The name of the event that lines come as. */
  event: 'lines' | 'message'
  /** No more lines will come. */
  end: () => void
  state: Ref<StreamState>
}

/** Follows lines until the returned function is called; goes on where it was when the connection was lost. */
export function openStream({ url, hear, event, end, state }: Wish): () => void {
  let source: EventSource | null = null
  let failures = 0
  let retry: ReturnType<typeof setTimeout> | undefined
  let lastTick = Date.now()
  let isStopped = false

  const close = () => {
    clearTimeout(retry)
    source?.close()
    source = null
  }
  const stop = () => {
    isStopped = true
    close()
    clearInterval(tick)
    removeEventListener('online', open)
  }
  const finish = (as: StreamState) => {
    stop()
    state.value = as
  }
  const fail = () => {
    // What the browser does by itself would neither renew the sign-in nor say where to go on.
    close()
    state.value = 'lost'
    const wait = retryMs[Math.min(failures++, retryMs.length - 1)]!
    retry = setTimeout(async () => {
      const isSignedIn = await refreshSession().catch(() => null)
      if (isStopped) return
      if (isSignedIn === false && navigator.onLine && failures > 1) return leaveToSignIn()
      open()
    }, wait)
  }
  function open() {
    close()
    if (state.value !== 'lost') state.value = 'connecting'
    const opened = new EventSource(url())
    source = opened
    opened.onopen = () => {
      failures = 0
      state.value = 'live'
    }
    opened.addEventListener(event, ({ data, lastEventId }) => hear(data, lastEventId))
    opened.addEventListener('end', () => {
      finish('over')
      end()
    })
    opened.addEventListener('refused', () => finish('refused'))
    opened.onerror = fail
  }

  const tick = setInterval(() => {
    const now = Date.now()
    if (now - lastTick > sleptMs) open()
    lastTick = now
  }, 5_000)
  addEventListener('online', open)
  open()
  return stop
}

export const idle = (): Ref<StreamState> => ref('idle')

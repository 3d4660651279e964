import { refusalOf } from './client.ts'
import { CommandError, exitCodes } from './exit.ts'

export interface StreamEvent {
  id: string | null
  event: string
  /** Lines of `data:`. */
  data: string[]
}

/** Without a byte for this long, a stream is dead: the server sends a sign of life each 15 s. */
const silenceMs = 45_000
const mostRetries = 1000

/**
 * Reads a stream of server-sent events to its end, resuming behind the last one after a lost connection. Ends when
 * `take` says false or the signal is aborted.
 */
export async function readStream(
  server: { url: string; token: string },
  path: string,
  take: (event: StreamEvent) => boolean | Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  let lastId: string | null = null
  for (let attempt = 0; attempt < mostRetries && !signal?.aborted; attempt++) {
    try {
      for await (const event of events(server, path, lastId, signal)) {
        if (event.id !== null) lastId = event.id
        attempt = 0
        if (!(await take(event))) return
      }
    } catch (error) {
      if (signal?.aborted) return
      if (error instanceof CommandError && error.exitCode !== exitCodes.failed) throw error
      if (error instanceof Refused) throw new CommandError(error.message)
      if (attempt > 20) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(2_000, 100 * (attempt + 1))))
  }
}

class Refused extends Error {}

async function* events(
  server: { url: string; token: string },
  path: string,
  lastId: string | null,
  signal?: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), silenceMs)
  const headers: Record<string, string> = { authorization: `Bearer ${server.token}`, accept: 'text/event-stream' }
  if (lastId !== null) headers['last-event-id'] = lastId
  try {
    const response = await fetch(`${server.url}${path}`, {
      headers,
      signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
    })
    if (response.status === 401)
      throw new CommandError('You are not signed in any more. Run: juanie login', exitCodes.notSignedIn)
    if (response.status >= 400 && response.status < 500) throw new Refused(await refusalOf(response))
    if (!response.ok || !response.body) throw new Error(`the stream answered ${response.status}`)
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), silenceMs)
      rest += decoder.decode(chunk, { stream: true })
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = parse(block)
        if (event) yield event
      }
    }
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

function parse(block: string): StreamEvent | null {
  const event: StreamEvent = { id: null, event: 'message', data: [] }
  for (const line of block.split('\n')) {
    if (line.startsWith('data:')) event.data.push(line.slice(line[5] === ' ' ? 6 : 5))
    else if (line.startsWith('id:')) event.id = line.slice(3).trim()
    else if (line.startsWith('event:')) event.event = line.slice(6).trim()
  }
  return event.data.length > 0 || event.id !== null ? event : null
}

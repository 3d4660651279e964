import http from 'node:http'
import { performance } from 'node:perf_hooks'

export interface ProbeResult {
  good: boolean
  status: number | null
  latencyMs: number
  /** First bytes of the answer, or what went wrong. */
  body: string
  /** Nobody listens on the port. */
  isRefused: boolean
  /** Why it is bad, in one sentence for people. */
  reason: string | null
}

export interface HttpProbe {
  port: number
  path: string
  hostname: string
  /** Inclusive ranges of good statuses. */
  status: readonly [number, number][]
  timeoutMs: number
}

const bodyBytes = 512

/** One GET, as a visitor of the environment would make it. Redirects are not followed. */
export function probeHttp(probe: HttpProbe): Promise<ProbeResult> {
  const began = performance.now()
  return new Promise((resolve) => {
    const done = (result: Omit<ProbeResult, 'latencyMs'>) => {
      clearTimeout(limit)
      request.destroy()
      resolve({ ...result, latencyMs: Math.round((performance.now() - began) * 100) / 100 })
    }
    const request = http.request({
      host: '127.0.0.1',
      port: probe.port,
      path: probe.path,
      agent: false,
      headers: {
        host: probe.hostname,
        'user-agent': 'juanie-probe',
        accept: '*/*',
        connection: 'close',
        'x-forwarded-host': probe.hostname,
        'x-forwarded-proto': 'http',
        'x-forwarded-for': '127.0.0.1',
      },
    })
    const limit = setTimeout(() => {
      const reason = `GET ${probe.path} got no answer within ${probe.timeoutMs} ms.`
      done({ good: false, status: null, body: reason, isRefused: false, reason })
    }, probe.timeoutMs)
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isRefused = error.code === 'ECONNREFUSED'
      const reason = isRefused
        ? `Nothing listens on port ${probe.port}.`
        : `GET ${probe.path} failed: ${error.message}.`
      done({ good: false, status: null, body: error.message.slice(0, bodyBytes), isRefused, reason })
    })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      const status = response.statusCode ?? 0
      const finish = () => {
        const body = Buffer.concat(chunks).subarray(0, bodyBytes).toString('utf8').replaceAll('\0', '\ufffd')
        const good = probe.status.some(([from, to]) => status >= from && status <= to)
        const reason = good ? null : refusal(probe, status, response.headers.location)
        done({ good, status, body: body.slice(0, bodyBytes), isRefused: false, reason })
      }
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        // An endless stream is an answer too.
        if (size >= bodyBytes) finish()
      })
      response.on('end', finish)
      response.on('error', finish)
    })
    request.end()
  })
}

function refusal(probe: HttpProbe, status: number, location: string | undefined): string {
  if (status >= 300 && status < 400 && location?.startsWith('https:')) {
    return `GET ${probe.path} is redirected to ${location.slice(0, 200)}: the application wants https, and this environment is served over http.`
  }
  const wanted = probe.status.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(' or ')
  return `GET ${probe.path} answered ${status}, not ${wanted}.`
}

/**
 * The pause before the next probe of an instance that is not healthy yet: 10 ms at first, slowing to 1 s, a tenth of
 * what it has taken so far, so that a fast application is found fast and a slow one is not disturbed.
 */
export const startPauseMs = (elapsedMs: number): number => Math.min(1_000, Math.max(10, elapsedMs / 10))

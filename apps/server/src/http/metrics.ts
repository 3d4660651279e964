import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Kernel } from '../kernel.ts'
import type { HttpDeps } from './deps.ts'

export function registerMetrics(fastify: FastifyInstance, { kernel }: HttpDeps): void {
  measure(kernel)
  fastify.get('/metrics', async (request, reply) => {
    if (!isFromThisMachine(request, kernel.config.url) && !carries(request, kernel.config.metricsToken)) {
      return reply
        .code(403)
        .type('text/plain')
        .send('Metrics answer this machine, or whoever carries JUANIE_METRICS_TOKEN as a bearer token.\n')
    }
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await kernel.metrics.text())
  })
}

/**
 * What a proxy on this machine passes on comes from elsewhere. So does a page whose own name was made to lead here: its
 * requests carry that name.
 */
function isFromThisMachine(request: FastifyRequest, url: string): boolean {
  const address = request.socket.remoteAddress ?? ''
  const isLoopback = address === '::1' || address.replace(/^::ffff:/, '').startsWith('127.')
  if (!isLoopback || request.headers['x-forwarded-for'] || request.headers.forwarded) return false
  const host = `http://${request.headers.host}`
  if (!URL.canParse(host)) return false
  const { hostname } = new URL(host)
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) > 0 || hostname === new URL(url).hostname
}

function carries(request: FastifyRequest, token: string | null): boolean {
  if (!token) return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`))
}

function measure({ metrics, pool, listener, lifecycle }: Kernel): void {
  const loop = monitorEventLoopDelay({ resolution: 20 })
  lifecycle.add({ name: 'event loop delay', start: () => void loop.enable(), stop: () => void loop.disable() })
  const startedAt = Date.now() / 1000 - process.uptime()
  metrics.gauge('process_start_time_seconds', 'When the server started, in seconds since the epoch.', () => startedAt)
  metrics.gauge('process_resident_memory_bytes', 'Memory of the server.', () => process.memoryUsage.rss())
  metrics.gauge('process_cpu_seconds', 'Processor time that the server has used.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  metrics.gauge(
    'juanie_event_loop_delay_seconds',
    'Delay of the event loop since the last look, 99th percentile.',
    () => {
      const value = loop.percentile(99) / 1e9
      loop.reset()
      return value
    },
  )
  metrics.gauge('juanie_database_connections', 'Connections of the pool by state.', () => [
    [{ state: 'idle' }, pool.idleCount],
    [{ state: 'used' }, pool.totalCount - pool.idleCount],
    [{ state: 'waited_for' }, pool.waitingCount],
  ])
  metrics.gauge(
    'juanie_notifications_connected',
    'Whether changes are told by the database (1) or polled for (0).',
    () => (listener.isConnected ? 1 : 0),
  )
  metrics.gauge('juanie_events_unplaced', 'Recorded events that readers do not see yet.', async () => {
    const { rows } = await pool.query('select count(*)::int as n from project_events where position is null')
    return rows[0].n as number
  })
}

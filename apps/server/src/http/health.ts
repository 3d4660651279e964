import type { FastifyInstance } from 'fastify'
import type { HttpDeps } from './deps.ts'

const databaseLimitMs = 2_000

export function registerHealth(fastify: FastifyInstance, { kernel }: HttpDeps): void {
  /** Alive: the process answers. Whoever restarts on this does not restart because the database is away. */
  fastify.get('/healthz', async () => ({ status: 'ok' }))

  /** Ready: requests can be served. Says what is degraded. */
  fastify.get('/readyz', async (_request, reply) => {
    const database = await answers(kernel)
    const checks = {
      database: database ?? 'ok',
      notifications: kernel.listener.isConnected ? 'ok' : 'degraded: not connected, polling instead',
    }
    const status = database ? 'unavailable' : checks.notifications === 'ok' ? 'ok' : 'degraded'
    return reply.code(database ? 503 : 200).send({ status, checks })
  })
}

async function answers({ pool }: HttpDeps['kernel']): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`does not answer within ${databaseLimitMs} ms`), databaseLimitMs)
  })
  try {
    return await Promise.race([
      pool.query('select 1').then(
        () => null,
        () => 'cannot be reached',
      ),
      late,
    ])
  } finally {
    clearTimeout(timer)
  }
}

import 'reflect-metadata'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import type { Config } from '@juanie/core/config'
import type { Home } from '@juanie/core/home'
import { Credentials } from '@juanie/services/auth'
import { Hosts } from '@juanie/services/hosts'
import { Setup } from '@juanie/services/organizations'
import { TenantDoor } from '@juanie/services/projects'
import type { DynamicModule } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { type FastifyInstance, LogController } from 'fastify'
import type pg from 'pg'
import { giveLocalAgentToken } from './agent-token.ts'
import type { HttpDeps } from './http/deps.ts'
import { httpParts } from './http/index.ts'
import { readableUrl } from './http/missing.ts'
import { answerError, refuseUnstorable } from './http/refusals.ts'
import { sessionReader } from './http/session.ts'
import { Streams } from './http/streams.ts'
import { registerJobs } from './jobs.ts'
import { Kernel } from './kernel.ts'
import { nestLogger, openLog } from './log.ts'
import { modules } from './modules/index.ts'

export interface App {
  kernel: Kernel
  fastify: FastifyInstance
  get: HttpDeps['get']
  /** What the person who started it does next; a link is new at each call and ends the one before. */
  firstSteps(): Promise<{ kind: 'setup'; url: string } | { kind: 'ready'; email: string | null }>
  /** Begins to answer and to work. `url` is where it listens. */
  listen(): Promise<{ url: string; port: number }>
  /** Ends within 10 s: no new work, requests under way are answered, streams are cut. The pool stays the caller's. */
  close(): Promise<void>
}

const bodyLimit = 1024 * 1024
const answerLimitMs = 3_000

/** The server, built but not yet listening. The database is migrated and the home is open. */
export async function createApp(parts: { config: Config; home: Home; pool: pg.Pool }): Promise<App> {
  const log = openLog(parts.config.logLevel)
  const kernel = new Kernel({ ...parts, log })
  const { config } = parts
  const adapter = new FastifyAdapter({
    loggerInstance: log as never,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    bodyLimit,
    trustProxy: trusted(config.trustProxy),
    // A batch of tRPC calls has all their names in one path segment.
    routerOptions: { maxParamLength: 5000 },
    keepAliveTimeout: 72_000,
    rewriteUrl: ({ url = '/' }) => readableUrl(url),
  })
  const nest = await NestFactory.create<NestFastifyApplication>(rootModule(kernel), adapter, {
    logger: nestLogger(log),
    bodyParser: false,
    abortOnError: false,
  })
  const fastify = adapter.getInstance() as unknown as FastifyInstance
  const get: HttpDeps['get'] = (service) => nest.get(service as never)
  const deps: HttpDeps = {
    kernel,
    get,
    sessionOf: sessionReader(get(Credentials), () => config.url),
    door: get(TenantDoor),
    streams: new Streams(kernel),
  }

  const flight = watchRequests(fastify, kernel)
  await fastify.register(async (own) => {
    own.setErrorHandler(answerError)
    own.addHook('preValidation', refuseUnstorable)
    await own.register(cookie)
    await own.register(helmet, helmetOptions(config.url))
    for (const part of httpParts) await own.register(async (context) => part(context, deps))
  })
  registerJobs({ kernel, get })
  await nest.init()
  if (config.adminEmail && config.adminPassword) {
    await get(Setup).ensureAdministrator({ email: config.adminEmail, password: config.adminPassword })
  }
  await fastify.ready()

  let closing: Promise<void> | null = null
  return {
    kernel,
    fastify,
    get,
    async firstSteps() {
      const setup = get(Setup)
      const url = await setup.link()
      return url ? { kind: 'setup', url } : { kind: 'ready', ...(await setup.configured(config.adminEmail)) }
    },
    async listen() {
      await giveLocalAgentToken(kernel, get(Hosts))
      await kernel.lifecycle.start()
      await fastify.listen({ host: config.host, port: config.port })
      const { port } = fastify.server.address() as { port: number }
      return { port, url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}` }
    },
    close() {
      closing ??= (async () => {
        flight.isClosing = true
        await kernel.lifecycle.stop()
        for (const end = Date.now() + answerLimitMs; flight.count > 0 && Date.now() < end; ) {
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        await nest.close()
      })()
      return closing
    },
  }
}

/** A number says how many proxies stand before this server; Fastify itself would trust none of them. */
const trusted = (setting: Config['trustProxy']) =>
  typeof setting === 'number' ? (_address: string, hop: number) => hop < setting : setting

function rootModule(kernel: Kernel): DynamicModule {
  const kernelModule: DynamicModule = {
    module: class KernelModule {},
    global: true,
    providers: [{ provide: Kernel, useValue: kernel }],
    exports: [Kernel],
  }
  return { module: class RootModule {}, imports: [kernelModule, ...modules] }
}

const helmetOptions = (url: string) => ({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // One-time links lie in paths, so no address leaves for elsewhere. With `no-referrer` a browser would also send
  // `Origin: null` with our own forms.
  referrerPolicy: { policy: 'same-origin' as const },
  // Over plain HTTP these would only break things.
  strictTransportSecurity: url.startsWith('https:') && { maxAge: 31_536_000, includeSubDomains: false },
  crossOriginOpenerPolicy: url.startsWith('https:') && { policy: 'same-origin' as const },
  originAgentCluster: false,
})

/** Counts requests under way, and logs each by its route: an address may hold a one-time link. */
function watchRequests(fastify: FastifyInstance, { log, metrics }: Kernel): { count: number; isClosing: boolean } {
  const flight = { count: 0, isClosing: false }
  const counted = metrics.counter('juanie_http_requests_total', 'Answered requests by route and status.')
  metrics.gauge('juanie_http_requests_in_flight', 'Requests under way, streams included.', () => flight.count)
  fastify.addHook('onRequest', async (_request, reply) => {
    flight.count++
    let isCounted = true
    reply.raw.once('close', () => {
      if (isCounted) flight.count--
      isCounted = false
    })
    if (flight.isClosing) void reply.header('connection', 'close')
  })
  fastify.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    counted({ method: request.method, route, status: String(reply.statusCode) })
    const level = reply.statusCode >= 500 ? 'warn' : route.startsWith('/api/agent') ? 'trace' : 'debug'
    log[level](
      { id: request.id, method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'request',
    )
  })
  return flight
}

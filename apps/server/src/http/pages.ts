import { AppError, httpStatus, messageOf } from '@juanie/core/errors'
import type { Session } from '@juanie/core/scope'
import { storable } from '@juanie/core/text'
import { Sessions } from '@juanie/services/auth'
import { Invitations, Setup } from '@juanie/services/organizations'
import { FirstAccount, NewAccount } from '@juanie/services/organizations/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Assets, entranceAssets } from '../pages/assets.ts'
import { isLanguage, type Language, preferred } from '../pages/texts.ts'
import {
  type Frame,
  invitePage,
  notSetUpPage,
  problemPage,
  setupPage,
  signInPage,
  type Trouble,
  textsOf,
} from '../pages/views.ts'
import { consolePages } from './console.ts'
import type { HttpDeps } from './deps.ts'
import { nothingAt, unreadablePath } from './missing.ts'
import { browserCookies, isForeign } from './session.ts'

const languageCookie = 'juanie_language'
const bodyLimit = 16 * 1024

type Token = { Params: { token: string } }

/** The pages that need no script: set up, sign in and out, accept an invitation. Whoever is signed in gets the console. */
export function registerPages(fastify: FastifyInstance, deps: HttpDeps): void {
  const { kernel, get, sessionOf } = deps
  const { config } = kernel
  const console = consolePages(config.root)
  const assets = entranceAssets(config.root)
  const frameOf = framesOf(assets)
  const [sessions, setup, invitations] = [get(Sessions), get(Setup), get(Invitations)]

  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit },
    (_request, body, done) => done(null, storable(Object.fromEntries(new URLSearchParams(body as string)))),
  )

  for (const { url, type, body } of Object.values(assets)) {
    fastify.get(url, (_request, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=31536000, immutable').send(body),
    )
  }

  fastify.addHook('preHandler', async (request, reply) => {
    if (!isForeign(request, config.url)) return
    const frame = frameOf(request, reply)
    const t = textsOf(frame)
    return send(reply.code(403), problemPage(frame, t.problem, t.foreign))
  })

  /** Of a page that is only shown: an access token that has run out is renewed on the way. */
  const visitor = async (request: FastifyRequest, reply: FastifyReply): Promise<Session | null> => {
    const session = await sessionOf(request)
    if (session) return session
    const cookies = browserCookies(request, reply, config.url)
    const refresh = cookies.refresh()
    if (!refresh) return null
    try {
      const tokens = await sessions.refresh(refresh)
      cookies.set(tokens)
      return await sessions.verify(tokens.access)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      cookies.clear()
      return null
    }
  }

  const enter = async (request: FastifyRequest, reply: FastifyReply, userId: string) => {
    const tokens = await sessions.begin(userId, request.ip, request.headers['user-agent'])
    browserCookies(request, reply, config.url).set(tokens)
    return reply.redirect(nextOf(request) ?? '/', 303)
  }

  /** Shows the form again with what is wrong, or the page that a refusal without a form leads to. */
  const refuse = (
    { request, reply }: { request: FastifyRequest; reply: FastifyReply },
    error: unknown,
    again: ((frame: Frame, trouble: Trouble) => string) | null,
  ) => {
    const frame = frameOf(request, reply)
    const t = textsOf(frame)
    if (!(error instanceof AppError)) {
      request.log.error({ err: error, route: request.routeOptions.url }, 'request failed')
      return send(reply.code(500), problemPage(frame, t.problem, t.reasons.unknown!))
    }
    const sentence = t.reasons[error.reason] ?? messageOf(error)
    reply.code(httpStatus[error.code])
    if (again === null || error.code === 'not_found') return send(reply, problemPage(frame, t.linkGone, sentence))
    return send(reply, again(frame, { alert: sentence, fields: {}, values: valuesOf(request) }))
  }

  const showConsole = (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, console(frameOf(request, reply).language))

  fastify.get('/', async (request, reply) => {
    if (await visitor(request, reply)) return showConsole(request, reply)
    const frame = frameOf(request, reply)
    return send(reply, (await setup.isNeeded()) ? notSetUpPage(frame) : signInPage(frame))
  })

  fastify.get(unreadablePath, async (request, reply) => {
    if (!request.headers.accept?.includes('text/html')) throw nothingAt(request)
    const frame = frameOf(request, reply)
    const t = textsOf(frame)
    return send(reply.code(404), problemPage(frame, t.linkGone, t.unreadable))
  })

  // Which of these there are, only the console knows; a program that asks for something else than a page gets its 404.
  for (const url of ['/:organization', '/:organization/*']) {
    fastify.get(url, async (request, reply) => {
      if (!request.headers.accept?.includes('text/html')) throw nothingAt(request)
      if (await visitor(request, reply)) return showConsole(request, reply)
      return reply.redirect(`/sign-in?next=${encodeURIComponent(request.url)}`, 303)
    })
  }

  fastify.get('/sign-in', async (request, reply) => {
    if (await visitor(request, reply)) return reply.redirect(nextOf(request) ?? '/', 303)
    return send(reply, signInPage(frameOf(request, reply)))
  })

  fastify.post('/sign-in', async (request, reply) => {
    const { email = '', password = '' } = request.body as Record<string, string>
    try {
      const user = await sessions.authenticate(
        { email: email.slice(0, 320), password: password.slice(0, 256) },
        request.ip,
      )
      return await enter(request, reply, user.id)
    } catch (error) {
      return refuse({ request, reply }, error, signInPage)
    }
  })

  fastify.post('/sign-out', async (request, reply) => {
    const cookies = browserCookies(request, reply, config.url)
    // Without the browser's word for where this comes from nobody is signed out.
    const session = await sessionOf(request)
    const refresh = request.headers.origin === undefined ? null : cookies.refresh()
    if (session?.credential.kind === 'session') await sessions.end(session.credential.id)
    if (refresh) await sessions.endByRefresh(refresh)
    if (session || refresh) cookies.clear()
    return reply.redirect('/', 303)
  })

  fastify.get<Token>('/setup/:token', async (request, reply) => {
    try {
      const open = await setup.open(request.params.token)
      return send(reply, setupPage(frameOf(request, reply), open))
    } catch (error) {
      return refuse({ request, reply }, error, null)
    }
  })

  fastify.post<Token>('/setup/:token', async (request, reply) => {
    const { token } = request.params
    try {
      const open = await setup.open(token)
      const account = parse(FirstAccount, request)
      if ('fields' in account) {
        return send(
          reply.code(400),
          setupPage(frameOf(request, reply), open, trouble(frameOf(request, reply), request, account.fields)),
        )
      }
      const user = await setup.complete(token, account.value)
      return await enter(request, reply, user.id)
    } catch (error) {
      return refuse({ request, reply }, error, (frame, wrong) =>
        setupPage(frame, { organization: config.organization }, wrong),
      )
    }
  })

  fastify.get<Token>('/invite/:token', async (request, reply) => {
    try {
      const open = await invitations.open(request.params.token)
      const signedIn = (await visitor(request, reply))?.email ?? null
      return send(reply, invitePage(frameOf(request, reply), { ...open, signedIn }))
    } catch (error) {
      return refuse({ request, reply }, error, null)
    }
  })

  fastify.post<Token>('/invite/:token', async (request, reply) => {
    const { token } = request.params
    const session = await sessionOf(request)
    let show: ((frame: Frame, wrong: Trouble) => string) | null = null
    try {
      const open = await invitations.open(token)
      const invitation = { ...open, signedIn: session?.email ?? null }
      show = (frame, wrong) => invitePage(frame, invitation, wrong)
      if (session) {
        await invitations.accept(token, { id: session.userId, email: session.email, name: session.name })
        return reply.redirect('/', 303)
      }
      if (open.hasAccount) {
        const { password = '' } = request.body as Record<string, string>
        const user = await sessions.authenticate({ email: open.email, password: password.slice(0, 256) }, request.ip)
        await invitations.accept(token, user)
        return await enter(request, reply, user.id)
      }
      const account = parse(NewAccount, request)
      if ('fields' in account) {
        return send(
          reply.code(400),
          show(frameOf(request, reply), trouble(frameOf(request, reply), request, account.fields)),
        )
      }
      const { user } = await invitations.acceptAsNew(token, account.value)
      return await enter(request, reply, user.id)
    } catch (error) {
      return refuse({ request, reply }, error, show)
    }
  })
}

function send(reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(page)
}

/** The language is that which was chosen here, else the one that was chosen before, else what the browser asks for. */
const framesOf =
  (assets: Assets) =>
  (request: FastifyRequest, reply: FastifyReply): Frame => {
    const around = { path: request.url.split('?', 1)[0]!, next: nextOf(request), assets }
    const { lang } = request.query as { lang?: unknown }
    if (isLanguage(lang)) {
      void reply.setCookie(languageCookie, lang, { path: '/', sameSite: 'lax', maxAge: 365 * 86_400 })
      return { language: lang, ...around }
    }
    const kept = request.cookies[languageCookie]
    const language: Language = isLanguage(kept) ? kept : preferred(request.headers['accept-language'])
    void reply.header('vary', 'accept-language, cookie')
    return { language, ...around }
  }

/** Where a person was going; a path of ours alone, so that no link to us leads elsewhere. */
function nextOf(request: FastifyRequest): string | null {
  const { next } = request.query as { next?: unknown }
  return typeof next === 'string' && /^\/(?!\/)[\w./?=&%~+,:;@!$'()*#-]{0,1000}$/.test(next) ? next : null
}

type Fields = ('email' | 'name' | 'password')[]

/** Either the account, or which fields are wrong: the page has its own sentence for each. */
function parse<S extends typeof FirstAccount | typeof NewAccount>(
  schema: S,
  request: FastifyRequest,
): { value: z.output<S> } | { fields: Fields } {
  const parsed = z.safeParse(schema, request.body)
  if (parsed.success) return { value: parsed.data as z.output<S> }
  return { fields: [...new Set(parsed.error.issues.map((issue) => issue.path[0]))] as Fields }
}

const valuesOf = (request: FastifyRequest): Trouble['values'] => {
  const { email, name } = (request.body ?? {}) as Record<string, string>
  return { email, name }
}

function trouble(frame: Frame, request: FastifyRequest, fields: Fields): Trouble {
  const t = textsOf(frame)
  return {
    alert: t.problem,
    fields: Object.fromEntries(fields.map((field) => [field, t.fields[field]])),
    values: valuesOf(request),
  }
}

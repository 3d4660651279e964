import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { AppError, httpStatus, messageOf, notFound } from '@juanie/core/errors'
import type { Session } from '@juanie/core/scope'
import { type HostedRepository, Repositories } from '@juanie/services/repositories'
import {
  granted,
  type JobCaller,
  JobPasses,
  JobTokens,
  jobTokenPrefix,
  workflowTokenPrefix,
} from '@juanie/services/runs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LocalGitStore } from '../git/git-store.ts'
import { flush, ProtocolError, pktLine } from '../git/pkt-line.ts'
import { type Pusher, PushReceiver } from '../git/receive.ts'
import { GitPrograms, type GitService, gitServices, type RunningGit } from '../git/service.ts'
import type { HttpDeps } from './deps.ts'
import { refusalOf } from './refusals.ts'

const advertiseLimitMs = 60_000
const uploadLimitMs = 30 * 60_000
const maxDroppedBytes = 16 * 1024 * 1024

/** Where people clone from; and where actions look, which take of the server's address only what stands before its path. */
const places = ['/git/:organization/:project', '/:organization/:project']

type Params = { organization: string; project: string }
/** Who speaks: a person, the agent that fetches for a job, or a job by its own token. */
type Reader =
  | { kind: 'person'; session: Session }
  | { kind: 'agent'; projectId: string }
  | { kind: 'job'; caller: JobCaller }

/** Git's smart HTTP protocol: https://git-scm.com/docs/http-protocol. The dumb one is not served. */
export function registerGit(fastify: FastifyInstance, deps: HttpDeps): void {
  const repositories = deps.get(Repositories)
  const store = deps.get(LocalGitStore)
  const programs = deps.get(GitPrograms)
  const receiver = deps.get(PushReceiver)
  const jobTokens = deps.get(JobTokens)
  const passes = deps.get(JobPasses)

  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  fastify.setErrorHandler((error, request, reply) => answer(error, request, reply))

  for (const place of places) {
    fastify.get<{ Params: Params; Querystring: { service?: string } }>(`${place}/info/refs`, advertise)
    fastify.post<{ Params: Params }>(`${place}/git-upload-pack`, upload)
    fastify.post<{ Params: Params }>(`${place}/git-receive-pack`, take)
  }

  async function advertise(
    request: FastifyRequest<{ Params: Params; Querystring: { service?: string } }>,
    reply: FastifyReply,
  ) {
    const service = gitServices.find((each) => each === request.query.service)
    if (!service) {
      throw new AppError('invalid', 'git.protocol_unknown', {
        message: 'Only the smart HTTP protocol is spoken here; use a newer git.',
      })
    }
    const repository = await enter(request, service)
    if (service === 'git-receive-pack') store.warm(repository.repositoryId)
    const protocol = protocolOf(request)
    const running = await programs.start(service, store.localPath(repository.repositoryId), {
      advertise: true,
      protocol,
      limitMs: advertiseLimitMs,
    })
    running.child.stdin.end()
    head(reply, `application/x-${service}-advertisement`)
    const prefix = /version=2/.test(protocol ?? '') ? [] : [pktLine(`# service=${service}\n`), flush]
    return reply.send(answerOf(request, running, prefix))
  }

  async function upload(request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) {
    const repository = await enter(request, 'git-upload-pack')
    const running = await programs.start('git-upload-pack', store.localPath(repository.repositoryId), {
      advertise: false,
      protocol: protocolOf(request),
      limitMs: uploadLimitMs,
    })
    hand(bodyOf(request), running)
    head(reply, 'application/x-git-upload-pack-result')
    return reply.send(answerOf(request, running))
  }

  async function take(request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) {
    const { repository, reader } = await enterWith(request, 'git-receive-pack')
    if (reader.kind === 'agent') throw notFound('project')
    store.warm(repository.repositoryId)
    const result = await receiver.receive({
      repository,
      folder: store.localPath(repository.repositoryId),
      ...pusherOf(reader),
      protocol: protocolOf(request),
      body: bodyOf(request),
    })
    head(reply, 'application/x-git-receive-pack-result')
    return reply.send(result)
  }

  async function enter(request: FastifyRequest<{ Params: Params }>, service: GitService): Promise<HostedRepository> {
    return (await enterWith(request, service)).repository
  }

  /** Lets in whoever may read or push here; what is foreign and what does not exist look the same. */
  async function enterWith(
    request: FastifyRequest<{ Params: Params }>,
    service: GitService,
  ): Promise<{ repository: HostedRepository; reader: Reader }> {
    const { organization, project } = request.params
    const [reader, repository] = await Promise.all([
      readerOf(request),
      request.headers.authorization ? repositories.find(organization, project.replace(/\.git$/, '')) : null,
    ])
    if (!reader) {
      throw new AppError('unauthenticated', 'git.credentials', {
        message: request.headers.authorization
          ? 'This token is wrong, expired or revoked. Make a new one with `juanie token create` and use it as the password.'
          : 'Sign in with any user name and an access token as the password. Make one with `juanie token create`.',
      })
    }
    if (!repository) throw notFound('project')
    if (repository.kind === 'connected' && service === 'git-receive-pack') throw elsewhere()
    if (reader.kind === 'agent') {
      if (reader.projectId !== repository.projectId || service !== 'git-upload-pack') throw notFound('project')
    } else if (reader.kind === 'job') {
      enterAsJob(reader.caller, repository, service)
    } else {
      const permission = service === 'git-receive-pack' ? 'repository.push' : 'repository.read'
      await deps.door.project(reader.session, repository.projectId, permission)
    }
    return { repository, reader }
  }

  async function readerOf(request: FastifyRequest): Promise<Reader | null> {
    // Cookies of a browser are no credentials here.
    const { authorization } = request.headers
    if (!authorization) return null
    const password = passwordOf(authorization)
    if (password?.startsWith(jobTokenPrefix)) {
      const job = await jobTokens.read(password)
      return job && { kind: 'agent', projectId: job.projectId }
    }
    if (password?.startsWith(workflowTokenPrefix)) {
      const caller = await passes.open('repository', password)
      return caller && { kind: 'job', caller }
    }
    const session = await deps.sessionOf(request)
    return session && { kind: 'person', session }
  }
}

/** Bounded by the job's `permissions`: reading needs `contents: read`, pushing `contents: write`. */
const elsewhere = () =>
  new AppError('forbidden', 'repository.connected', {
    message:
      'The code of this project lies elsewhere and is only read here. Push it there: `juanie repo view` says where.',
  })

function enterAsJob(caller: JobCaller, repository: HostedRepository, service: GitService): void {
  const level = granted(caller.job, 'contents')
  if (caller.projectId !== repository.projectId || level === 'none') throw notFound('project')
  if (service === 'git-upload-pack' || level === 'write') return
  throw new AppError('forbidden', 'git.permissions', {
    message: 'The token of this job may not push. Give the job `permissions: { contents: write }`.',
  })
}

/** A push by a job is that of who started its run. */
function pusherOf(reader: Exclude<Reader, { kind: 'agent' }>): { pusher: Pusher; jobId: string | null } {
  if (reader.kind === 'job') return { pusher: reader.caller.actor, jobId: reader.caller.jobId }
  const { userId: id, name, email } = reader.session
  return { pusher: { id, name, email }, jobId: null }
}

function passwordOf(authorization: string): string | null {
  const value = /^basic\s+(\S+)$/i.exec(authorization.trim())?.[1]
  if (value === undefined) return /^bearer\s+(\S+)$/i.exec(authorization.trim())?.[1] ?? null
  const pair = Buffer.from(value, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return colon < 0 ? null : pair.slice(colon + 1)
}

const protocolOf = (request: FastifyRequest): string | undefined => {
  const header = request.headers['git-protocol']
  return typeof header === 'string' ? header : undefined
}

function head(reply: FastifyReply, type: string): void {
  void reply.header('content-type', type).header('cache-control', 'no-cache, max-age=0, must-revalidate')
}

/** git compresses what is large and small enough for it. */
function bodyOf(request: FastifyRequest): Readable {
  if (request.headers['content-encoding'] !== 'gzip') return request.raw
  const unpacked = createGunzip()
  pipeline(request.raw, unpacked, () => {})
  return unpacked
}

/** Gives git what the client says. One that has heard enough leaves the rest, which is read and dropped. */
function hand(body: Readable, { child, stop }: RunningGit): void {
  let left = maxDroppedBytes
  const drop = () => {
    body.unpipe()
    body.on('data', (piece: Buffer) => {
      left -= piece.length
      if (left < 0) body.destroy()
    })
    body.resume()
  }
  body.once('error', stop)
  child.stdin.on('error', () => {})
  child.stdin.once('close', drop)
  body.pipe(child.stdin)
}

/** What git says, ended with the client's connection. */
function answerOf(request: FastifyRequest, running: RunningGit, prefix: Buffer[] = []): Readable {
  const { stdout } = running.child
  // The request forgets its socket when that is closed.
  const { socket } = request.raw
  socket.once('close', running.stop)
  stdout.once('close', () => socket.off('close', running.stop))
  if (socket.destroyed) running.stop()
  if (prefix.length > 0) stdout.unshift(Buffer.concat(prefix))
  return stdout
}

/** git shows plain text to its user. */
function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const isUnreadable = error instanceof ProtocolError || (error as NodeJS.ErrnoException).code?.startsWith('Z_')
  const known = isUnreadable ? new AppError('invalid', 'git.protocol', { message: messageOf(error) }) : error
  const { status, body } = refusalOf(known)
  if (status >= 500 && !(known instanceof AppError)) request.log.error({ err: known }, 'git request failed')
  if (status === httpStatus.unauthenticated)
    void reply.header('www-authenticate', 'Basic realm="Juanie", charset="UTF-8"')
  if (status === httpStatus.unavailable) void reply.header('retry-after', '5')
  void reply.code(status).type('text/plain; charset=utf-8').send(`${body.error.message}\n`)
}

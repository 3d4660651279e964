import type { Readable } from 'node:stream'
import { AppError } from '@juanie/core/errors'
import { type FoundCache, JobCaches } from '@juanie/services/caches'
import { JobPasses, JobSecrets } from '@juanie/services/runs'
import { StoredFiles } from '@juanie/services/storage'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod/mini'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'
import { FileLinks } from './file-links.ts'
import { jobOf } from './job-caller.ts'

const readMs = 3_600_000
const maxBodyBytes = Number.MAX_SAFE_INTEGER

const Text = z.string().check(z.maxLength(4_096))
const Find = z.object({ keys: z.string().check(z.maxLength(20_000)), version: Text })
const List = z.object({ key: Text })
const Reserve = z.object({ key: Text, version: Text, cacheSize: z.optional(z.nullable(z.number())) })
const Commit = z.object({ size: z.number().check(z.int(), z.minimum(0)) })

interface Entry {
  Params: { number: string }
}

/** The older protocol of caches, which clients speak where the host is not GitHub's. */
export function registerJobCaches(fastify: FastifyInstance, { get }: HttpDeps): void {
  const passes = get(JobPasses)
  const secrets = get(JobSecrets)
  const caches = get(JobCaches)
  const files = get(StoredFiles)
  const links = get(FileLinks)
  const base = '/_apis/artifactcache'
  fastify.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body))

  fastify.get(`${base}/cache`, async (request, reply) => {
    const caller = await jobOf(request, passes, 'services')
    const { keys, version } = readBody(Find, request.query)
    const found = await caches.find(caller, { keys: keys.split(','), version })
    if (!found) return reply.code(204).send()
    return { ...entryOf(found), archiveLocation: links.make(request, 'read', { id: found.fileId }, readMs) }
  })

  fastify.get(`${base}/caches`, async (request) => {
    const caller = await jobOf(request, passes, 'services')
    const found = await caches.listed(caller, readBody(List, request.query).key)
    return { totalCount: found.length, artifactCaches: found.map(entryOf) }
  })

  fastify.post(`${base}/caches`, async (request, reply) => {
    const caller = await jobOf(request, passes, 'services')
    const { key, version } = readBody(Reserve, request.body)
    await secrets.refuse(caller, 'key', key)
    const { number } = await caches.begin(caller, { key, version })
    return reply.code(201).send({ cacheId: number })
  })

  fastify.patch<Entry>(`${base}/caches/:number`, { bodyLimit: maxBodyBytes }, async (request, reply) => {
    const caller = await jobOf(request, passes, 'services')
    const { fileId } = await caches.pending(caller, numberOf(request.params.number))
    const [, start] = /^bytes (\d{1,15})-\d{1,15}\/(\*|\d+)$/.exec(request.headers['content-range'] ?? '') ?? []
    if (start === undefined) {
      throw new AppError('invalid', 'input.invalid', { message: 'content-range: give `bytes <first>-<last>/*`.' })
    }
    await files.put(fileId, String(Number(start)), (request.body as Readable | undefined) ?? request.raw)
    return reply.code(204).send()
  })

  fastify.post<Entry>(`${base}/caches/:number`, async (request, reply) => {
    const caller = await jobOf(request, passes, 'services')
    const pending = await caches.pending(caller, numberOf(request.params.number))
    const { size } = readBody(Commit, request.body)
    await files.arrangeByOffset(pending.fileId)
    await caches.finish(caller, pending, size)
    return reply.code(204).send()
  })
}

const entryOf = ({ key, version, ref, createdAt }: FoundCache) => ({
  cacheKey: key,
  cacheVersion: version,
  scope: ref,
  creationTime: createdAt.toISOString(),
})

function numberOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new AppError('invalid', 'input.invalid', { message: 'cacheId: give the number that was answered.' })
}

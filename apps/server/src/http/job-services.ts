import { AppError, type RefusalCode } from '@juanie/core/errors'
import { unstorableText } from '@juanie/core/text'
import { JobArtifacts } from '@juanie/services/artifacts'
import { JobCaches } from '@juanie/services/caches'
import { type JobCaller, JobPasses, JobSecrets } from '@juanie/services/runs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod/mini'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'
import { FileLinks } from './file-links.ts'
import { jobOf } from './job-caller.ts'
import { refusalOf } from './refusals.ts'

/** An upload may take long, but never longer than its job. */
const writeMs = 6 * 3_600_000
const readMs = 3_600_000

const Text = z.string().check(z.maxLength(4_096))
/** Protobuf's JSON writes 64-bit numbers as text: https://protobuf.dev/programming-guides/json/. */
const Int64 = z.coerce.number().check(z.int(), z.minimum(0))
const names = { workflow_run_backend_id: z.optional(Text), workflow_job_run_backend_id: z.optional(Text), name: Text }

const CreateArtifact = z.object({
  ...names,
  expires_at: z.optional(z.nullable(z.iso.datetime({ offset: true }))),
  mime_type: z.optional(z.nullable(Text)),
})
const FinalizeArtifact = z.object({ ...names, size: z.optional(Int64), hash: z.optional(z.nullable(Text)) })
const ListArtifacts = z.object({
  ...names,
  name: z.optional(Text),
  name_filter: z.optional(z.nullable(Text)),
  id_filter: z.optional(z.nullable(Int64)),
})
const OneArtifact = z.object(names)

const Key = { key: z.string().check(z.maxLength(2_048)), version: Text }
const CreateCache = z.object(Key)
const FinalizeCache = z.object({ ...Key, size_bytes: Int64 })
const FindCache = z.object({ ...Key, restore_keys: z.optional(z.array(Text).check(z.maxLength(100))) })

const twirpCode = {
  invalid: 'invalid_argument',
  unauthenticated: 'unauthenticated',
  forbidden: 'permission_denied',
  not_found: 'not_found',
  conflict: 'already_exists',
  limited: 'resource_exhausted',
  unavailable: 'unavailable',
} as const satisfies Record<RefusalCode, string>

type Method = (caller: JobCaller, body: Record<string, unknown>, request: FastifyRequest) => Promise<object>

/**
 * Caches and artifacts as the clients of GitHub's toolkit ask for them: Twirp with JSON
 * (https://twitchtv.github.io/twirp/docs/spec_v7.html), methods and fields as in `@actions/artifact` and
 * `@actions/cache`.
 */
export function registerJobServices(fastify: FastifyInstance, { get }: HttpDeps): void {
  const passes = get(JobPasses)
  const secrets = get(JobSecrets)
  const artifacts = get(JobArtifacts)
  const caches = get(JobCaches)
  const links = get(FileLinks)
  fastify.setErrorHandler(answerAsTwirp)

  const methods: Record<string, Method> = {
    'ArtifactService/CreateArtifact': async (caller, body, request) => {
      const input = readBody(CreateArtifact, body)
      own(caller, input)
      await secrets.refuse(caller, 'name', input.name)
      const expiresAt = input.expires_at ? new Date(input.expires_at) : null
      const mimeType = input.mime_type ?? 'application/zip'
      const { fileId } = await artifacts.begin(caller, { name: input.name, mimeType, expiresAt })
      return { ok: true, signed_upload_url: links.make(request, 'write', { id: fileId }, writeMs) }
    },
    'ArtifactService/FinalizeArtifact': async (caller, body) => {
      const input = readBody(FinalizeArtifact, body)
      own(caller, input)
      const { number } = await artifacts.finish(caller, { name: input.name, digest: input.hash ?? null })
      return { ok: true, artifact_id: String(number) }
    },
    'ArtifactService/ListArtifacts': async (caller, body) => {
      const input = readBody(ListArtifacts, body)
      own(caller, input)
      const rows = await artifacts.list(caller, { name: input.name_filter ?? null, number: input.id_filter ?? null })
      return {
        artifacts: rows.map((row) => ({
          workflow_run_backend_id: row.runId,
          workflow_job_run_backend_id: row.jobId ?? caller.jobId,
          database_id: String(row.number),
          name: row.name,
          size: String(row.bytes),
          created_at: row.createdAt.toISOString(),
          digest: row.digest,
        })),
      }
    },
    'ArtifactService/GetSignedArtifactURL': async (caller, body, request) => {
      const input = readBody(OneArtifact, body)
      own(caller, input)
      const { fileId, isZip } = await artifacts.find(caller, input.name)
      const name = isZip ? `${input.name}.zip` : input.name
      return { signed_url: links.make(request, 'read', { id: fileId, name }, readMs) }
    },
    'ArtifactService/DeleteArtifact': async (caller, body) => {
      const input = readBody(OneArtifact, body)
      own(caller, input)
      const { number } = await artifacts.remove(caller, input.name)
      return { ok: true, artifact_id: String(number) }
    },
    'CacheService/CreateCacheEntry': async (caller, body, request) => {
      const input = readBody(CreateCache, body)
      await secrets.refuse(caller, 'key', input.key)
      const begun = await unless(caches.begin(caller, input))
      if ('message' in begun) return begun
      return { ok: true, signed_upload_url: links.make(request, 'write', { id: begun.fileId }, writeMs) }
    },
    'CacheService/FinalizeCacheEntryUpload': async (caller, body) => {
      const input = readBody(FinalizeCache, body)
      const pending = await caches.pendingOf(caller, input)
      const finishing = caches.finish(caller, pending, input.size_bytes)
      return unless(finishing.then(() => ({ ok: true, entry_id: String(pending.number) })))
    },
    'CacheService/GetCacheEntryDownloadURL': async (caller, body, request) => {
      const input = readBody(FindCache, body)
      const found = await caches.find(caller, {
        keys: [input.key, ...(input.restore_keys ?? [])],
        version: input.version,
      })
      if (!found) return { ok: false }
      const signed_download_url = links.make(request, 'read', { id: found.fileId }, readMs)
      return { ok: true, signed_download_url, matched_key: found.key }
    },
  }

  for (const [name, method] of Object.entries(methods)) {
    fastify.post(`/twirp/github.actions.results.api.v1.${name}`, async (request) => {
      const caller = await jobOf(request, passes, 'services')
      const body = fieldsOf(request.body)
      const wrong = unstorableText(body)
      if (wrong) throw new AppError('invalid', 'input.invalid', { message: wrong })
      return method(caller, body, request)
    })
  }
}

/** What is not possible now, but no reason to fail a job: the client says it as a warning and goes on. */
async function unless<T extends object>(trying: Promise<T>): Promise<T | { ok: false; message: string }> {
  try {
    return await trying
  } catch (error) {
    if (error instanceof AppError && (error.code === 'conflict' || error.reason === 'cache.write_denied')) {
      return { ok: false, message: error.message }
    }
    throw error
  }
}

/** A client names the run of its token; another one is none of its business. */
function own(
  caller: JobCaller,
  { workflow_run_backend_id: run }: { workflow_run_backend_id?: string | undefined },
): void {
  if (run === undefined || run === caller.runId) return
  throw new AppError('forbidden', 'job.other_run', {
    message: 'workflow_run_backend_id: it is not the run of this job.',
  })
}

/** Protobuf's JSON has each field in either of two spellings. */
function fieldsOf(body: unknown): Record<string, unknown> {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return {}
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  )
}

function answerAsTwirp(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, body } = refusalOf(error)
  if (status >= 500 && !(error instanceof AppError)) request.log.error({ err: error }, 'a service of a job failed')
  const code = (twirpCode as Record<string, string>)[body.error.code] ?? (status >= 500 ? 'internal' : 'malformed')
  void reply.code(status).send({ code, msg: body.error.message, meta: { reason: body.error.reason } })
}

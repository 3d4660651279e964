import { AppError } from '@juanie/core/errors'
import type { JobCaller, JobPasses } from '@juanie/services/runs'
import type { FastifyRequest } from 'fastify'

/** The job that sent this request, by its pass; refuses with `unauthenticated`. */
export async function jobOf(
  request: FastifyRequest,
  passes: JobPasses,
  use: 'services' | 'identity',
): Promise<JobCaller> {
  const [, pass] = /^bearer\s+(\S+)$/i.exec(request.headers.authorization?.trim() ?? '') ?? []
  const caller = pass ? await passes.open(use, pass) : null
  if (caller) return caller
  throw new AppError('unauthenticated', 'job.pass', { message: 'The token of this job is wrong, or the job is over.' })
}

import { AppError, httpStatus } from '@juanie/core/errors'
import { outageOf } from '@juanie/core/outage'
import { unstorableText } from '@juanie/core/text'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** What a refused plain HTTP call answers; a bug or an outage shows nothing of itself. */
interface Refusal {
  error: { code: string; reason: string; message: string; details: Record<string, unknown> }
}

const sentences: Record<string, { code: string; message: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'too_large', message: 'The body of the request is too large.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported', message: 'This content type is not understood here.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'invalid', message: 'The body of the request is not valid JSON.' },
}

export function refusalOf(thrown: unknown): { status: number; body: Refusal } {
  const error = outageOf(thrown) ?? thrown
  if (error instanceof AppError) {
    const { code, reason, message, details } = error
    return { status: httpStatus[code], body: { error: { code, reason, message, details } } }
  }
  const { statusCode, code = '' } = error as Partial<FastifyError>
  if (statusCode && statusCode >= 400 && statusCode < 500) {
    const known = sentences[code] ?? { code: 'invalid', message: 'The request cannot be understood.' }
    return { status: statusCode, body: { error: { ...known, reason: `request.${known.code}`, details: {} } } }
  }
  return {
    status: 500,
    body: {
      error: {
        code: 'internal',
        reason: 'internal',
        message: 'Something went wrong inside Juanie. Its log says what.',
        details: {},
      },
    },
  }
}

/** No name and no id holds what no database can keep: said before a route looks for one. */
export async function refuseUnstorable(request: FastifyRequest): Promise<void> {
  const wrong = unstorableText(request.params) ?? unstorableText(request.query)
  if (wrong) throw new AppError('invalid', 'input.invalid', { message: wrong })
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, body } = refusalOf(error)
  if (status >= 500 && !(error instanceof AppError)) {
    request.log.error({ err: error, route: request.routeOptions.url }, 'request failed')
  }
  void reply.code(status).send(body)
}

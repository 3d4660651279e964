/** Refusals that the caller can act on. Anything else that is thrown is a bug or an outage. */
const refusalCodes = [
  'invalid',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'limited',
  'unavailable',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

/** The one table from a refusal to its HTTP status; tRPC codes follow from it in `trpc.ts`. */
export const httpStatus: Record<RefusalCode, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  limited: 429,
  unavailable: 503,
}

/** Whether a job that met this refusal should be tried again: only an outage passes by itself. */
export const isTransient = (error: unknown): boolean => !(error instanceof AppError) || error.code === 'unavailable'

export interface AppErrorOptions {
  /** One English sentence for terminals and logs that says what happened and what to do. */
  message?: string
  /** Values that the sentence mentions, for translation; never a secret. */
  details?: Record<string, unknown>
  cause?: unknown
}

/**
 * A refusal. `reason` is a stable dotted key (`environment.name_taken`) that the console translates.
 */
export class AppError extends Error {
  readonly code: RefusalCode
  readonly reason: string
  readonly details: Record<string, unknown>

  constructor(code: RefusalCode, reason: string, options: AppErrorOptions = {}) {
    super(options.message ?? reason, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.reason = reason
    this.details = options.details ?? {}
  }
}

/** What is foreign and what does not exist look the same. */
export const notFound = (thing: string): AppError =>
  new AppError('not_found', `${thing}.not_found`, { message: `There is no such ${thing}, or it is not yours to see.` })

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

import { AppError } from './errors.ts'

/** SQLSTATE of the whole class 08, of a database that ends or starts, and of one without a free connection. */
const isAway = /^(08...|57P0[123]|53300)$/

/**
 * What callers are told when the database, and nothing that they asked for, is the reason. Null for every other error.
 * Drivers wrap PostgreSQL's own error, so the causes are walked.
 */
export function outageOf(error: unknown): AppError | null {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code = '', syscall } = cause as NodeJS.ErrnoException
    if (code === '53100') {
      return new AppError('unavailable', 'database.disk_full', {
        message: "The disk of Juanie's database is full. Free some space, then try again; nothing of this was stored.",
        cause: error,
      })
    }
    const isCut = cause.message === 'Connection terminated unexpectedly'
    if (isAway.test(code) || isCut || (code === 'ECONNREFUSED' && syscall === 'connect')) {
      return new AppError('unavailable', 'database.away', {
        message: "Juanie's database cannot be reached at this moment. Try again; `juanie doctor` says what is wrong.",
        cause: error,
      })
    }
  }
  return null
}

import type { LoggerService } from '@nestjs/common'
import { type Logger, pino } from 'pino'

/** One JSON object a line on standard output. Headers that carry a credential never reach it. */
export const openLog = (level: string): Logger =>
  pino({
    level,
    base: null,
    redact: {
      paths: [
        'authorization',
        'cookie',
        'headers.authorization',
        'headers.cookie',
        'headers["set-cookie"]',
        'req.headers.authorization',
        'req.headers.cookie',
        'res.headers["set-cookie"]',
      ],
      censor: '[redacted]',
    },
  })

/** Nest's own words go to the same place; what it says while it starts is of no interest to an operator. */
export const nestLogger = (log: Logger): LoggerService => {
  const say =
    (level: 'error' | 'warn' | 'debug') =>
    (message: unknown, ...rest: unknown[]) =>
      log[level]({ nest: rest.filter((part) => typeof part === 'string') }, String(message))
  return { log: say('debug'), error: say('error'), warn: say('warn'), debug: say('debug'), verbose: say('debug') }
}

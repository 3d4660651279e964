import type { LoggerService } from '@nestjs/common'
import { type Logger, pino, stdSerializers } from 'pino'

/** One JSON object a line on standard output. Headers that carry a credential never reach it. */
export const openLog = (level: string): Logger =>
  pino({
    level,
    base: null,
    serializers: { err: withoutParameters },
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

/** The error of a failed query carries the values that were written, which may be anybody's. */
export function withoutParameters(error: Error) {
  const shown = stdSerializers.err(error)
  if (typeof shown !== 'object' || shown === null) return shown
  const { params: _, ...rest } = shown as typeof shown & { params?: unknown }
  return { ...rest, message: cut(rest.message), stack: cut(rest.stack) }
}

const cut = (text: string | undefined) =>
  text?.replace(/\nparams: [\s\S]*?(?=\n {4}at |\ncaused by: |: caused by|$)/g, '')

/** Nest's own words go to the same place; what it says while it starts is of no interest to an operator. */
export const nestLogger = (log: Logger): LoggerService => {
  const say =
    (level: 'error' | 'warn' | 'debug') =>
    (message: unknown, ...rest: unknown[]) =>
      log[level]({ nest: rest.filter((part) => typeof part === 'string') }, String(message))
  return { log: say('debug'), error: say('error'), warn: say('warn'), debug: say('debug'), verbose: say('debug') }
}

import { messageOf } from '@juanie/core/errors'
import { plain } from '@juanie/core/text'
import { TRPCClientError } from '@trpc/client'
import { CommanderError } from 'commander'

/** What the commands end with. */
export const exitCodes = { done: 0, failed: 1, usage: 2, notSignedIn: 4 } as const

/** A sentence for people, and how the command ends. */
export class CommandError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Fields of the API that the command line calls by another name. */
const spoken: Record<string, string> = {
  slug: 'name',
  expiresInDays: '--days',
  'config.follows.branch': '--follows',
  'config.healthy': '--healthy',
  'config.soakMs': '--soak',
  'config.drainMs': '--drain',
  'config.startLimitMs': '--start-limit',
  'config.probeTimeoutMs': '--probe-timeout',
  'config.replicas': '--replicas',
  position: '--position',
}

/** A refusal that begins with the name of a field begins with what people gave. */
const inOptions = (message: string): string =>
  message.replace(/^([\w.]+)(?=: )/, (field) => (Object.hasOwn(spoken, field) ? spoken[field]! : field))

export const usageError = (message: string) => new CommandError(message, exitCodes.usage)

/**
 * Says on the terminal what went wrong and what to do, and yields the exit code. Nothing of it goes to stdout.
 * `signIn` says what to do when the server knows nobody by the token that was sent.
 */
export function explain(error: unknown, signIn: () => string): number {
  if (error instanceof CommanderError) {
    // Commander has printed its own sentence, or the help that was asked for.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  }
  if (error instanceof CommandError) {
    process.stderr.write(`${plain(error.message)}\n`)
    return error.exitCode
  }
  if (error instanceof TRPCClientError) {
    const { code, reason } = (error.data ?? {}) as { code?: string; reason?: string }
    process.stderr.write(`${reason === 'session.missing' ? signIn() : plain(inOptions(error.message))}\n`)
    if (code === 'UNAUTHORIZED') return exitCodes.notSignedIn
    return code === 'BAD_REQUEST' ? exitCodes.usage : exitCodes.failed
  }
  process.stderr.write(`${plain(messageOf(error))}\n`)
  return exitCodes.failed
}

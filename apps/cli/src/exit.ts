import { messageOf } from '@juanie/core/errors'
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

export const usageError = (message: string) => new CommandError(message, exitCodes.usage)

/** Says on the terminal what went wrong and what to do, and yields the exit code. Nothing of it goes to stdout. */
export function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its own sentence, or the help that was asked for.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  }
  if (error instanceof CommandError) {
    process.stderr.write(`${error.message}\n`)
    return error.exitCode
  }
  if (error instanceof TRPCClientError) {
    const { code } = (error.data ?? {}) as { code?: string }
    process.stderr.write(`${error.message}\n`)
    if (code === 'UNAUTHORIZED') return exitCodes.notSignedIn
    return code === 'BAD_REQUEST' ? exitCodes.usage : exitCodes.failed
  }
  process.stderr.write(`${messageOf(error)}\n`)
  return exitCodes.failed
}

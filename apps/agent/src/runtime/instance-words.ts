import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { messageOf } from '@juanie/core/errors'
import type { Exit } from '../host/user-command.ts'
import type { ProbeResult } from './probe.ts'

/** Why an instance did not become healthy in time, as far as it can be seen from outside. */
export function whyNotHealthy(seen: {
  /** On which it listens. */
  ports: readonly number[]
  port: number | null
  limitMs: number
  /** The last bad probe. */
  last: ProbeResult | null
  /** How it ended before it was started again. */
  exit: Exit | null
}): string {
  const { ports, port, last, exit } = seen
  const seconds = seen.limitMs / 1000
  if (port !== null && ports.length > 0 && !ports.includes(port)) {
    return `It listens on port ${ports.join(' and ')}, not on ${port}, the port that PORT names. Let it listen on the port in the variable PORT.`
  }
  if (last?.isRefused && exit) {
    return `${sentenceOf(exit, { isEarly: true })} Started again, it had not opened its port when its ${seconds} s were over.`
  }
  if (last?.isRefused) {
    return `It never opened its port: nothing listened on ${port}, the port that PORT names, within ${seconds} s.`
  }
  return `It did not become healthy within ${seconds} s. ${last?.reason ?? 'No probe was good.'}`
}

/** How it ended. `isEarly`: before it was ever healthy. */
export function sentenceOf(exit: Exit, { isEarly }: { isEarly: boolean }): string {
  const how =
    exit.signal !== null
      ? `It was ended by ${exit.signal}`
      : exit.code === null
        ? 'It ended, and its exit code is not known'
        : `It exited with code ${exit.code}`
  return `${how}${isEarly ? ' before it became healthy' : ''}.`
}

export function startProblem(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC') return 'The disk of the host is full.'
  return `It cannot be started: ${messageOf(error)}.`
}

/** The end of what it printed. */
export function lastOutput(file: string): string {
  try {
    const descriptor = openSync(file, 'r')
    try {
      const { size } = statSync(file)
      const buffer = Buffer.alloc(Math.min(16_384, size))
      readSync(descriptor, buffer, 0, buffer.length, size - buffer.length)
      return buffer.toString('utf8')
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return ''
  }
}

import type { Home } from '../home.ts'
import { StartError } from '../start-error.ts'

/** Turns what a program of PostgreSQL said into a sentence for the person who starts Juanie. */
export function explain(home: Home, what: string, cause: unknown): StartError {
  const { stderr, message, code } = cause as { stderr?: string; message?: string; code?: string }
  const said = `${stderr ?? ''}${message ?? ''}`
  if (/No space left on device|ENOSPC|Disk quota exceeded/i.test(said)) {
    return new StartError(`${what}: the disk that holds ${home.path} is full. Free some space, then start again.`, {
      cause,
    })
  }
  if (/error while loading shared libraries: (\S+):/.test(said)) {
    return new StartError(
      `${what}: this machine lacks ${/libraries: (\S+):/.exec(said)?.[1]}. Install it, or give an external PostgreSQL with DATABASE_URL.`,
      { cause },
    )
  }
  if (code === 'EPERM') {
    return new StartError(
      `${what}: root may not change to another user here. Run Juanie as an ordinary user, or set DATABASE_URL.`,
      { cause },
    )
  }
  const lines = said.trim().split('\n').filter(Boolean).slice(-4).join('\n  ')
  return new StartError(`${what}:\n  ${lines}`, { cause })
}

import { closeSync, constants, fchownSync, openSync, unlinkSync, writeFileSync } from 'node:fs'
import type { StepUser } from './folders.ts'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants

/**
 * Makes a file that belongs to the step's user, in a folder where the programs of that user may have put something
 * under the same name: it is taken away, and no link is ever followed, for the agent may write what they may not.
 */
export function writeUserFile(file: string, text: string, options: { user: StepUser | null; mode: number }): void {
  const descriptor = create(file, options.mode)
  try {
    if (options.user) fchownSync(descriptor, options.user.uid, options.user.gid)
    if (text !== '') writeFileSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
}

function create(file: string, mode: number): number {
  try {
    return openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    unlinkSync(file)
    return openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  }
}

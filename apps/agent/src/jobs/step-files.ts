import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnvFile, parsePathFile } from '@juanie/workflow'
import type { StepUser } from './folders.ts'
import { writeUserFile } from './user-file.ts'

/** More than this in one of the files fails the step; a summary is only left out, as on GitHub. */
const maxFileBytes = 1_048_576

const fileNames = {
  GITHUB_ENV: 'env',
  GITHUB_OUTPUT: 'output',
  GITHUB_PATH: 'path',
  GITHUB_STATE: 'state',
  GITHUB_STEP_SUMMARY: 'summary',
} as const

/** What a step left in its files cannot be taken; the step fails with this sentence. */
class StepFileError extends Error {}

class TooLargeError extends StepFileError {}

export interface StepResults {
  env: Record<string, string>
  outputs: Record<string, string>
  /** Of an action, for its later phases. */
  state: Record<string, string>
  path: string[]
  summary: string
  /** Sentences about what was not taken. */
  warnings: string[]
}

/**
 * The files behind `GITHUB_ENV` and its like, under new names for every step. One that the step before left empty goes
 * on under its new name: on some filesystems making a file costs more than the step itself.
 */
export class StepFiles {
  readonly #prefix: string
  readonly variables: Record<string, string>

  /** `name` is new for every step, and for every phase of an action. */
  constructor(folder: string, name: string, from: { user: StepUser | null; before: StepFiles | null }) {
    this.#prefix = join(folder, name)
    this.variables = {}
    for (const [variable, kind] of Object.entries(fileNames)) {
      const file = `${this.#prefix}-${kind}`
      const old = from.before?.variables[variable]
      if (old === undefined || !goesOn(old, file)) writeUserFile(file, '', { user: from.user, mode: 0o600 })
      this.variables[variable] = file
    }
  }

  /** Reads what the step wrote; throws `StepFileError` with a sentence for what cannot be understood. */
  read(): StepResults {
    const env = parseEnvFile(this.#text('GITHUB_ENV'), 'env')
    const output = parseEnvFile(this.#text('GITHUB_OUTPUT'), 'output')
    const state = parseEnvFile(this.#text('GITHUB_STATE'), 'output')
    const [error] = [
      ...env.errors.map((each) => `GITHUB_ENV: ${each}`),
      ...output.errors.map((each) => `GITHUB_OUTPUT: ${each}`),
      ...state.errors.map((each) => `GITHUB_STATE: ${each}`),
    ]
    if (error) throw new StepFileError(error)
    const summary = this.#summary()
    return {
      env: env.values,
      outputs: output.values,
      state: state.values,
      path: parsePathFile(this.#text('GITHUB_PATH')),
      summary: summary.text,
      warnings: [...env.warnings, ...output.warnings, ...summary.warnings],
    }
  }

  #summary(): { text: string; warnings: string[] } {
    try {
      return { text: this.#text('GITHUB_STEP_SUMMARY'), warnings: [] }
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error
      return { text: '', warnings: [`${error.message} It is left out.`] }
    }
  }

  #text(variable: keyof typeof fileNames): string {
    const file = `${this.#prefix}-${fileNames[variable]}`
    let descriptor: number
    try {
      // The step may have put anything in its place: a link to another's file, or a pipe that never answers.
      descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''
      throw new StepFileError(`The file behind ${variable} cannot be read: it was replaced by something else.`)
    }
    try {
      const stat = fstatSync(descriptor)
      if (!stat.isFile()) throw new StepFileError(`The file behind ${variable} is no longer a file.`)
      if (stat.size > maxFileBytes) {
        throw new TooLargeError(`The file behind ${variable} is larger than 1 MiB.`)
      }
      const buffer = Buffer.alloc(stat.size)
      const length = stat.size > 0 ? readSync(descriptor, buffer, 0, stat.size, 0) : 0
      return buffer.toString('utf8', 0, length)
    } finally {
      closeSync(descriptor)
    }
  }
}

/** Renames an untouched file; false when there is none, or the step put something else there. */
function goesOn(old: string, file: string): boolean {
  try {
    const stat = lstatSync(old)
    if (!stat.isFile() || stat.size > 0 || stat.nlink !== 1) return false
    renameSync(old, file)
    return true
  } catch {
    return false
  }
}

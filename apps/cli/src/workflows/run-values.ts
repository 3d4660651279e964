import { readFileSync, statSync } from 'node:fs'
import { messageOf } from '@juanie/core/errors'
import { parseEnvFile } from '@juanie/workflow'
import { usageError } from '../exit.ts'

const maxFileBytes = 1024 * 1024
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/** For an option that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value]

/** `name=value` of an option that may be given several times; a later one wins. */
export function pairs(option: string, given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=')
      if (at <= 0) throw usageError(`${option}: "${text}" is not of the form name=value.`)
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

/**
 * Secrets by their names in upper case: of files with a line for each, then of `NAME=value` or, without a value, of the
 * environment, where no list of processes shows it.
 */
export function secretsFrom(
  given: { secret: readonly string[]; secretFile: readonly string[] },
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const secrets: Record<string, string> = {}
  const add = (name: string, value: string) => {
    if (!namePattern.test(name)) throw usageError(`--secret: "${name}" is no name; use letters, digits and _.`)
    secrets[name.toUpperCase()] = value
  }
  for (const file of given.secretFile) {
    const lines = readSmall('--secret-file', file).replace(/^#.*$/gm, '')
    const { values, errors } = parseEnvFile(lines, 'output')
    if (errors[0]) throw usageError(`--secret-file: ${file}: ${errors[0]}`)
    for (const [name, value] of Object.entries(values)) add(name, value)
  }
  for (const text of given.secret) {
    const at = text.indexOf('=')
    if (at >= 0) add(text.slice(0, at), text.slice(at + 1))
    else {
      const value = env[text]
      if (value === undefined) throw usageError(`--secret: the environment has no ${text}; give ${text}=value.`)
      add(text, value)
    }
  }
  return secrets
}

/** The JSON object that a file holds. */
export function payloadFrom(file: string): Record<string, unknown> {
  const text = readSmall('--event-file', file)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw usageError(`--event-file: ${file}: ${messageOf(error)}`)
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw usageError(`--event-file: ${file} must hold a JSON object.`)
}

function readSmall(option: string, file: string): string {
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found?.isFile()) throw usageError(`${option}: there is no file ${file}.`)
  if (found.size > maxFileBytes) throw usageError(`${option}: ${file} is larger than 1 MiB.`)
  return readFileSync(file, 'utf8')
}

import { parseEnvFile, parseRawEnvFile } from '../env-file.ts'
import { within } from '../paths.ts'
import type { Problems } from '../problems.ts'
import { said } from '../sentences.ts'
import type { Lookup } from './interpolate.ts'
import type { ComposeService } from './service.ts'

export interface EnvironmentSources {
  read: (path: string) => string | null
  lookup: Lookup
  /** When describing: files named by a variable, and files that only some environments have, are not missed. */
  isOpen: boolean
  problems: Problems
}

/** The variables of a service: its env files in order, then `environment`, whose bare names pass a variable on. */
export function environmentOf(service: ComposeService, sources: EnvironmentSources): Record<string, string> {
  const { read, lookup, isOpen, problems } = sources
  const own = new Map<string, string | null>()
  for (const [name, value] of service.environment) own.set(name, value ?? lookup(name) ?? null)
  const environment = new Map<string, string>()
  for (const file of service.envFiles) {
    const path = within('.', file.path)
    const text = path === null ? null : read(path)
    if (path === null)
      problems.error({
        at: file.at,
        reason: 'application.path_outside',
        said: said('envFileOutside', { path: file.path }),
      })
    else if (text === null) {
      if (file.isRequired && !isOpen)
        problems.error({
          at: file.at,
          reason: 'application.file_missing',
          said: said('envFileMissing', { name: service.name, path }),
        })
    } else if (file.isRaw) for (const [name, value] of parseRawEnvFile(text)) environment.set(name, value)
    else {
      const find: Lookup = (name) => lookup(name) ?? own.get(name) ?? environment.get(name)
      for (const [name, value] of parseEnvFile(path, text, find, problems)) environment.set(name, value)
    }
  }
  for (const [name, value] of own) if (value !== null) environment.set(name, value)
  return Object.fromEntries([...environment].sort(([a], [b]) => (a < b ? -1 : 1)))
}

import type { Problems } from './problems.ts'
import { said } from './sentences.ts'

/** The lines of a Procfile by name, in their order: `name: command`, each for `sh -c`. */
export function parseProcfile(file: string, text: string, problems: Problems): Map<string, string> {
  const lines = new Map<string, string>()
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const at = { file, line: index + 1, column: 1 }
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const found = /^([A-Za-z0-9_-]{1,63})\s*:\s*(\S.*)$/.exec(line)
    const [, name, command] = found ?? []
    if (name === undefined || command === undefined)
      problems.error({ at, said: said('procfileLine', { text: line.slice(0, 60) }) })
    else if (command.includes('\0')) problems.error({ at, said: said('procfileNul', { name }) })
    else if (lines.has(name)) problems.error({ at, said: said('procfileTwice', { name }) })
    else lines.set(name, command)
  }
  return lines
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cloneRoot, configVariables } from './config.ts'

test('docs/configuration.md lists every variable with its default and meaning, in order', () => {
  const text = readFileSync(join(cloneRoot(), 'docs', 'configuration.md'), 'utf8')
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| `') && !line.includes('/` |') && /`[A-Z_0-9]+`/.test(line))
  const wanted = configVariables
    .filter(({ internal }) => !internal)
    .map(({ name, default: fallback, meaning }) => `| \`${name}\` | ${fallback.replaceAll('<', '\\<')} | ${meaning} |`)
  expect(rows).toEqual(wanted)
})

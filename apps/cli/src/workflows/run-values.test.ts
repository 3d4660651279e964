import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pairs, payloadFrom, secretsFrom } from './run-values.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-values-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = (text: string): string => {
  const path = join(folder, 'file')
  writeFileSync(path, text)
  return path
}

test('a value may hold what it likes, a name must be there', () => {
  expect(pairs('--var', ['A=b=c', 'EMPTY=', 'A=last'])).toEqual({ A: 'last', EMPTY: '' })
  for (const wrong of ['A', '=b', '']) expect(() => pairs('--var', [wrong])).toThrow('--var:')
})

test('secrets come from files, from the environment and as they are, the later winning', () => {
  const secretFile = [file('# mine\nA=from file\nb=two\nKEY<<END\nfirst\nsecond\nEND\n')]
  expect(secretsFrom({ secret: ['a', 'C=given'], secretFile }, { a: 'from environment' })).toEqual({
    A: 'from environment',
    B: 'two',
    KEY: 'first\nsecond',
    C: 'given',
  })
})

test('what is no secret is named, and never with its value', () => {
  expect(() => secretsFrom({ secret: ['GONE'], secretFile: [] }, {})).toThrow('the environment has no GONE')
  expect(() => secretsFrom({ secret: ['a b=hidden'], secretFile: [] }, {})).toThrow(/^(?!.*hidden)/)
  expect(() => secretsFrom({ secret: [], secretFile: [join(folder, 'nowhere')] }, {})).toThrow('there is no file')
  expect(() => secretsFrom({ secret: [], secretFile: [file('no line of a secret')] }, {})).toThrow('--secret-file:')
})

test('a payload is a JSON object', () => {
  expect(payloadFrom(file('{"a": {"b": 1}}'))).toEqual({ a: { b: 1 } })
  for (const wrong of ['[1]', '7', 'null', '{', ''])
    expect(() => payloadFrom(file(wrong)), wrong).toThrow('--event-file:')
})

import { expect, test } from 'vitest'
import { type DeclaredInput, defaultsOf, missingOf } from './inputs.ts'

const inputs: DeclaredInput[] = [
  { name: 'level', type: 'choice', required: true, options: ['low', 'high'] },
  { name: 'mood', type: 'choice', required: false, options: ['good'] },
  { name: 'dry', type: 'boolean', required: true },
  { name: 'count', type: 'number', required: true, default: 3 },
  { name: 'note', type: 'string', required: true, default: 'hello' },
  { name: 'where', type: 'environment', required: true },
]

test('a form begins with the defaults, as texts', () => {
  expect(defaultsOf(inputs)).toEqual({ level: 'low', mood: '', dry: 'false', count: '3', note: 'hello', where: '' })
})

test('what must have a value and has none is missing', () => {
  expect(missingOf(inputs, defaultsOf(inputs))).toEqual(['where'])
  expect(missingOf(inputs, { level: '', dry: 'true', count: '', note: ' ', where: 'dev' })).toEqual(['level', 'note'])
})

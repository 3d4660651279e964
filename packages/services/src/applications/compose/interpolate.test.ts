import { expect, test } from 'vitest'
import { sentenceOf } from '../sentences.ts'
import { interpolate } from './interpolate.ts'

const values: Record<string, string> = { NAME: 'juanie', EMPTY: '', INNER: 'NAME' }
const fill = (text: string) => interpolate(text, (name) => values[name])
const errorsOf = (text: string) => fill(text).errors.map(sentenceOf)

test.each([
  ['$NAME', 'juanie'],
  ['${NAME}', 'juanie'],
  ['a-$NAME.b', 'a-juanie.b'],
  ['$$NAME $${NAME} $$', '$NAME ${NAME} $'],
  ['${NAME:-x}', 'juanie'],
  ['${UNSET:-x}', 'x'],
  ['${EMPTY:-x}', 'x'],
  ['${UNSET-x}', 'x'],
  ['${EMPTY-x}', ''],
  ['${UNSET:-}', ''],
  ['${UNSET:-a:-b?c}', 'a:-b?c'],
  ['${NAME:+yes}', 'yes'],
  ['${EMPTY:+yes}', ''],
  ['${EMPTY+yes}', 'yes'],
  ['${UNSET+yes}', ''],
  ['${NAME:?must be}', 'juanie'],
  ['${EMPTY?must be}', ''],
  ['${UNSET:-${NAME}}', 'juanie'],
  ['${UNSET:-${OTHER:-${NAME:+deep}}}', 'deep'],
  ['${UNSET:-{"a":1}}', '{"a":1}'],
  ['price 5$ or $1 $-', 'price 5$ or $1 $-'],
])('%j becomes %j', (text, filled) => {
  expect(fill(text)).toEqual({ text: filled, unset: [], errors: [], required: [] })
})

test('a variable without value and default is empty, and named', () => {
  expect(fill('a$UNSET.b${OTHER}')).toMatchObject({ text: 'a.b', unset: ['UNSET', 'OTHER'] })
})

test('a required variable says why', () => {
  expect(errorsOf('${UNSET:?set it to ${NAME}}')).toEqual(['The variable UNSET must be set: set it to juanie.'])
  expect(errorsOf('${EMPTY:?}')).toEqual(['The variable EMPTY must be set.'])
  expect(fill('${UNSET?}').required).toEqual(['UNSET'])
})

test.each(['${', '${}', '${NAME', '${NAME:x}', '${1}', '${NAME!}', '${secret:NAME}'])('%j is no variable', (text) => {
  expect(errorsOf(text)[0]).toMatch(/is not a variable; write \$\$ for a dollar sign/)
})

test('what was filled in is not read again', () => {
  expect(interpolate('$A', () => '$B ${C}')).toMatchObject({ text: '$B ${C}', errors: [] })
})

test('nesting and growth have an end', () => {
  expect(errorsOf('${U:-'.repeat(50) + '}'.repeat(50))).toContain('Variables are nested too deeply.')
  const large = interpolate('$A$A$A', () => 'x'.repeat(600_000))
  expect(large.errors.map(sentenceOf)[0]).toMatch(/larger than 1 MiB/)
})

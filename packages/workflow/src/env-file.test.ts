import { expect, test } from 'vitest'
import { parseEnvFile, parsePathFile } from './env-file.ts'

test.each([
  ['A=1\nB=two words\n', { A: '1', B: 'two words' }],
  ['A=1=2\n\nA=3', { A: '3' }],
  ['A=', { A: '' }],
  ['\uFEFFA=x', { A: 'x' }],
  ['A<<EOF\nfirst\nsecond\nEOF\nB=1\n', { A: 'first\nsecond', B: '1' }],
  ['A<<EOF\nEOF', { A: '' }],
  ['A<<EOF\n\n\nEOF\n', { A: '\n' }],
  ['A=x<<y\n', { A: 'x<<y' }],
  ['A<<x=y\nv\nx=y\n', { A: 'v' }],
  ['__proto__=1\nconstructor=2', { ['__proto__']: '1', constructor: '2' }],
  ['', {}],
])('the file %j', (text, values) => {
  const file = parseEnvFile(text, 'output')
  expect(file).toEqual({ values, errors: [], warnings: [] })
})

test.each([
  ['no separator', 'Line 1 is neither'],
  ['A=1\n=2', 'Line 2 has no name'],
  ['A<<\nx', 'Line 1 names no delimiter'],
  ['A=1\nB<<EOF\nsecret-value\n', 'Line 2 opens a value'],
  ['A=\0', 'NUL'],
])('the file %j is refused', (text, message) => {
  const { errors } = parseEnvFile(text, 'output')
  expect(errors).toHaveLength(1)
  expect(errors[0]).toContain(message)
  expect(errors[0]).not.toContain('secret-value')
})

test('an environment file cannot set what the runner sets, and can set GITHUB_TOKEN', () => {
  const text = 'NODE_OPTIONS=-r x\ngithub_sha=1\nRUNNER_TEMP=/\nGITHUB_TOKEN=t\nA=1'
  const { values, errors, warnings } = parseEnvFile(text, 'env')
  expect(values).toEqual({ GITHUB_TOKEN: 't', A: '1' })
  expect(errors).toEqual([])
  expect(warnings).toHaveLength(3)
  expect(parseEnvFile('NODE_OPTIONS=1', 'output').values).toEqual({ NODE_OPTIONS: '1' })
})

test('of folders for PATH the last comes first', () => {
  expect(parsePathFile('/a\n\n/b\r\n/a\n')).toEqual(['/a', '/b'])
  expect(parsePathFile('/a\n/b')).toEqual(['/b', '/a'])
})

import { expect, test } from 'vitest'
import { Problem } from './contract.ts'
import { Problems } from './problems.ts'
import { said } from './sentences.ts'

test('a finding keeps its sentence, its key and its values, within each other too', () => {
  const problems = new Problems()
  problems.warn({ said: said('secretSeen', { where: said('inCommand', { name: 'web' }), name: 'KEY' }) })
  const [problem] = problems.list
  expect(problem).toMatchObject({
    key: 'secretSeen',
    values: { where: { key: 'inCommand', values: { name: 'web' } }, name: 'KEY' },
  })
  expect(problem!.message).toMatch(/^The command of web uses the secret KEY, .* write \$\$KEY in a command/)
  expect(Problem.parse(problem)).toEqual(problem)
})

test('what cannot be stored is in neither the sentence nor the values', () => {
  const problems = new Problems()
  problems.error({ said: said('keyTwice', { name: 'a\0b\ud800' }) })
  expect(problems.list[0]).toMatchObject({
    message: 'The key a\ufffdb\ufffd is written twice.',
    values: { name: 'a\ufffdb\ufffd' },
  })
})

test('a problem that was stored without a key can be read', () => {
  const stored = { severity: 'warning', reason: 'r', message: 'It is so.', file: null, line: null, column: null }
  expect(Problem.parse(stored)).toEqual(stored)
})

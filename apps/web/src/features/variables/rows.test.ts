import type { Change } from '@juanie/services/deployments/contract'
import { expect, test } from 'vitest'
import { removedOf, rowsOf } from './rows.ts'

const at = { updatedAt: '2026-01-01T00:00:00.000Z', updatedBy: 'Ada' } as never
const variable = (name: string, environment: string | null, value = 'x') =>
  ({ name, environment, value, ...(at as object) }) as never
const secret = (name: string, environment: string | null, version = 1) =>
  ({ name, environment, version, ...(at as object) }) as never
const change = (subject: string, name: string, from: string | null, to: string | null) =>
  ({ subject, name, from, to }) as Change

test('an environment shows its own before the project’s, whichever kind it is', () => {
  const rows = rowsOf('dev', {
    variables: [variable('B', null), variable('A', 'dev'), variable('C', 'dev')],
    secrets: [secret('C', null), secret('B', 'dev', 3)],
  })
  expect(rows.map(({ kind, name, environment, version }) => [kind, name, environment, version])).toEqual([
    ['variable', 'A', 'dev', null],
    ['secret', 'B', 'dev', 3],
    ['variable', 'C', 'dev', null],
  ])
})

test('the project shows its own, and where they are set otherwise', () => {
  const rows = rowsOf(null, {
    variables: [variable('A', null), variable('A', 'dev'), variable('ONLY_DEV', 'dev')],
    secrets: [secret('A', 'production')],
  })
  expect(rows).toMatchObject([{ kind: 'variable', name: 'A', environment: null, elsewhere: ['dev', 'production'] }])
})

test('what runs with something older, or without it, is marked', () => {
  const changes = [
    change('variable', 'A', 'old', 'new'),
    change('secret', 'S', null, '2'),
    change('variable', 'GONE', 'still', null),
    change('files', 'A', 'a', 'b'),
  ]
  const rows = rowsOf(
    'dev',
    { variables: [variable('A', 'dev'), variable('B', 'dev')], secrets: [secret('S', 'dev')] },
    changes,
  )
  expect(rows.map(({ name, pending }) => [name, pending])).toEqual([
    ['A', { runs: 'old' }],
    ['B', null],
    ['S', { runs: null }],
  ])
  expect(removedOf(changes).map(({ name }) => name)).toEqual(['GONE'])
})

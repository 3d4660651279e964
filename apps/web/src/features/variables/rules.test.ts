import { SetSetting } from '@juanie/services/secrets/contract'
import { expect, test } from 'vitest'
import { longestName, mostValueBytes, nameProblem, valueProblem } from './rules.ts'

const takes = (input: object) => SetSetting.safeParse({ name: 'A', value: 'a', ...input }).success

test('the form takes the names that the server takes', () => {
  const names = ['A', '_a1', 'DATABASE_URL', '1A', 'a-b', 'ä', '', 'A B', 'PORT', 'HOST', 'PORTS', 'JUANIE_X', 'JUANIE']
  for (const name of [...names, 'x'.repeat(longestName), 'x'.repeat(longestName + 1)])
    expect(nameProblem(name) === null, name).toBe(takes({ name }))
})

test('the form takes the values that the server takes', () => {
  const long = 'ä'.repeat(mostValueBytes / 2)
  for (const value of ['', 'a\nb', 'a\0b', long, `${long}a`])
    expect(valueProblem(value) === null).toBe(takes({ value }))
})

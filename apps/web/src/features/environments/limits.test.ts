import { CreateEnvironment } from '@juanie/services/environments/contract'
import { expect, test } from 'vitest'
import { limits, longestBranch, namePattern, positions, settings } from './limits.ts'

const takes = (input: unknown) => CreateEnvironment.safeParse(input).success

test('the limits of the form are those of the server', () => {
  for (const setting of settings) {
    const [least, most] = limits[setting]
    for (const value of [least, most]) expect(takes({ name: 'a', config: { [setting]: value } }), setting).toBe(true)
    for (const value of [least - 1, most + 1])
      expect(takes({ name: 'a', config: { [setting]: value } }), setting).toBe(false)
  }
  for (const value of positions) expect(takes({ name: 'a', position: value })).toBe(true)
  for (const value of [positions[0] - 1, positions[1] + 1]) expect(takes({ name: 'a', position: value })).toBe(false)
  const follows = (length: number) => ({ name: 'a', config: { follows: { branch: 'b'.repeat(length) } } })
  expect(takes(follows(longestBranch))).toBe(true)
  expect(takes(follows(longestBranch + 1))).toBe(false)
  expect(takes(follows(0))).toBe(false)
})

test('the form takes the names that the server takes', () => {
  for (const name of ['dev', 'a', '0', 'pr-12', 'x'.repeat(32), 'x'.repeat(33), '-a', 'a-', 'A', 'a_b', 'ä', '', 'a b'])
    expect(namePattern.test(name), name).toBe(takes({ name }))
})

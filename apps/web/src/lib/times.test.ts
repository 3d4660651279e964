import { expect, test } from 'vitest'
import { formatAgo } from './times.ts'

const day = 86_400_000

test.each([
  [90 * day - 1_000, 'in 3 mo.'],
  [7 * day - 1_000, 'in 7 days'],
  [-(90 * day - 1_000), '2 mo. ago'],
  [-59_000, '59 sec. ago'],
  [-90_000, '1 min. ago'],
])('a moment %i ms away is %s', (ms, said) => {
  expect(formatAgo(1_000_000_000_000 + ms, 1_000_000_000_000)).toBe(said)
})

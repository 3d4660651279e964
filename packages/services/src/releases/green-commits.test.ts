import { expect, test } from 'vitest'
import { isGreen } from './green-commits.ts'

test.each([
  [['succeeded'], true],
  [['succeeded', 'skipped'], true],
  [['skipped'], false],
  [[], false],
  [['succeeded', 'running'], false],
  [['succeeded', 'failed'], false],
  [['succeeded', 'canceled'], false],
  [['succeeded', 'invalid'], false],
  [['succeeded', 'blocked'], false],
] as const)('%j is green: %s', (statuses, green) => {
  expect(isGreen(statuses.map((status) => ({ status })))).toBe(green)
})

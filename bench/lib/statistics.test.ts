import { expect, test } from 'vitest'
import { percentile, slope, summarize } from './statistics.ts'

test('the median and the worst percent are values that were measured', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  expect(summarize(values)).toEqual({ count: 100, p50: 50, p99: 99, min: 1, max: 100 })
  expect(percentile([7], 0.99)).toBe(7)
})

test('a row without a measurement is a failure, not a number', () => {
  expect(() => summarize([])).toThrow('nothing was measured')
})

test('the slope is what one more step costs', () => {
  expect(
    slope([
      [10, 45],
      [50, 125],
      [200, 425],
    ]),
  ).toBeCloseTo(2)
})

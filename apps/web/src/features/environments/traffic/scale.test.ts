import { expect, test } from 'vitest'
import { linesOf, roundAbove } from './scale.ts'

test('the top of a chart is a round number above all values', () => {
  expect([0, 1, 2, 3, 7, 10, 11, 49, 51, 1234].map((value) => roundAbove(value))).toEqual([
    1, 1, 2, 5, 10, 10, 20, 50, 100, 2000,
  ])
  expect(roundAbove(0.4, 0.1)).toBeCloseTo(0.5)
  expect(roundAbove(Number.NaN)).toBe(1)
})

test('a line ends where there is no value, and a point alone is still seen', () => {
  expect(linesOf([0, 5, null, 10, null], 10, 100)).toEqual(['0.5,100 1.5,50', '3.5,0 3.9,0'])
  expect(linesOf([null, null], 10, 100)).toEqual([])
})

import { expect, test } from 'vitest'
import { readDuration, unitOf } from './durations.ts'

test('a time is read in its unit', () => {
  expect(readDuration('30', 's')).toBe(30_000)
  expect(readDuration(' 1,5 ', 'min')).toBe(90_000)
  expect(readDuration('0.1', 's')).toBe(100)
  expect(readDuration('', 's')).toBeNull()
  for (const text of ['abc', '-1', '1e3', '1.2345', '0x10']) expect(readDuration(text, 's'), text).toBeNaN()
  expect(readDuration('0.5', 'ms')).toBeNaN()
})

test('a time is shown in the largest unit that fits it', () => {
  expect([0, 500, 1_500, 30_000, 90_000, 120_000, 7_200_000].map(unitOf)).toEqual([
    's',
    'ms',
    'ms',
    's',
    's',
    'min',
    'h',
  ])
})

import { expect, test } from 'vitest'
import { parseBytes, parseDuration } from './units.ts'

test.each([
  ['30s', 30_000],
  ['1m30s', 90_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
  ['500ms', 500],
  ['1.5s', 1_500],
  ['.5s', 500],
  ['100us', 1],
  ['0', 0],
  ['0s', 0],
])('%s is a duration', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '30', '-5s', 's', '1 s', '1x', '5s later', '1e3s', 'ten'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeNull()
})

test.each([
  ['512', 512],
  ['64b', 64],
  ['1k', 1_024],
  ['512m', 536_870_912],
  ['512MB', 536_870_912],
  ['1.5g', 1_610_612_736],
  ['1GiB', 1_073_741_824],
])('%s is a size', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes)
})

test.each(['', '-1', '1x', 'm', '1 0m', '99999999999p'])('%j is no size', (text) => {
  expect(parseBytes(text)).toBeNull()
})

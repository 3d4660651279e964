import { expect, test } from 'vitest'
import { addLatencies, Histogram, latencyAt } from './latency.ts'

test('a percentile is at most 13 % above what was measured, and never below', () => {
  const histogram = new Histogram()
  const measured = Array.from({ length: 1_000 }, (_, i) => 0.05 * 1.015 ** i)
  for (const ms of measured) histogram.add(ms)
  for (const share of [0.01, 0.5, 0.95, 0.99, 1]) {
    const exact = measured[Math.ceil(share * measured.length) - 1]!
    const told = latencyAt(share, histogram.counts())!
    if (exact < 0.1) expect(told).toBe(0.1)
    else expect(told / exact).toBeGreaterThanOrEqual(1 - 1e-9)
    if (exact >= 0.1) expect(told / exact).toBeLessThan(1.13)
  }
})

test('without requests there is no latency, and what is off the scale counts at its ends', () => {
  const histogram = new Histogram()
  expect(latencyAt(0.5, histogram.counts())).toBeNull()
  histogram.add(0)
  histogram.add(1e9)
  expect(histogram.counts()).toEqual([
    [0, 1],
    [127, 1],
  ])
})

test('what came since the mark is told apart, and adds up again to the whole', () => {
  const histogram = new Histogram()
  histogram.add(1)
  const first = histogram.countsSinceMark()
  histogram.mark()
  expect(histogram.countsSinceMark()).toEqual([])
  for (const ms of [1, 1, 50]) histogram.add(ms)
  const second = histogram.countsSinceMark()
  expect(second.map(([, count]) => count)).toEqual([2, 1])
  expect(addLatencies([first, second])).toEqual(histogram.counts())
})

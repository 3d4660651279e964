import type { EvidenceView } from '@juanie/services/deployments/contract'
import { expect, test } from 'vitest'
import { chartOf } from './evidence.ts'

const probe = (seq: number, latencyMs: number, good = true): EvidenceView => ({
  instanceId: 'i',
  seq,
  at: new Date(seq * 1_000).toISOString(),
  good,
  status: good ? 200 : null,
  latencyMs,
  body: '',
  stage: 'verifying',
})

test('no probes make no chart', () => expect(chartOf([])).toBeNull())

test('bars stand in the order of time, as high as the slowest allows', () => {
  const chart = chartOf([probe(3, 10), probe(2, 5), probe(1, 0)])!
  expect(chart.bars.map(({ height }) => height)).toEqual([0.04, 0.5, 1])
  expect(chart).toMatchObject({ good: 3, bad: 0, medianMs: 5, slowestMs: 10 })
})

test('a bad probe stands full, however fast it was', () => {
  const chart = chartOf([probe(1, 1, false), probe(2, 4)])!
  expect(chart.bars[0]).toMatchObject({ height: 1, isGood: false })
  expect(chart).toMatchObject({ good: 1, bad: 1 })
})

import { expect, test } from 'vitest'
import { progressOf, soakLeft, timelineOf } from './timeline.ts'

const at = (seconds: number) => new Date(1_000_000_000_000 + seconds * 1_000).toISOString()
const stages = (...begun: [string, number, number | null][]) =>
  begun.map(([name, from, ms]) => ({ name, at: at(from), ms }))
const told = (status: string, all: ReturnType<typeof stages>, end: number | null = null) => ({
  status,
  final: end !== null,
  stages: all,
  finishedAt: end === null ? null : at(end),
  createdAt: at(0),
})
const now = Date.parse(at(10))
const shown = (rows: ReturnType<typeof timelineOf>) => rows.map(({ name, state, ms }) => `${name} ${state} ${ms}`)

test('what is under way counts on, and what is to come is shown', () => {
  const rows = timelineOf(
    told('verifying', stages(['queued', 0, 1000], ['rolling_out', 1, 4000], ['verifying', 5, null])),
    now,
  )
  expect(shown(rows)).toEqual([
    'queued done 1000',
    'rolling_out done 4000',
    'verifying current null',
    'switching ahead null',
    'soaking ahead null',
  ])
  expect(rows[1]).toMatchObject({ from: 0.1, length: 0.4 })
  expect(rows[2]).toMatchObject({ from: 0.5, length: 0.5 })
})

test('a kept one is done to the end, and its drain belongs to the soak', () => {
  const all = stages(['queued', 0, 0], ['soaking', 2, 3000], ['drained', 5, 1000], ['succeeded', 6, 0])
  expect(shown(timelineOf(told('succeeded', all, 6), now))).toEqual(['queued done 0', 'soaking done 4000'])
})

test('a failure marks the stage in which it came', () => {
  const all = stages(['queued', 0, 1000], ['verifying', 1, 5000], ['failed', 6, 0])
  expect(shown(timelineOf(told('failed', all, 6), now))).toEqual(['queued done 1000', 'verifying failed 5000'])
})

test('the way back is a stage of its own, and what it came from failed', () => {
  const all = stages(['soaking', 0, 2000], ['rolling_back', 2, null])
  expect(shown(timelineOf(told('rolling_back', all), now))).toEqual([
    'soaking failed 2000',
    'rolling_back current null',
  ])
  const over = stages(['soaking', 0, 2000], ['rolling_back', 2, 1000], ['rolled_back', 3, 0])
  expect(shown(timelineOf(told('rolled_back', over, 3), now))).toEqual([
    'soaking failed 2000',
    'rolling_back done 1000',
  ])
})

test('one that has just been asked for has everything ahead', () => {
  expect(shown(timelineOf(told('queued', stages(['queued', 0, null])), now))).toHaveLength(7)
  expect(timelineOf(told('queued', []), now)[0]).toMatchObject({ name: 'preparing', state: 'ahead' })
})

test('progress counts stages that are over', () => {
  expect(progressOf('queued')).toEqual({ done: 0, of: 6, isBack: false })
  expect(progressOf('verifying')).toEqual({ done: 3, of: 6, isBack: false })
  expect(progressOf('rolling_back')).toEqual({ done: 0, of: 6, isBack: true })
})

test('what is left of a soak never goes below nothing', () => {
  const soaking = stages(['soaking', 4, null])
  expect(soakLeft(soaking, 10_000, now)).toBe(4_000)
  expect(soakLeft(soaking, 1_000, now)).toBe(0)
  expect(soakLeft(stages(['queued', 0, null]), 1_000, now)).toBeNull()
})

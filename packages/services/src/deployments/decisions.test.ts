import { describe, expect, test } from 'vitest'
import { healthOf, syncOf } from './health.ts'
import { type History, rollbackTarget } from './rollback.ts'
import { stagesOf } from './views.ts'

describe('the health of an environment', () => {
  const instance = (
    state: string,
    change: { status?: 'succeeded' | 'soaking' | 'verifying'; restarts?: number } = {},
  ) => ({
    deploymentId: 'd',
    status: 'succeeded' as const,
    restarts: 0,
    state,
    ...change,
  })
  const of = (instances: ReturnType<typeof instance>[], isUnderWay = false) =>
    healthOf({ instances, isUnderWay, routes: [] })
  test.each([
    ['nothing was ever deployed', of([]), 'missing'],
    ['a first version is on its way', of([instance('starting', { status: 'verifying' })], true), 'progressing'],
    ['everything that serves is healthy', of([instance('healthy'), instance('completed')]), 'healthy'],
    ['one replica is unhealthy', of([instance('healthy'), instance('unhealthy')]), 'degraded'],
    ['it crashes again and again', of([instance('backing_off', { restarts: 2 })]), 'degraded'],
    ['it starts again after a crash', of([instance('starting', { restarts: 2 })]), 'degraded'],
    ['it starts for the first time', of([instance('starting')]), 'progressing'],
    [
      'a version in its soak is sick beside a good old one',
      of([instance('healthy'), instance('unhealthy', { status: 'soaking' })]),
      'degraded',
    ],
    [
      'a new version that is not there yet is sick',
      of([instance('healthy'), instance('failed', { status: 'verifying' })], true),
      'healthy',
    ],
  ])('%s', (_name, found, expected) => expect(found).toBe(expected))
})

test('an environment is in sync when the edge serves what it was asked to', () => {
  const route = (asked: string | null, told: string | null, observedGeneration: number | null = 1) => ({
    servingDeploymentId: asked,
    observedServingId: told,
    observedGeneration,
  })
  const of = (...routes: ReturnType<typeof route>[]) => syncOf({ instances: [], isUnderWay: false, routes })
  expect(of()).toBe('unknown')
  expect(of(route('a', null, null))).toBe('unknown')
  expect(of(route('a', 'a'))).toBe('synced')
  expect(of(route('a', 'a'), route('a', 'b'))).toBe('out_of_sync')
})

describe('a rollback without a named target', () => {
  const past = (number: number, digest: string, change: Partial<History> = {}): History => ({
    id: `d${number}`,
    number,
    kind: 'deploy',
    digest,
    replaces: number === 1 ? null : `d${number - 1}`,
    ...change,
  })
  const target = (current: History, ...earlier: History[]) => rollbackTarget(current, [current, ...earlier])?.id ?? null

  test('leads to the last one with another snapshot', () => {
    expect(target(past(3, 'C'), past(2, 'B'), past(1, 'A'))).toBe('d2')
    expect(target(past(3, 'B'), past(2, 'B'), past(1, 'A'))).toBe('d1')
  })

  test('leads nowhere from the first one', () => expect(target(past(1, 'A'))).toBeNull())

  test('never leads to what a rollback left', () => {
    const back = past(3, 'A', { kind: 'rollback' })
    expect(target(back, past(2, 'B'), past(1, 'A'))).toBeNull()
    expect(target(past(4, 'C'), back, past(2, 'B'), past(1, 'A'))).toBe('d3')
  })

  test('asked for twice does not lead back to what the one under way leaves', () => {
    const underWay = past(4, 'B', { kind: 'rollback' })
    expect(rollbackTarget(underWay, [past(3, 'C'), past(2, 'B'), past(1, 'A')])?.id).toBe('d1')
    expect(rollbackTarget(underWay, [past(3, 'C'), past(2, 'B')])).toBeNull()
  })

  test('leads to a snapshot that was deployed again after it had been left', () => {
    const back = past(3, 'A', { kind: 'rollback' })
    expect(target(past(5, 'C'), past(4, 'B'), back, past(2, 'B'), past(1, 'A'))).toBe('d4')
  })

  test('also passes over an older deployment of the snapshot that was left', () => {
    const back = past(5, 'A', { kind: 'rollback' })
    expect(target(back, past(4, 'B'), past(3, 'C'), past(2, 'B'), past(1, 'A'))).toBe('d3')
  })
})

test('each stage lasts until the next one began, and the last one until the end', () => {
  const stages = { queued: 100, waiting: 100, preparing: 110, failed: 150 }
  expect(stagesOf(stages, new Date(150)).map(({ name, ms }) => [name, ms])).toEqual([
    ['queued', 0],
    ['waiting', 10],
    ['preparing', 40],
    ['failed', 0],
  ])
  expect(stagesOf({ queued: 100 }, null)).toMatchObject([{ name: 'queued', ms: null }])
})

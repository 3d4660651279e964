import { expect, test } from 'vitest'
import { flowOf, isFailing } from './flow.ts'
import type { EnvironmentOverview, Overview } from './useOverview.ts'

const release = (number: number) =>
  ({ id: `r${number}`, number, digest: '', commit: null }) as Overview['release'] & object

const environment = (name: string, position: number, change: Record<string, unknown> = {}): EnvironmentOverview =>
  ({
    id: name,
    name,
    position,
    url: '',
    health: 'healthy',
    sync: 'synced',
    follows: null,
    serving: null,
    open: null,
    openCount: 0,
    failed: null,
    rollback: null,
    ...change,
  }) as EnvironmentOverview

const serves = (number: number, status = 'succeeded') => ({ serving: { status, release: release(number) } })
const steps = (known: { release: Overview['release']; environments: EnvironmentOverview[] }) =>
  flowOf(known).places.map(({ next }) => next && `${next.kind} #${next.release}${'to' in next ? ` to ${next.to}` : ''}`)

test('the newest release is deployed where new ones arrive, and promoted from there', () => {
  const way = (dev: Record<string, unknown>) => ({
    release: release(3),
    environments: [environment('dev', 1, dev), environment('staging', 2, serves(1)), environment('production', 3)],
  })
  expect(steps(way({}))).toEqual(['deploy #3', 'promote #1 to production', null])
  expect(steps(way(serves(2)))).toEqual(['deploy #3', 'promote #1 to production', null])
  expect(steps(way(serves(3)))).toEqual(['promote #3 to staging', 'promote #1 to production', null])
})

test('a release that came to nothing is not offered as the way on', () => {
  const failed = { status: 'failed', release: release(3) }
  const environments = [environment('dev', 1, { ...serves(2), failed }), environment('staging', 2, serves(2))]
  expect(steps({ release: release(3), environments })).toEqual(['again #3', null])
  expect(flowOf({ release: release(3), environments }).lead).toBeNull()
  const older = [environments[0]!, environment('staging', 2, serves(1))]
  expect(steps({ release: release(3), environments: older })).toEqual(['promote #2 to staging', null])
})

test('what is there or on its way is no step', () => {
  const open = { open: { release: release(3) } }
  expect(steps({ release: release(3), environments: [environment('dev', 1, open)] })).toEqual([null])
  const environments = [environment('dev', 1, serves(3)), environment('staging', 2, { ...serves(2), ...open })]
  expect(steps({ release: release(3), environments })).toEqual([null, null])
})

test('a release in its soak is not promoted, and an older one not over a newer one', () => {
  const staging = environment('staging', 2, serves(2))
  expect(steps({ release: release(3), environments: [environment('dev', 1, serves(3, 'soaking')), staging] })).toEqual([
    null,
    null,
  ])
  const back = [environment('dev', 1, { ...serves(1), follows: null }), staging]
  expect(flowOf({ release: release(1), environments: back }).lead).toBeNull()
})

test('environments of the same place are promoted to what comes after them', () => {
  const environments = [environment('a', 1, serves(3)), environment('b', 1), environment('c', 2)]
  expect(steps({ release: release(3), environments })).toEqual(['promote #3 to c', null, null])
})

test('an environment that follows a branch takes the newest release wherever it stands', () => {
  const environments = [environment('dev', 1, serves(3)), environment('main', 2, { ...serves(2), follows: 'main' })]
  expect(steps({ release: release(3), environments })).toEqual(['promote #3 to main', 'deploy #3'])
})

test('an environment that was never deployed to says so, one whose deployment failed misses it', () => {
  const missing = { health: 'missing' }
  const healths = (change: Record<string, unknown>) =>
    flowOf({ release: null, environments: [environment('dev', 1, { ...missing, ...change })] }).places[0]!.health
  expect(healths({})).toBe('never')
  expect(healths({ failed: { release: release(1) } })).toBe('missing')
})

test('how far each is behind, and what failed unless something newer is on its way', () => {
  const failed = { status: 'failed', release: release(4) }
  const { places } = flowOf({
    release: release(5),
    environments: [
      environment('dev', 1, { ...serves(3), failed }),
      environment('staging', 2, { ...serves(3), failed, open: { release: release(5) } }),
    ],
  })
  expect(places.map(({ behind, failed: shown }) => [behind, shown !== null])).toEqual([
    [2, true],
    [2, false],
  ])
})

test('a project fails with its run, with the health of what serves, or with the latest attempt', () => {
  const run = (status: string) => ({ status }) as Overview['run']
  const quiet = environment('dev', 1)
  expect(isFailing({ run: run('succeeded'), environments: [quiet] })).toBe(false)
  expect(isFailing({ run: run('failed'), environments: [quiet] })).toBe(true)
  expect(isFailing({ run: null, environments: [environment('dev', 1, { health: 'degraded' })] })).toBe(true)
  expect(isFailing({ run: null, environments: [environment('dev', 1, { failed: { status: 'rolled_back' } })] })).toBe(
    true,
  )
  expect(isFailing({ run: null, environments: [environment('dev', 1, { failed: { status: 'canceled' } })] })).toBe(
    false,
  )
})

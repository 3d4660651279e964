import { runStatuses } from '@juanie/services/runs/contract'
import { runGroups } from '@juanie/services/runs/status'
import { expect, test } from 'vitest'
import { isNarrowed, queryOf, readFilter, statusesOf, toggled } from './filters.ts'

const none = { statuses: [], branch: null, workflow: null, event: null, text: null }

test('every status is in one group', () => {
  expect(Object.values(runGroups).flat().sort()).toEqual([...runStatuses].sort())
})

test('an address says a filter, and a filter its address', () => {
  const filter = {
    statuses: ['failed', 'queued'] as const,
    branch: 'feature/ö',
    workflow: '.juanie/workflows/ci.yml',
    event: 'push' as const,
    text: 'fix: 100 %',
  }
  const query = queryOf({ ...filter, statuses: [...filter.statuses] })
  expect(query).toEqual({
    status: 'failed,queued',
    branch: 'feature/ö',
    workflow: '.juanie/workflows/ci.yml',
    event: 'push',
    text: 'fix: 100 %',
  })
  expect(readFilter(query as Record<string, string>)).toEqual(filter)
})

test('what an address says and nobody knows is left out', () => {
  const filter = readFilter({ status: 'broken,failed,,failed,toString', event: 'merge', branch: ['a', 'b'], text: '' })
  expect(filter).toEqual({ ...none, statuses: ['failed'], branch: 'a' })
  expect(isNarrowed(readFilter({ other: '1' }))).toBe(false)
})

test('a group asks for all of its statuses, beside single ones', () => {
  expect(statusesOf([])).toBeUndefined()
  expect(statusesOf(['failed', 'queued'])).toEqual(['failed', 'timed_out', 'invalid', 'queued'])
  expect(statusesOf(['open', 'running'])).toEqual(['created', 'blocked', 'queued', 'running'])
})

test('a group is added by its button and taken out again', () => {
  const one = toggled(none, 'failed')
  expect(one.statuses).toEqual(['failed'])
  expect(toggled(toggled(one, 'open'), 'failed').statuses).toEqual(['open'])
})

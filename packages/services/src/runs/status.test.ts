import { describe, expect, test } from 'vitest'
import { jobStatuses, runStatuses, stepStatuses } from './contract.ts'
import {
  isJobOver,
  isRunOver,
  jobMoves,
  movePoints,
  nextJobStatus,
  nextRunStatus,
  nextStepStatus,
  outcomeOf,
  runMoves,
  stepMoves,
} from './status.ts'

type Table = Record<string, Record<string, string>>
const edges = (table: Table) =>
  Object.entries(table).flatMap(([from, moves]) =>
    Object.entries(moves).map(([move, to]) => `${from} -${move}-> ${to}`),
  )

test('a run moves only along these edges', () => {
  expect(edges(runMoves)).toEqual([
    'created -queue-> queued',
    'created -block-> blocked',
    'created -refuse-> invalid',
    'created -skip-> skipped',
    'created -supersede-> superseded',
    'blocked -allow-> queued',
    'blocked -cancel-> canceled',
    'blocked -supersede-> superseded',
    'queued -start-> running',
    'queued -block-> blocked',
    'queued -skip-> skipped',
    'queued -cancel-> canceled',
    'queued -supersede-> superseded',
    'running -succeed-> succeeded',
    'running -fail-> failed',
    'running -cancel-> canceled',
    'running -time_out-> timed_out',
    'succeeded -rerun-> queued',
    'failed -rerun-> queued',
    'canceled -rerun-> queued',
    'timed_out -rerun-> queued',
    'skipped -rerun-> queued',
  ])
})

test('a job moves only along these edges', () => {
  expect(edges(jobMoves)).toEqual([
    'pending -queue-> queued',
    'pending -skip-> skipped',
    'pending -cancel-> canceled',
    'pending -fail-> failed',
    'pending -succeed-> succeeded',
    'queued -lease-> leased',
    'queued -cancel-> canceled',
    'queued -fail-> failed',
    'leased -start-> running',
    'leased -requeue-> queued',
    'leased -lose-> lost',
    'leased -cancel-> canceled',
    'leased -fail-> failed',
    'running -succeed-> succeeded',
    'running -fail-> failed',
    'running -cancel-> canceled',
    'running -time_out-> timed_out',
    'running -lose-> lost',
  ])
})

test('a step moves only along these edges', () => {
  expect(edges(stepMoves)).toEqual([
    'pending -start-> running',
    'pending -skip-> skipped',
    'pending -cancel-> canceled',
    'running -succeed-> succeeded',
    'running -fail-> failed',
    'running -cancel-> canceled',
    'running -skip-> skipped',
  ])
})

describe('every pair of status and move', () => {
  const all = (table: Table) => [...new Set(Object.values(table).flatMap((each) => Object.keys(each)))]
  test.each([
    ['run', runMoves, runStatuses, nextRunStatus],
    ['job', jobMoves, jobStatuses, nextJobStatus],
    ['step', stepMoves, stepStatuses, nextStepStatus],
  ] as const)('of a %s is answered by the table alone', (_thing, moves, statuses, next) => {
    for (const status of statuses) {
      for (const move of [...all(moves), 'toString', 'constructor']) {
        const expected = (moves as Table)[status]?.[move]
        expect((next as (s: string, m: string) => string | null)(status, move)).toBe(
          typeof expected === 'string' ? expected : null,
        )
      }
    }
  })
})

test('only what has no edge out of it, or only a rerun, is over', () => {
  for (const status of runStatuses) {
    const out = Object.keys(runMoves[status]).filter((move) => move !== 'rerun')
    expect([status, isRunOver(status)]).toEqual([status, out.length === 0])
  }
  for (const status of jobStatuses) {
    expect([status, isJobOver(status)]).toEqual([status, Object.keys(jobMoves[status]).length === 0])
  }
})

test('a lost job reads as a failure to those who need it', () => {
  expect(jobStatuses.map((status) => [status, outcomeOf(status)])).toEqual([
    ['pending', null],
    ['queued', null],
    ['leased', null],
    ['running', null],
    ['succeeded', 'success'],
    ['failed', 'failure'],
    ['canceled', 'cancelled'],
    ['timed_out', 'failure'],
    ['lost', 'failure'],
    ['skipped', 'skipped'],
  ])
})

test('every move has a point before and after it', () => {
  const moves = [
    ['run', runMoves],
    ['job', jobMoves],
    ['step', stepMoves],
  ] as const
  for (const [thing, table] of moves) {
    for (const name of Object.values(table as Table).flatMap((each) => Object.keys(each))) {
      expect(movePoints).toContain(`${thing}.before.${name}`)
      expect(movePoints).toContain(`${thing}.after.${name}`)
    }
  }
})

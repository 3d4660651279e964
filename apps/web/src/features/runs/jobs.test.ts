import type { JobStatus, JobView, StepView } from '@juanie/services/runs/contract'
import { expect, test } from 'vitest'
import {
  findJob,
  groupsOf,
  levelsOf,
  mostTelling,
  nameInAddress,
  spanIn,
  tellingJob,
  tellingStep,
  togetherOf,
  withoutCommon,
} from './jobs.ts'

let last = 0
const job = (key: string, parts: Partial<JobView> = {}): JobView => ({
  id: `id-${++last}`,
  key,
  name: key,
  status: 'succeeded',
  reason: null,
  waitsFor: null,
  waiting: null,
  needs: [],
  labels: [],
  place: 0,
  repeat: 1,
  isCarried: false,
  continueOnError: false,
  environment: null,
  environmentUrl: null,
  timeoutMs: 60_000,
  agent: null,
  outputs: {},
  queuedAt: null,
  startedAt: null,
  finishedAt: null,
  steps: [],
  ...parts,
})
const step = (place: number, parts: Partial<StepView> = {}): StepView => ({
  id: `step-${place}`,
  place,
  name: `Step ${place}`,
  status: 'pending',
  outcome: null,
  conclusion: null,
  exitCode: null,
  reason: null,
  summary: null,
  lines: 0,
  startedAt: null,
  finishedAt: null,
  annotations: [],
  ...parts,
})

test('the jobs of a matrix are one group, in their places, and a repeat stands for what was lost', () => {
  const groups = groupsOf([
    job('test', { name: 'test (20, linux)', place: 1 }),
    job('test', { name: 'test (18, linux)', place: 0, status: 'lost' }),
    job('test', { name: 'test (18, linux)', place: 0, status: 'running', repeat: 2 }),
    job('lint'),
  ])
  expect(groups).toMatchObject([
    { key: 'test', name: 'test', status: 'running', done: 1, failed: 0, jobs: [{ repeat: 2 }, { place: 1 }] },
    { key: 'lint', name: 'lint', status: 'succeeded', done: 1 },
  ])
})

test.each([
  [['build a', 'build b'], 'build'],
  [['linux / x64', 'linux / arm64'], 'linux'],
  [['one', 'two'], 'matrix'],
  [['test (1)', 'test (10)'], 'test'],
])('a matrix of %j is called %s', (names, name) => {
  const [group] = groupsOf(names.map((each, place) => job('matrix', { name: each, place })))
  expect(group?.name).toBe(name)
})

test.each([
  ['test', 'test (18, linux)', '18, linux'],
  ['build', 'build a', 'a'],
  ['linux', 'linux / x64', 'x64'],
  ['matrix', 'one', 'one'],
  ['test', 'test', 'test'],
])('in a matrix called %s the job %s is %s', (name, job, short) => {
  expect(withoutCommon({ name }, { name: job })).toBe(short)
})

test('what is needed comes before what needs it, and a circle hangs nothing', () => {
  const diamond = [
    job('deploy', { needs: ['left', 'right'] }),
    job('left', { needs: ['build'] }),
    job('right', { needs: ['build'] }),
    job('build'),
  ]
  expect(groupsOf(diamond).map(({ key }) => key)).toEqual(['build', 'left', 'right', 'deploy'])
  expect([...levelsOf(groupsOf(diamond)).values()]).toEqual([0, 1, 1, 2])
  expect(
    levelsOf([
      { key: 'a', needs: ['b'] },
      { key: 'b', needs: ['a'] },
    ]).size,
  ).toBe(2)
})

test.each<[JobStatus[], JobStatus]>([
  [['succeeded', 'failed', 'running'], 'failed'],
  [['succeeded', 'running', 'queued'], 'running'],
  [['succeeded', 'skipped'], 'succeeded'],
  [['skipped', 'skipped'], 'skipped'],
  [['canceled', 'succeeded'], 'canceled'],
  [['pending', 'succeeded'], 'pending'],
])('%j together are %s', (statuses, together) => {
  expect(togetherOf(statuses)).toBe(together)
})

test('the address names a job by its key, its place in the matrix, or its id', () => {
  const groups = groupsOf([job('a'), job('m', { place: 0 }), job('m', { place: 1, status: 'failed' })])
  const [a, m] = groups
  expect(nameInAddress(a!, a!.jobs[0]!)).toBe('a')
  expect(nameInAddress(m!, m!.jobs[1]!)).toBe('m.1')
  expect(findJob(groups, 'a')?.job).toBe(a!.jobs[0])
  expect(findJob(groups, 'm.0')?.job).toBe(m!.jobs[0])
  expect(findJob(groups, m!.jobs[0]!.id)?.job).toBe(m!.jobs[0])
  // Without a place: what one wants to see first.
  expect(findJob(groups, 'm')?.job).toBe(m!.jobs[1])
  expect(findJob(groups, 'gone')).toBeNull()
})

test('the job that failed first is shown first, one that may fail is not', () => {
  const jobs = [
    job('late', { status: 'failed', finishedAt: '2026-01-01T00:00:09.000Z' }),
    job('may', { status: 'failed', finishedAt: '2026-01-01T00:00:01.000Z', continueOnError: true }),
    job('early', { status: 'timed_out', finishedAt: '2026-01-01T00:00:02.000Z' }),
    job('running', { status: 'running', startedAt: '2026-01-01T00:00:01.000Z' }),
  ]
  expect(mostTelling(jobs)?.key).toBe('early')
  expect(mostTelling(jobs.slice(1, 2).concat(jobs[3]!))?.key).toBe('running')
  expect(mostTelling([])).toBeNull()
  expect(tellingJob(groupsOf([job('a', { startedAt: '2026-01-01T00:00:01.000Z' }), job('b')]))?.job.key).toBe('a')
})

test('of its steps the one that failed is shown, then the one that runs, then the last that said something', () => {
  const steps = [
    step(0, { status: 'succeeded', conclusion: 'success', lines: 3, startedAt: 'a' }),
    step(1, { status: 'succeeded', conclusion: 'success', startedAt: 'b' }),
    step(2),
  ]
  expect(tellingStep(steps, null)?.place).toBe(0)
  expect(tellingStep(steps, 2)?.place).toBe(2)
  expect(tellingStep(steps, 9)?.place).toBe(0)
  steps[2] = step(2, { status: 'running' })
  expect(tellingStep(steps, null)?.place).toBe(2)
  steps[1] = step(1, { status: 'failed', conclusion: 'failure' })
  expect(tellingStep(steps, null)?.place).toBe(1)
  expect(tellingStep([step(0)], null)).toBeNull()
})

test('a step lies where it ran, and what runs reaches to the end', () => {
  const at = (seconds: number) => new Date(seconds * 1_000).toISOString()
  const whole = { from: 10_000, to: 20_000 }
  expect(spanIn(whole, { startedAt: at(12), finishedAt: at(15) })).toEqual({ left: 20, width: 30 })
  expect(spanIn(whole, { startedAt: at(19), finishedAt: null })).toEqual({ left: 90, width: 10 })
  // Clocks of other machines may be ahead.
  expect(spanIn(whole, { startedAt: at(9), finishedAt: at(30) })).toEqual({ left: 0, width: 100 })
  expect(spanIn(whole, { startedAt: null, finishedAt: null })).toBeNull()
  expect(spanIn({ from: 5, to: 5 }, { startedAt: at(0.005), finishedAt: at(0.005) })).toEqual({ left: 0, width: 0 })
})

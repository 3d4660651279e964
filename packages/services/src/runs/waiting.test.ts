import { expect, test } from 'vitest'
import { waitingOf, waitsFor } from './waiting.ts'

const job = { key: 'a', status: 'queued', labels: ['ubuntu-latest'], needs: [], reason: null } as const
const agent = { labels: ['self-hosted', 'linux', 'x64'], slots: 2, held: 0, isOnline: true }

test.each([
  ['nobody is there', [], 'No agent has connected yet: start one with `juanie agent`.'],
  [
    'nobody has the labels',
    [{ ...agent, labels: ['windows'] }],
    'No agent has the labels ubuntu-latest: start one that has them, or change runs-on. It fails when none comes within 24 hours.',
  ],
  [
    'those that fit are away',
    [
      { ...agent, isOnline: false },
      { ...agent, labels: ['windows'] },
    ],
    'The agents that could take it are away: start one, or wait until it comes back.',
  ],
  ['all slots are taken', [{ ...agent, held: 2 }], 'All 2 job slots are taken: it begins when another job ends.'],
  ['one is free', [agent], 'An agent is about to take it.'],
])('a queued job when %s', (_name, agents, sentence) => {
  expect(waitsFor(waitingOf({ ...job, labels: [...job.labels], needs: [] }, [], agents)!)).toBe(sentence)
})

test('a pending job names the jobs that it still needs', () => {
  const others = [
    { key: 'build', status: 'running' as const },
    { key: 'lint', status: 'succeeded' as const },
    { key: 'test', status: 'queued' as const },
  ]
  const pending = { ...job, labels: [], status: 'pending' as const, needs: ['build', 'lint', 'test'] }
  const waiting = waitingOf(pending, others, [])!
  expect(waiting).toEqual({ kind: 'needs', jobs: ['build', 'test'] })
  expect(waitsFor(waiting)).toBe('Waits for jobs build, test, which it needs.')
  expect(waitsFor(waitingOf({ ...pending, reason: 'job.max_parallel' }, others, [])!)).toContain('max-parallel')
})

test.each(['running', 'succeeded', 'lost'] as const)('a job that is %s waits for nothing', (status) => {
  expect(waitingOf({ ...job, labels: [], needs: [], status }, [], [agent])).toBeNull()
})

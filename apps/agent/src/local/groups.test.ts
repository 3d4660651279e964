import { freshJobs, type PlannedJob } from '@juanie/services/runs/pure'
import { parseWorkflow } from '@juanie/workflow'
import { expect, test } from 'vitest'
import { settleGroups } from './groups.ts'

/** Jobs that wait for the group `one`, as planning leaves them. */
function waiting(count: number, group: Partial<NonNullable<PlannedJob['concurrency']>> = {}): PlannedJob[] {
  const steps = 'runs-on: x, steps: [{ run: echo }]'
  const text = `on: push\njobs:\n${Array.from({ length: count }, (_, n) => `  j${n}: { ${steps} }\n`).join('')}`
  const { workflow } = parseWorkflow('ci.yml', text)
  let id = 0
  return freshJobs(workflow!, () => `id-${++id}`).map((job) => ({
    ...job,
    instance: {} as PlannedJob['instance'],
    concurrency: { name: 'one', cancelsOthers: false, isQueue: false, ...group },
  }))
}
const claims = (jobs: PlannedJob[]) => jobs.map(({ claim }) => claim)

test('the first that asks has the group, of the others the newest waits', () => {
  const jobs = waiting(3)
  expect(settleGroups(jobs)).toBe(true)
  expect(claims(jobs)).toEqual(['holding', 'superseded', 'waiting'])
  expect(settleGroups(jobs)).toBe(false)
  jobs[0]!.status = 'succeeded'
  jobs[1]!.status = 'canceled'
  expect(settleGroups(jobs)).toBe(true)
  expect(claims(jobs)[2]).toBe('holding')
})

test('a queue keeps all that wait, and a newer one may end the one that holds', () => {
  const queue = waiting(3, { isQueue: true })
  settleGroups(queue)
  expect(claims(queue)).toEqual(['holding', 'waiting', 'waiting'])
  const ousting = waiting(2, { cancelsOthers: true })
  settleGroups(ousting)
  expect(claims(ousting)).toEqual(['ousted', 'waiting'])
})

test('jobs of no group are left alone', () => {
  const jobs = waiting(2).map((job) => ({ ...job, concurrency: null }))
  expect(settleGroups(jobs)).toBe(false)
})

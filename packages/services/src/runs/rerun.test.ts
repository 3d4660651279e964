import { parseWorkflow, type Workflow } from '@juanie/workflow'
import { expect, test } from 'vitest'
import type { JobStatus } from './contract.ts'
import { freshJobs, type PlannedJob, plan } from './plan.ts'
import { againFailed } from './rerun.ts'

let count = 0
const newId = () => `id-${++count}`
const job = (id: string, ...more: string[]) =>
  `  ${id}:\n    runs-on: linux\n${more.map((line) => `    ${line}\n`).join('')}    steps:\n      - run: echo\n`

/** Jobs as they ended: by name. */
function ended(workflow: Workflow, statuses: Record<string, JobStatus>): PlannedJob[] {
  let jobs = freshJobs(workflow, newId)
  for (let turn = 0; turn < 10; turn++) {
    jobs = plan({ workflow, jobs, isCanceled: false, contexts: { github: {}, vars: {}, inputs: {} }, newId }).jobs
    for (const each of jobs) {
      if (each.status === 'queued') each.status = statuses[each.name] ?? 'succeeded'
      each.moves = []
    }
  }
  return jobs
}

const workflowOf = (...jobs: string[]): Workflow =>
  parseWorkflow('ci.yml', `on: push\njobs:\n${jobs.join('')}`).workflow!
const shown = (jobs: PlannedJob[] | null) =>
  jobs?.map(({ name, status, carriedFrom }) => [name, status, carriedFrom !== null])

test('only what did not succeed runs again, with all that needs it', () => {
  const workflow = workflowOf(job('a'), job('b'), job('c', 'needs: b'), job('d', 'needs: [a, c]', 'if: always()'))
  const before = ended(workflow, { b: 'failed' })
  expect(shown(againFailed(workflow, before, newId))).toEqual([
    ['a', 'succeeded', true],
    ['b', 'pending', false],
    ['c', 'pending', false],
    ['d', 'pending', false],
  ])
})

test('of a matrix only the places that failed run again', () => {
  const workflow = workflowOf(job('m', 'strategy: {fail-fast: false, matrix: {n: [1, 2, 3]}}'))
  const again = againFailed(workflow, ended(workflow, { 'm (2)': 'lost' }), newId)!
  expect(shown(again)).toEqual([
    ['m (1)', 'succeeded', true],
    ['m (2)', 'pending', false],
    ['m (3)', 'succeeded', true],
  ])
  const next = plan({ workflow, jobs: again, isCanceled: false, contexts: {}, newId })
  expect(next.jobs.map(({ status }) => status)).toEqual(['succeeded', 'queued', 'succeeded'])
})

test('a job that was skipped for its own reasons stays so', () => {
  const workflow = workflowOf(job('a', 'if: false'), job('b'))
  expect(shown(againFailed(workflow, ended(workflow, { b: 'failed' }), newId))).toEqual([
    ['a', 'skipped', true],
    ['b', 'pending', false],
  ])
})

test('a second rerun still names the job that really ran', () => {
  const workflow = workflowOf(job('a'), job('b'))
  const first = ended(workflow, { b: 'failed' })
  const second = againFailed(workflow, first, newId)!
  second.find(({ key }) => key === 'b')!.status = 'failed'
  const third = againFailed(workflow, second, newId)!
  expect(third[0]!.carriedFrom).toBe(first[0]!.id)
})

test('when everything succeeded there is nothing to do', () => {
  const workflow = workflowOf(job('a'))
  expect(againFailed(workflow, ended(workflow, {}), newId)).toBeNull()
})

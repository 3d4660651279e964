import { parseWorkflow, type Workflow } from '@juanie/workflow'
import { expect, test } from 'vitest'
import type { JobStatus } from './contract.ts'
import { freshJobs, type PlannedJob, type PlanResult, plan } from './plan.ts'

let count = 0
const newId = () => `id-${++count}`

function read(jobs: string): Workflow {
  const { workflow, problems } = parseWorkflow('ci.yml', `on: push\njobs:\n${jobs}`)
  if (!workflow) throw new Error(JSON.stringify(problems))
  return workflow
}

/** A job that echoes; `more` are further keys, one a line. */
const job = (id: string, ...more: string[]) =>
  `  ${id}:\n    runs-on: linux\n${more.map((line) => `    ${line}\n`).join('')}    steps:\n      - run: echo\n`

class Game {
  readonly workflow: Workflow
  jobs: PlannedJob[]
  isCanceled = false
  end: PlanResult['end'] = null

  constructor(...jobs: string[]) {
    this.workflow = read(jobs.join(''))
    this.jobs = freshJobs(this.workflow, newId)
    this.plan()
  }

  plan(): void {
    for (const each of this.jobs) Object.assign(each, { isStored: true, moves: [], stop: null })
    const result = plan({
      workflow: this.workflow,
      jobs: this.jobs,
      isCanceled: this.isCanceled,
      contexts: { github: {}, vars: { ON: 'yes' }, inputs: {} },
      newId,
    })
    this.jobs = result.jobs
    this.end = result.end
  }

  set(name: string, status: JobStatus, outputs: Record<string, string> = {}): this {
    const found = this.jobs.filter((each) => each.name === name).at(-1)
    if (!found) throw new Error(`no job ${name}`)
    Object.assign(found, { status, outputs })
    this.plan()
    return this
  }

  get statuses() {
    return Object.fromEntries(this.jobs.map(({ name, status }) => [name, status]))
  }
}

test('what is left out of a run is skipped with its reason, and the rest of its matrix counts', () => {
  const workflow = read(`${job('a', 'strategy: { matrix: { n: [1, 2] } }')}${job('b', 'needs: a')}`)
  const leftOut = ({ instance }: Pick<PlannedJob, 'instance'>) => (instance?.matrix?.n === 1 ? 'not this one' : null)
  const input = { workflow, isCanceled: false, contexts: {}, leftOut, newId }
  const { jobs } = plan({ ...input, jobs: freshJobs(workflow, newId) })
  const places = jobs.filter(({ key }) => key === 'a')
  expect(places.map(({ status, reason }) => [status, reason])).toEqual([
    ['skipped', 'not this one'],
    ['queued', null],
  ])
  places[1]!.status = 'succeeded'
  expect(plan({ ...input, jobs }).jobs.find(({ key }) => key === 'b')).toMatchObject({ status: 'queued' })
})

test('jobs without needs are queued, the others wait', () => {
  const game = new Game(job('a'), job('b', 'needs: a'), job('c'))
  expect(game.statuses).toEqual({ a: 'queued', b: 'pending', c: 'queued' })
  expect(game.set('a', 'succeeded').statuses).toMatchObject({ b: 'queued' })
})

test('planning again without news changes nothing', () => {
  const game = new Game(job('a'), job('b', 'needs: a'), job('m', 'strategy: {matrix: {n: [1, 2]}}'))
  const before = structuredClone(game.jobs)
  game.plan()
  expect(game.jobs).toEqual(before.map((each) => ({ ...each, isStored: true, moves: [], stop: null })))
})

test('what needs a failed or skipped job is skipped, through others too, unless it says otherwise', () => {
  const game = new Game(
    job('a'),
    job('b', 'needs: a'),
    job('c', 'needs: b'),
    job('d', 'needs: c', 'if: always()'),
    job('e', 'needs: [a, b]', 'if: failure()'),
    job('f', 'needs: a', "if: ${{ !cancelled() && needs.a.result == 'failure' }}"),
  )
  game.set('a', 'failed')
  expect(game.statuses).toEqual({ a: 'failed', b: 'skipped', c: 'skipped', d: 'queued', e: 'queued', f: 'queued' })
})

test('a lost job reads as a failure, and the run says that it was lost', () => {
  const game = new Game(job('a'), job('b', 'needs: a'))
  game.set('a', 'lost')
  expect(game.statuses).toEqual({ a: 'lost', b: 'skipped' })
  expect(game.end).toEqual({ move: 'fail', reason: 'job.lost' })
})

test('of a lost job that is repeated, the repeat counts', () => {
  const game = new Game(job('a'), job('b', 'needs: a'))
  const [lost] = game.jobs
  game.jobs.push({ ...lost!, id: newId(), repeat: 2, status: 'queued' })
  lost!.status = 'lost'
  game.plan()
  expect(game.end).toBeNull()
  game.jobs.find(({ repeat }) => repeat === 2)!.status = 'succeeded'
  game.plan()
  expect(game.jobs.find(({ key }) => key === 'b')!.status).toBe('queued')
})

test('a failure that may happen does not fail the run, nor what needs it', () => {
  const game = new Game(job('a', 'continue-on-error: true'), job('b', 'needs: a'))
  game.set('a', 'failed')
  expect(game.statuses.b).toBe('queued')
  game.set('b', 'succeeded')
  expect(game.end).toEqual({ move: 'succeed', reason: null })
})

test('a matrix is made from what earlier jobs found out', () => {
  const game = new Game(
    job('a', 'outputs: {list: "${{ steps.x.outputs.y }}"}'),
    job('m', 'needs: a', 'strategy: {matrix: {n: "${{ fromJSON(needs.a.outputs.list) }}"}}'),
  )
  game.set('a', 'succeeded', { list: '[1, 2, 3]' })
  expect(game.statuses).toEqual({ a: 'succeeded', 'm (1)': 'queued', 'm (2)': 'queued', 'm (3)': 'queued' })
})

test('a matrix that cannot be made fails its job with the reason, and the run', () => {
  const game = new Game(
    job('a', 'outputs: {list: "${{ steps.x.outputs.y }}"}'),
    job('m', 'needs: a', 'strategy: {matrix: {n: "${{ fromJSON(needs.a.outputs.list) }}"}}'),
  )
  game.set('a', 'succeeded', { list: 'nonsense' })
  const failed = game.jobs.find(({ key }) => key === 'm')!
  expect([failed.status, failed.reason]).toEqual(['failed', expect.stringContaining('fromJSON')])
  expect(game.end).toEqual({ move: 'fail', reason: 'job.failed' })
})

test('one failure of a matrix cancels what waits and stops what runs, unless fail-fast is off', () => {
  const fast = new Game(job('m', 'strategy: {matrix: {n: [1, 2, 3]}}'))
  fast.set('m (1)', 'running').set('m (2)', 'failed')
  expect(fast.statuses).toEqual({ 'm (1)': 'running', 'm (2)': 'failed', 'm (3)': 'canceled' })
  expect(fast.jobs.find(({ name }) => name === 'm (1)')!.stop).toBe('fail-fast')

  const slow = new Game(job('m', 'strategy: {fail-fast: false, matrix: {n: [1, 2, 3]}}'))
  slow.set('m (2)', 'failed')
  expect(slow.statuses).toEqual({ 'm (1)': 'queued', 'm (2)': 'failed', 'm (3)': 'queued' })
})

test('max-parallel lets the next one in when one ends', () => {
  const game = new Game(job('m', 'strategy: {max-parallel: 1, matrix: {n: [1, 2, 3]}}'))
  expect(game.statuses).toEqual({ 'm (1)': 'queued', 'm (2)': 'pending', 'm (3)': 'pending' })
  game.set('m (1)', 'running')
  expect(game.statuses['m (2)']).toBe('pending')
  game.set('m (1)', 'succeeded')
  expect(game.statuses).toEqual({ 'm (1)': 'succeeded', 'm (2)': 'queued', 'm (3)': 'pending' })
})

test('after a cancel, what waits is canceled and only what asks for it still runs', () => {
  const game = new Game(job('a'), job('b', 'needs: a'), job('c', 'needs: a', 'if: always()'))
  game.isCanceled = true
  game.set('a', 'canceled')
  expect(game.statuses).toEqual({ a: 'canceled', b: 'canceled', c: 'queued' })
  game.set('c', 'succeeded')
  expect(game.end).toEqual({ move: 'cancel', reason: 'run.canceled' })
})

test('a run that was canceled too late ends as its jobs ended', () => {
  const game = new Game(job('a'))
  game.isCanceled = true
  game.set('a', 'succeeded')
  expect(game.end).toEqual({ move: 'succeed', reason: null })
})

test('when nothing of it runs, the run as a whole is skipped', () => {
  expect(new Game(job('a', "if: vars.ON == 'no'")).end).toEqual({ move: 'skip', reason: 'run.all_skipped' })
})

test('labels, limits and environment are filled in when a job is queued', () => {
  const game = new Game(
    job(
      'm',
      'strategy: {matrix: {os: [ubuntu-latest, GPU]}}',
      "timeout-minutes: ${{ matrix.os == 'GPU' && 0.5 || 10 }}",
      'environment: prod-${{ matrix.os }}',
    ).replace('runs-on: linux', 'runs-on: ["${{ matrix.os }}", self-hosted]'),
  )
  expect(
    game.jobs.map(({ labels, timeoutMs, environment, isUnrepeatable }) => ({
      labels,
      timeoutMs,
      environment,
      isUnrepeatable,
    })),
  ).toEqual([
    {
      labels: ['ubuntu-latest', 'self-hosted'],
      timeoutMs: 600_000,
      environment: 'prod-ubuntu-latest',
      isUnrepeatable: true,
    },
    { labels: ['gpu', 'self-hosted'], timeoutMs: 30_000, environment: 'prod-GPU', isUnrepeatable: true },
  ])
})

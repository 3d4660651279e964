import { projects } from '@juanie/services/projects/tables'
import { pipelineRuns } from '@juanie/services/runs/tables'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { call, join, organization, person } from '../testing/people.ts'
import { must, openShop, type Shop } from '../testing/shop.ts'
import { type LeaseFrame, WireAgent } from '../testing/wire-agent.ts'

const jobText = (key: string, rest = '', labels = 'linux') =>
  `  ${key}:\n    runs-on: ${labels}\n${rest}    steps:\n      - run: echo one\n      - run: echo two\n`
const file = (...jobs: string[]) => `name: CI\non: [push, workflow_dispatch]\njobs:\n${jobs.join('')}`

async function push(shop: Shop, text: string, message = 'Change'): Promise<void> {
  await shop.clone.commit({ '.juanie/workflows/ci.yml': text }, message)
  await must(shop.clone.git('push', '-q', 'origin', 'HEAD'))
}

const rowsOf = async (shop: Shop, input: Record<string, unknown> = {}) =>
  (await shop.query('runs.list', input)).data.rows
const numbersOf = async (shop: Shop, input: Record<string, unknown>): Promise<number[]> =>
  (await rowsOf(shop, input)).map(({ number }: { number: number }) => number)

/** The first step passes, the second says these lines and fails. */
async function failSecondStep(agent: WireAgent, lease: LeaseFrame, lines: string[], error?: { line: number }) {
  const at = new Date().toISOString()
  await agent.report(lease, [
    { kind: 'job.started', at },
    { kind: 'step.started', step: 0, at, name: 'Set up' },
    { kind: 'step.ended', step: 0, at, outcome: 'success', conclusion: 'success', exitCode: 0, reason: null, lines: 0 },
    { kind: 'step.started', step: 1, at, name: 'Test it' },
  ])
  await agent.logs(lease, [{ step: 1, firstSeq: 1, lines }])
  await agent.report(lease, [
    ...(error
      ? [
          {
            kind: 'step.annotation' as const,
            step: 1,
            level: 'error' as const,
            message: 'It is broken',
            title: null,
            file: 'src/a.ts',
            line: 7,
            column: null,
            logLine: error.line,
          },
        ]
      : []),
    {
      kind: 'step.ended',
      step: 1,
      at,
      outcome: 'failure',
      conclusion: 'failure',
      exitCode: 4,
      reason: 'The command ended with exit code 4.',
      lines: lines.length,
    },
    { kind: 'job.ended', at, result: 'failed', reason: 'Test it: The command ended with exit code 4.', outputs: {} },
  ])
}

/** Copies of the first run under the following numbers; those whose number the condition picks get the status. */
async function copy(shop: Shop, count: number, failedIf: string): Promise<void> {
  await shop.t.db.db.execute(
    sql`
      insert into pipeline_runs (id, project_id, pipeline_id, number, pipeline_number, event, ref, "commit", title,
        commit_message, commit_author, source, workflow_file, workflow_text, status, finished_at)
      select gen_random_uuid(), r.project_id, r.pipeline_id, r.number + n, r.pipeline_number + n, r.event,
             case when n % 7 = 0 then 'refs/heads/next' else r.ref end, r."commit", 'Change ' || n || '%_',
             r.commit_message, r.commit_author, r.source, r.workflow_file, r.workflow_text,
             case when ${sql.raw(failedIf)} then 'failed' else 'succeeded' end, now()
        from pipeline_runs r, generate_series(1, ${count}) n where r.number = 1`,
    'objects',
  )
  await shop.t.db.db
    .update(projects)
    .set({ lastRun: count + 1 })
    .where(eq(projects.id, shop.projectId))
}

test('a list can be narrowed to several statuses, a branch, an event and a part of the title', async () => {
  await using shop = await openShop()
  await push(shop, file(jobText('a')), 'First')
  await copy(shop, 20, 'n % 5 = 0')
  await shop.t.db.db.update(pipelineRuns).set({ status: 'timed_out' }).where(eq(pipelineRuns.number, 3))
  expect(await numbersOf(shop, { status: 'failed' })).toEqual([21, 16, 11, 6])
  expect(await numbersOf(shop, { status: ['failed', 'timed_out', 'invalid'] })).toEqual([21, 16, 11, 6, 3])
  expect(await numbersOf(shop, { branch: 'next' })).toEqual([15, 8])
  expect(await numbersOf(shop, { event: 'workflow_dispatch' })).toEqual([])
  expect(await numbersOf(shop, { event: 'push', text: 'first' })).toEqual([1])
  expect(await numbersOf(shop, { text: '12%' })).toEqual([13])
  expect(await numbersOf(shop, { text: 'e_1' })).toEqual([])
  const [{ workflow }] = await rowsOf(shop, { limit: 1 })
  expect(await numbersOf(shop, { pipelineId: workflow.id, status: ['timed_out'] })).toEqual([3])
  expect(await numbersOf(shop, { workflow: '.juanie/workflows/ci.yml', branch: 'next' })).toEqual([15, 8])
  expect(await numbersOf(shop, { workflow: '.juanie/workflows/other.yml' })).toEqual([])
  const wrong = await shop.query('runs.list', { status: [] })
  expect(wrong.status).toBe(400)
})

test('every run is on exactly one page, whatever begins between two of them', async () => {
  await using shop = await openShop()
  await push(shop, file(jobText('a')), 'First')
  await copy(shop, 57, 'n % 3 = 0')
  const seen: number[] = []
  let after: string | undefined
  for (let pages = 0; pages < 20; pages++) {
    const { rows, next } = (await shop.query('runs.list', { status: ['failed'], limit: 4, after })).data
    seen.push(...rows.map(({ number }: { number: number }) => number))
    if (pages === 0) await push(shop, file(jobText('a')), 'Later')
    if (next === null) break
    after = next
  }
  expect(seen).toEqual(Array.from({ length: 19 }, (_, index) => 58 - index * 3))
})

test('a page of 10,000 runs is found by its key, without sorting them or reading them all', async () => {
  await using shop = await openShop()
  await push(shop, file(jobText('a')), 'First')
  await copy(shop, 10_000, 'n % 5 = 0')
  await shop.t.db.db.execute(sql`analyze pipeline_runs`)
  const planOf = async (condition: string) => {
    const rows = await shop.t.db.db.execute<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      sql.raw(
        `explain (analyze, format json) select r.* from pipeline_runs r where r.project_id = '${shop.projectId}' ${condition} order by r.number desc limit 31`,
      ),
      'objects',
    )
    return rows[0]!['QUERY PLAN'][0].Plan
  }
  for (const condition of ['', 'and r.number < 5000', "and r.status in ('failed', 'timed_out') and r.number < 9000"]) {
    const nodes = flat(await planOf(condition))
    expect(nodes.map((node) => node['Node Type'])).toEqual(['Limit', 'Index Scan'])
    const scan = nodes[1]!
    expect(scan['Index Name']).toBe('pipeline_runs_number_unique')
    expect(scan['Actual Rows'] + (scan['Rows Removed by Filter'] ?? 0)).toBeLessThan(200)
  }
})

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Actual Rows': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}
const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)]

test('the rows of a list say why a run failed and what it waits for', async () => {
  await using shop = await openShop()
  await push(shop, 'on: push\njobs:\n  a:\n    runs-on: linux\n    stepz: []\n')
  await push(shop, file(jobText('a', '', 'windows'), jobText('b', '    needs: a\n')))
  expect((await rowsOf(shop))[0]).toMatchObject({ waiting: { kind: 'no_agent', job: 'a' }, fault: null })
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file(jobText('test')))
  await failSecondStep(agent, await agent.lease('test'), ['boom'])
  const [failed, waiting, invalid] = await rowsOf(shop)
  expect(failed).toMatchObject({
    status: 'failed',
    waiting: null,
    fault: { job: 'test', step: 'Test it', exitCode: 4, message: 'The command ended with exit code 4.' },
  })
  expect(waiting).toMatchObject({ status: 'queued', waiting: { kind: 'labels', labels: ['windows'], job: 'a' } })
  expect(invalid).toMatchObject({ status: 'invalid', fault: { job: null, message: expect.stringContaining('steps') } })
  expect(invalid.fault.message).toMatch(/^\.juanie\/workflows\/ci\.yml:\d+: /)
})

test('a failure shows the step that failed first and the lines that say why', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file(jobText('test'), jobText('after', '    needs: test\n    if: failure()\n')))
  const lines = [
    ...Array.from({ length: 500 }, (_, index) => `working on ${index}`),
    'TypeError: x is not a function',
    ...Array.from({ length: 50 }, (_, index) => `    at frame ${index}`),
    '##[error]The command ended with exit code 4.',
  ]
  expect((await shop.query('runs.failure', { run: 1 })).data).toBeNull()
  await failSecondStep(agent, await agent.lease('test'), lines)
  await agent.finish(await agent.lease('after'), 'failed')
  const failure = (await shop.query('runs.failure', { run: 1 })).data
  expect(failure).toMatchObject({
    job: 'test',
    step: 'Test it',
    place: 1,
    exitCode: 4,
    annotation: null,
    point: 501,
    status: 'failed',
  })
  expect(failure.lines.map(({ number }: { number: number }) => number)).toEqual(
    Array.from({ length: 12 }, (_, index) => 498 + index),
  )
  // A new attempt that goes well has no failure, and the first keeps its own.
  await shop.mutate('runs.rerun', { run: 1 })
  agent.frames.length = 0
  await agent.finish(await agent.lease('test'))
  expect((await shop.query('runs.failure', { run: 1 })).data).toBeNull()
  expect((await shop.query('runs.failure', { run: 1, attempt: 1 })).data).toMatchObject({ point: 501 })
  const stranger = await person(shop.t, 'eve')
  const { id } = await organization(shop.t, 'evil', stranger)
  const foreign = await call(shop.t, stranger.token, {
    path: 'runs.failure',
    type: 'query',
    input: { projectId: shop.projectId, organizationId: id, run: 1 },
  })
  expect(foreign.status).toBe(404)
})

test('the error that a step told of is what a failure shows, wherever in the log it stands', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file(jobText('test')))
  const lines = Array.from({ length: 3_000 }, (_, index) => `line ${index + 1}`)
  await failSecondStep(agent, await agent.lease('test'), lines, { line: 1_234 })
  const failure = (await shop.query('runs.failure', { run: 1 })).data
  expect(failure).toMatchObject({
    message: 'It is broken',
    annotation: { file: 'src/a.ts', line: 7, message: 'It is broken' },
    point: 1_234,
  })
  expect(failure.lines[0]).toEqual({ number: 1_231, text: 'line 1231' })
  expect(failure.lines).toHaveLength(12)
})

test('each attempt says how it ended, and a job that was taken over says so', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file(jobText('good'), jobText('bad')))
  await agent.finish(await agent.lease('good'))
  await agent.finish(await agent.lease('bad'), 'failed')
  await shop.mutate('runs.rerun', { run: 1, jobs: 'failed' })
  agent.frames.length = 0
  const again = await agent.lease('bad')
  await shop.mutate('runs.cancel', { run: 1 })
  const ending = (await shop.query('runs.view', { run: 1 })).data
  expect(ending).toMatchObject({ isCanceling: true, latestAttempt: 2, attempt: 2 })
  await agent.finish(again, 'canceled')
  await shop.mutate('runs.rerun', { run: 1 })
  agent.frames.length = 0
  await agent.finish(await agent.lease('good'))
  await agent.finish(await agent.lease('bad'))
  const view = (await shop.query('runs.view', { run: 1, attempt: 2 })).data
  expect(view).toMatchObject({
    status: 'succeeded',
    latestAttempt: 3,
    attempt: 2,
    isCanceling: false,
    attempts: [
      { number: 1, status: 'failed', finishedAt: expect.any(String) },
      { number: 2, status: 'canceled' },
      { number: 3, status: 'succeeded' },
    ],
    jobs: [
      { name: 'good', isCarried: true },
      { name: 'bad', isCarried: false, status: 'canceled' },
    ],
  })
  expect(view.attempts[1].startedAt >= view.attempts[1].createdAt).toBe(true)
})

test('what can be started by hand is listed with its inputs, at the branch that is asked for', async () => {
  await using shop = await openShop()
  const inputs =
    '    inputs:\n      level: { type: choice, options: [low, high], default: low, description: How much }\n      dry: { type: boolean, required: true }\n'
  await shop.clone.commit({
    '.juanie/workflows/deploy.yml': `name: Deploy\non:\n  workflow_dispatch:\n${inputs}jobs:\n${jobText('a')}`,
    '.juanie/workflows/ci.yml': `name: CI\non: push\njobs:\n${jobText('a')}`,
    '.juanie/workflows/odd.yml': 'on: [\n',
  })
  await must(shop.clone.git('push', '-q', 'origin', 'HEAD'))
  await must(shop.clone.git('checkout', '-q', '-b', 'bare'))
  await shop.clone.commit({ '.juanie/workflows/deploy.yml': `on: push\njobs:\n${jobText('a')}` })
  await must(shop.clone.git('push', '-q', 'origin', 'HEAD'))
  expect((await shop.query('runs.startable')).data).toMatchObject({
    ref: 'main',
    title: 'Change',
    workflows: [
      {
        file: '.juanie/workflows/deploy.yml',
        name: 'Deploy',
        inputs: [
          { name: 'level', type: 'choice', options: ['low', 'high'], default: 'low', description: 'How much' },
          { name: 'dry', type: 'boolean', required: true },
        ],
      },
    ],
    others: [
      { file: '.juanie/workflows/ci.yml', name: 'CI', problem: null },
      { file: '.juanie/workflows/odd.yml', problem: expect.any(String) },
    ],
  })
  expect((await shop.query('runs.startable', { ref: 'bare' })).data.workflows).toEqual([])
  expect((await shop.query('runs.startable', { ref: 'nowhere' })).reason).toBe('run.ref_unknown')
  const viewer = await person(shop.t, 'vera')
  await join(shop.t, shop.organizationId, viewer.id, 'viewer')
  const asked = await call(shop.t, viewer.token, {
    path: 'runs.startable',
    type: 'query',
    input: { projectId: shop.projectId },
  })
  expect(asked.status).toBe(403)
  const started = await shop.mutate('runs.dispatch', { workflow: 'deploy.yml', inputs: { level: 'high', dry: 'true' } })
  expect((await shop.query('runs.view', { run: started.data.number })).data.inputs).toEqual({
    level: 'high',
    dry: true,
  })
})

/** Frames of the stream of events, by their event, as they come. */
async function follow(shop: Shop, query: string, token = shop.owner.token) {
  const abort = new AbortController()
  const answer = await fetch(`${shop.t.url}/api/events?${query}`, {
    signal: abort.signal,
    headers: { authorization: `Bearer ${token}` },
  })
  if (answer.status !== 200) throw new Error(`events answered ${answer.status}`)
  const heard: { event: string; id: string | null; data: unknown }[] = []
  const reading = (async () => {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of answer.body!) {
      rest += decoder.decode(chunk, { stream: true })
      const frames = rest.split('\n\n')
      rest = frames.pop()!
      for (const frame of frames) {
        const value = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1] ?? null
        const data = value('data')
        if (data) heard.push({ event: value('event') ?? 'message', id: value('id'), data: JSON.parse(data) })
      }
    }
  })().catch(() => {})
  return {
    heard,
    progress: () => heard.filter(({ event }) => event === 'progress'),
    async [Symbol.asyncDispose]() {
      abort.abort()
      await reading
    },
  }
}

const until = async (fits: () => boolean) => {
  for (const end = Date.now() + 8_000; !fits() && Date.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 20))
}

test('those who ask for progress hear of every step that begins or ends, a few times a second at most', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  const stranger = await person(shop.t, 'eve')
  const { id: evil } = await organization(shop.t, 'evil', stranger)
  await using watching = await follow(shop, `organizationId=${shop.organizationId}&progress=1`)
  await using plain = await follow(shop, `projectId=${shop.projectId}`)
  await using foreign = await follow(shop, `organizationId=${evil}&progress=1`, stranger.token)
  await push(shop, file(jobText('test')))
  const lease = await agent.lease('test')
  const { id: runId } = (await shop.query('runs.view', { run: 1 })).data
  const at = new Date().toISOString()
  await agent.report(lease, [
    { kind: 'job.started', at },
    { kind: 'step.started', step: 0, at, name: 'Set up' },
  ])
  const own = () =>
    watching.progress().filter(({ data }) => (data as { runId?: string } | null)?.runId === runId).length
  await until(() => own() === 1)
  expect(own()).toBe(1)
  expect(watching.progress().every(({ id }) => id === null)).toBe(true)
  const before = Date.now()
  for (let turn = 0; turn < 30; turn++) {
    await agent.report(lease, [{ kind: 'step.summary', step: 0, markdown: `turn ${turn}` }])
  }
  await until(() => own() >= 2)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const passed = Date.now() - before
  expect(own()).toBeGreaterThanOrEqual(2)
  expect(own()).toBeLessThanOrEqual(3 + Math.ceil(passed / 250))
  expect(own()).toBeLessThan(30)
  expect(plain.progress()).toEqual([])
  expect(foreign.progress().filter(({ data }) => data !== null)).toEqual([])
})

import { LeaseJudge } from '@juanie/services/runs'
import { jobs } from '@juanie/services/runs/tables'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { must, openShop, runGit, type Shop } from '../testing/shop.ts'
import { type LeaseFrame, WireAgent } from '../testing/wire-agent.ts'

const job = (text: string) =>
  `  ${text.trimEnd().split('\n').join('\n  ')}\n    runs-on: linux\n    steps:\n      - run: echo one\n      - run: echo two\n`
const file = (...jobTexts: string[]) => `name: CI\non: [push, workflow_dispatch]\njobs:\n${jobTexts.map(job).join('')}`

async function push(shop: Shop, text: string): Promise<void> {
  await shop.clone.commit({ '.juanie/workflows/ci.yml': text })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
}

const view = async (shop: Shop, run = 1) => (await shop.query('runs.view', { run })).data
const statuses = async (shop: Shop, run = 1) => {
  const { status, reason, jobs } = await view(shop, run)
  return {
    status,
    reason,
    jobs: Object.fromEntries(jobs.map((each: { name: string; status: string }) => [each.name, each.status])),
  }
}
const eventually = async <T>(look: () => Promise<T>, fits: (value: T) => boolean, limitMs = 8_000): Promise<T> => {
  for (const end = Date.now() + limitMs; ; ) {
    const value = await look()
    if (fits(value) || Date.now() > end) return value
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

test('a run goes through its jobs in the order of their needs, with outputs handed on', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(
    shop,
    file(
      'build:\n  outputs:\n    version: ${{ steps.v.outputs.v }}',
      'test:\n  needs: build',
      "never:\n  needs: build\n  if: needs.build.outputs.version == '2'",
    ),
  )
  const build = await agent.lease('build')
  expect(build.job).toMatchObject({
    runNumber: 1,
    workflow: { name: 'CI' },
    contexts: {
      github: {
        ref: 'refs/heads/main',
        ref_name: 'main',
        repository: 'acme/shop',
        run_number: '1',
        event_name: 'push',
        job: 'build',
        actor: 'ada',
      },
      needs: {},
    },
    repository: { path: '/git/acme/shop.git', ref: 'refs/heads/main' },
  })
  expect(await statuses(shop)).toMatchObject({
    status: 'queued',
    jobs: { build: 'leased', test: 'pending', never: 'pending' },
  })
  await agent.report(build, [{ kind: 'job.started', at: new Date().toISOString() }])
  expect(await statuses(shop)).toMatchObject({ status: 'running', jobs: { build: 'running' } })
  await agent.finish(build, 'succeeded', { version: '1' })
  const testing = await agent.lease('test')
  expect(testing.job.contexts.needs).toEqual({ build: { result: 'success', outputs: { version: '1' } } })
  await agent.finish(testing)
  expect(await statuses(shop)).toEqual({
    status: 'succeeded',
    reason: null,
    jobs: { build: 'succeeded', test: 'succeeded', never: 'skipped' },
  })
})

test('the token of a leased job reads its project for as long as the job is held, and pushes nothing', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const lease = await agent.lease()
  const url = shop.urlFor(lease.job.repository.gitToken)
  expect((await must(runGit(shop.folder, ['ls-remote', url]))).stdout).toContain(lease.job.repository.commit)
  expect((await shop.clone.git('push', url, 'main:other')).stderr).toContain('not found')
  await agent.finish(lease)
  expect((await runGit(shop.folder, ['ls-remote', url])).stderr).toContain('Authentication failed')
})

test('an exact commit can be fetched after a forced push has left it without a branch', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const lease = await agent.lease()
  await must(shop.clone.git('commit', '-q', '--amend', '-m', 'Other'))
  await must(shop.clone.git('push', '-q', '--force', 'origin', 'main'))
  await must(runGit(shop.folder, ['init', '-q', 'checkout']))
  const { commit, gitToken } = lease.job.repository
  await must(runGit(`${shop.folder}/checkout`, ['fetch', '-q', '--depth', '1', shop.urlFor(gitToken), commit]))
})

test('a failed job fails the run, skips what needs it, and a rerun of failed jobs takes over the rest', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('good:', 'bad:', 'after:\n  needs: [good, bad]', 'always:\n  needs: bad\n  if: always()'))
  await agent.finish(await agent.lease('good'), 'succeeded', { a: '1' })
  await agent.finish(await agent.lease('bad'), 'failed')
  await agent.finish(await agent.lease('always'))
  expect(await statuses(shop)).toEqual({
    status: 'failed',
    reason: 'job.failed',
    jobs: { good: 'succeeded', bad: 'failed', after: 'skipped', always: 'succeeded' },
  })
  agent.frames.length = 0
  expect((await shop.mutate('runs.rerun', { run: 1, jobs: 'failed' })).data).toMatchObject({
    attempt: 2,
    status: 'queued',
  })
  expect(await statuses(shop)).toMatchObject({
    jobs: { good: 'succeeded', bad: expect.stringMatching(/queued|leased/), after: 'pending' },
  })
  await agent.finish(await agent.lease('bad'))
  const after = await agent.lease('after')
  expect(after.job.contexts.needs.good).toEqual({ result: 'success', outputs: { a: '1' } })
  await agent.finish(after)
  await agent.finish(await agent.lease('always'))
  expect(await statuses(shop)).toMatchObject({ status: 'succeeded' })
  const [good] = (await view(shop)).jobs
  expect(good.steps).toHaveLength(2)
  expect(
    (await shop.query('runs.view', { run: 1, attempt: 1 })).data.jobs.map((each: { status: string }) => each.status),
  ).toContain('failed')
  expect((await shop.mutate('runs.rerun', { run: 1, jobs: 'failed' })).reason).toBe('run.nothing_failed')
})

test('a matrix keeps to max-parallel, and one failure ends the rest', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t, { slots: 8 })
  await push(shop, file('m:\n  strategy:\n    max-parallel: 2\n    matrix:\n      n: [1, 2, 3, 4]'))
  const at = (n: number) => agent.frame('lease', ({ job }) => job.contexts.matrix?.n === n)
  const [one, two] = [await at(1), await at(2)]
  expect(await statuses(shop)).toMatchObject({ jobs: { 'm (3)': 'pending', 'm (4)': 'pending' } })
  expect((await view(shop)).jobs.at(-1).waitsFor).toContain('max-parallel')
  await agent.finish(one)
  await at(3)
  await agent.finish(two, 'failed')
  const stop = await agent.frame('cancel')
  expect(stop.reason).toBe('fail-fast')
  await agent.finish(await at(3), 'canceled')
  expect(await statuses(shop)).toEqual({
    status: 'failed',
    reason: 'job.failed',
    jobs: { 'm (1)': 'succeeded', 'm (2)': 'failed', 'm (3)': 'canceled', 'm (4)': 'canceled' },
  })
})

test('a canceled run ends what waits at once, tells the agent, and still does what asks for it', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t, { slots: 1 })
  await push(shop, file('long:', 'queued:', 'next:\n  needs: long', 'cleanup:\n  needs: long\n  if: always()'))
  const long = await agent.lease('long')
  await agent.report(long, [{ kind: 'job.started', at: new Date().toISOString() }])
  await shop.mutate('runs.cancel', { run: 1 })
  expect(await agent.frame('cancel')).toMatchObject({ jobId: long.job.jobId, fence: long.fence, reason: 'canceled' })
  expect(await statuses(shop)).toMatchObject({ status: 'running', jobs: { queued: 'canceled', next: 'pending' } })
  await agent.finish(long, 'canceled')
  await agent.finish(await agent.lease('cleanup'))
  expect(await statuses(shop)).toEqual({
    status: 'canceled',
    reason: 'run.canceled',
    jobs: { long: 'canceled', queued: 'canceled', next: 'canceled', cleanup: 'succeeded' },
  })
  expect((await shop.mutate('runs.cancel', { run: 1 })).message).toBe('The run is over: it is canceled.')
})

test('reports are taken once and in order, and a gap is answered with where to go on', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const lease = await agent.lease()
  const at = new Date().toISOString()
  expect(
    (await agent.report(lease, [{ kind: 'step.started', step: 1, at, name: 'x' }], { firstSeq: 3 })).acknowledged,
  ).toBe(0)
  const first = [
    { kind: 'job.started' as const, at },
    { kind: 'step.started' as const, step: 0, at, name: 'First' },
  ]
  expect((await agent.report(lease, first)).acknowledged).toBe(2)
  const again = [
    ...first,
    {
      kind: 'step.annotation' as const,
      step: 0,
      level: 'error' as const,
      message: 'a\0b',
      title: null,
      file: null,
      line: null,
      column: null,
      logLine: 1,
    },
  ]
  expect((await agent.report(lease, again, { firstSeq: 1 })).acknowledged).toBe(3)
  const [only] = (await view(shop)).jobs
  expect(only.steps[0]).toMatchObject({ name: 'First', status: 'running', annotations: [{ message: 'a\uFFFDb' }] })
})

test('the end of a step is taken only after its last line', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const lease = await agent.lease()
  const at = new Date().toISOString()
  const ended = {
    kind: 'step.ended' as const,
    step: 0,
    at,
    outcome: 'success' as const,
    conclusion: 'success' as const,
    exitCode: 0,
    reason: null,
    lines: 2,
  }
  const answer = await agent.report(lease, [
    { kind: 'job.started', at },
    { kind: 'step.started', step: 0, at, name: 'a' },
    ended,
  ])
  expect(answer.acknowledged).toBe(2)
  expect(await agent.logs(lease, [{ step: 0, firstSeq: 1, lines: ['one', 'two'] }])).toEqual([2])
  expect((await agent.report(lease, [ended])).acknowledged).toBe(3)
})

test('lines are stored once: what is repeated is skipped, a gap is not filled, another job is not touched', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const lease = await agent.lease()
  expect(await agent.logs(lease, [{ step: 0, firstSeq: 1, lines: ['1', '2', '3'] }])).toEqual([3])
  expect(
    await agent.logs(lease, [
      { step: 0, firstSeq: 2, lines: ['2', '3', '4'] },
      { step: 0, firstSeq: 5, lines: ['5'] },
    ]),
  ).toEqual([4, 5])
  expect(await agent.logs(lease, [{ step: 0, firstSeq: 7, lines: ['7'] }])).toEqual([5])
  // What an agent does besides the steps of the file is a step as well.
  expect(await agent.logs(lease, [{ step: 9, firstSeq: 1, lines: ['x'] }])).toEqual([1])
  expect(await agent.logs({ ...lease, fence: lease.fence + 1 }, [{ step: 0, firstSeq: 6, lines: ['x'] }])).toEqual([
    null,
  ])
  const [{ id }] = (await view(shop)).jobs
  const page = await fetch(`${shop.t.url}/api/projects/${shop.projectId}/runs/1/jobs/${id}/steps/0/lines?after=0`, {
    headers: { authorization: `Bearer ${shop.owner.token}` },
  })
  expect((await page.json()).lines.map(([n, , text]: [number, number, string]) => `${n}:${text}`)).toEqual([
    '1:1',
    '2:2',
    '3:3',
    '4:4',
    '5:5',
  ])
})

test('a new process of an agent loses what the old one held at once, and the job is repeated once', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const first = await agent.lease()
  await agent.report(first, [{ kind: 'job.started', at: new Date().toISOString() }])
  await agent.disconnect()
  agent.frames.length = 0
  await agent.reborn().connect()
  const second = await agent.lease()
  expect(second.job.jobId).not.toBe(first.job.jobId)
  expect((await view(shop)).jobs.map((each: { status: string; repeat: number }) => [each.status, each.repeat])).toEqual(
    [
      ['lost', 1],
      ['leased', 2],
    ],
  )
  await agent.disconnect()
  agent.frames.length = 0
  await agent.reborn().connect()
  const { status, reason } = await eventually(
    () => view(shop),
    (run) => run.status !== 'queued' && run.status !== 'running',
  )
  expect([status, reason]).toEqual(['failed', 'job.lost'])
  expect(
    (
      await agent.report(first, [
        { kind: 'job.ended', at: new Date().toISOString(), result: 'succeeded', reason: null, outputs: {} },
      ])
    ).lost,
  ).toHaveLength(1)
  expect((await view(shop)).status).toBe('failed')
})

test('a job that was given a secret is not repeated, and only the secrets it names are given', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  for (const name of ['TOKEN', 'OTHER']) {
    const set = await shop.mutate('secrets.set', { name, value: `value of ${name}` })
    expect(set.message).toBeNull()
  }
  await push(shop, file('build:\n  env:\n    T: ${{ secrets.token }}'))
  const lease = await agent.lease()
  const { GITHUB_TOKEN: _own, ...secrets } = lease.job.contexts.secrets
  expect(secrets).toEqual({ TOKEN: 'value of TOKEN' })
  await agent.disconnect()
  await agent.reborn().connect()
  const run = await eventually(
    () => view(shop),
    ({ status }) => status === 'failed',
  )
  expect(run).toMatchObject({ status: 'failed', reason: 'job.lost', jobs: [{ status: 'lost' }] })
})

test('a silent agent is decided within 5 s, and one that comes back in time goes on', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const lease = await agent.lease()
  await agent.report(lease, [{ kind: 'job.started', at: new Date().toISOString() }])
  await agent.disconnect()
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  await agent.connect([{ jobId: lease.job.jobId, fence: lease.fence }])
  expect((await agent.report(lease, [])).lost).toEqual([])
  const silent = Date.now()
  await agent.disconnect()
  const run = await eventually(
    () => view(shop),
    ({ jobs }) => jobs[0].status === 'lost',
  )
  expect(run.jobs.map((each: { status: string }) => each.status)).toEqual(['lost', 'queued'])
  expect(Date.now() - silent).toBeLessThan(5_000)
}, 20_000)

test('a lease whose frame never arrived goes back into the queue without being counted as lost', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:'))
  const first = await agent.lease()
  agent.frames.length = 0
  await agent.disconnect()
  await agent.connect([])
  const second = await agent.lease()
  expect(second.job.jobId).toBe(first.job.jobId)
  expect(second.fence).toBeGreaterThan(first.fence)
  expect((await agent.report(first as LeaseFrame, [])).lost).toHaveLength(1)
  await agent.finish(second)
  expect(await statuses(shop)).toMatchObject({ status: 'succeeded' })
})

test('a job whose labels no agent has waits and says so', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop, file('build:').replace('runs-on: linux', 'runs-on: [self-hosted, gpu]'))
  const run = await view(shop)
  expect(run.jobs[0]).toMatchObject({
    status: 'queued',
    waitsFor:
      'No agent has the labels self-hosted, gpu: start one that has them, or change runs-on. It fails when none comes within 24 hours.',
  })
  expect(agent.frames.filter(({ type }) => type === 'lease')).toEqual([])
})

test('an agent gets as many jobs as it has slots', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t, { slots: 2 })
  await push(shop, file('a:', 'b:', 'c:'))
  const first = await agent.lease()
  await eventually(
    async () => agent.frames.filter(({ type }) => type === 'lease').length,
    (count) => count >= 2,
  )
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(agent.frames.filter(({ type }) => type === 'lease')).toHaveLength(2)
  const waiting = (await view(shop)).jobs.find((each: { status: string }) => each.status === 'queued')
  expect(waiting.waitsFor).toBe('All 2 job slots are taken: it begins when another job ends.')
  await agent.finish(first)
  await eventually(
    async () => agent.frames.filter(({ type }) => type === 'lease').length,
    (count) => count >= 3,
  )
  expect(agent.frames.filter(({ type }) => type === 'lease')).toHaveLength(3)
})

test('a run can be started by hand with inputs, and wrong ones are named', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  const text = file('build:').replace(
    'on: [push, workflow_dispatch]',
    'on: {workflow_dispatch: {inputs: {who: {required: true}}}}',
  )
  await push(shop, text)
  expect((await shop.mutate('runs.dispatch', {})).message).toContain("'who' is required")
  const started = await shop.mutate('runs.dispatch', { inputs: { who: 'me' } })
  expect(started.data).toMatchObject({ number: 1, status: 'queued', ref: 'refs/heads/main' })
  const lease = await agent.lease()
  expect(lease.job.contexts).toMatchObject({ inputs: { who: 'me' }, github: { event_name: 'workflow_dispatch' } })
})

test('an agent token that is not known is refused', async () => {
  await using shop = await openShop()
  const agent = new WireAgent({ url: shop.t.url, token: 'jag_wrong' })
  await expect(agent.connect()).rejects.toThrow('401')
})

test('resuming plans anew what a crash left, and changes nothing otherwise', async () => {
  await using shop = await openShop()
  await push(shop, file('build:', 'test:\n  needs: build'))
  const before = await shop.t.db.db.select().from(jobs).orderBy(jobs.id)
  await shop.t.app.get(LeaseJudge).resume()
  expect(await shop.t.db.db.select().from(jobs).orderBy(jobs.id)).toEqual(before)
  await shop.t.db.db.update(jobs).set({ status: 'succeeded' }).where(sql`key = 'build'`)
  await shop.t.app.get(LeaseJudge).resume()
  expect(await statuses(shop)).toMatchObject({ jobs: { build: 'succeeded', test: 'queued' } })
})

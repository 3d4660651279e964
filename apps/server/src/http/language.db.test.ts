import { releases } from '@juanie/services/releases/tables'
import { pipelineRuns, pipelineTriggers } from '@juanie/services/runs/tables'
import { and, eq, isNotNull } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { must, openShop, type Shop } from '../testing/shop.ts'
import { type LeaseFrame, WireAgent } from '../testing/wire-agent.ts'

const folder = '.github/workflows'
const one = (id: string, more = '') => `  ${id}:\n    runs-on: linux\n${more}    steps: [{ run: echo }]\n`

async function push(shop: Shop, files: Record<string, string>, message = 'Change'): Promise<string> {
  const commit = await shop.clone.commit(files, message)
  await must(shop.clone.git('push', '-q', 'origin', 'HEAD'))
  return commit
}

const view = async (shop: Shop, run: number) => (await shop.query('runs.view', { run })).data
const runs = async (shop: Shop) => (await shop.query('runs.list', { limit: 100 })).data.rows
const jobsOf = async (shop: Shop, run: number): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await view(shop, run)).jobs.map((job: { name: string; status: string }) => [job.name, job.status]),
  )

/** What a look yields as soon as it is what is wanted. */
async function until<T>(look: () => Promise<T>, isWanted: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 15_000
  for (;;) {
    const value = await look()
    if (isWanted(value)) return value
    if (Date.now() > end) throw new Error(`it never came: ${JSON.stringify(value).slice(0, 2000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const statusOf = async (shop: Shop, run: number, ...wanted: string[]): Promise<string> =>
  until(
    async () => (await view(shop, run)).status,
    (status) => wanted.includes(status),
  )

/** Leases of a run's jobs, by the name that people see. */
const lease = (agent: WireAgent, run: number, name: string): Promise<LeaseFrame> =>
  agent.frame('lease', ({ job }) => job.runNumber === run && job.instance.name.endsWith(name))

test('of one group one run runs and the newest waits; the one between is superseded', async () => {
  await using shop = await openShop()
  const text = `on: push\nconcurrency: 'deploy-\${{ github.ref }}'\njobs:\n${one('a')}`
  for (const message of ['First', 'Second', 'Third']) await push(shop, { [`${folder}/ci.yml`]: text }, message)
  await statusOf(shop, 2, 'superseded')
  expect(await view(shop, 1)).toMatchObject({ status: 'queued' })
  expect(await view(shop, 3)).toMatchObject({
    status: 'blocked',
    reason: 'run.concurrency',
    waitsFor: expect.stringContaining('run 1'),
    jobs: [],
  })
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await lease(agent, 1, 'a'))
  await agent.finish(await lease(agent, 3, 'a'))
  await statusOf(shop, 3, 'succeeded')
})

test('cancel-in-progress ends the run that holds the group, then the newer one begins', async () => {
  await using shop = await openShop()
  const text = `on: push\nconcurrency: { group: x, cancel-in-progress: true }\njobs:\n${one('a')}`
  await using agent = await WireAgent.local(shop.t)
  await push(shop, { [`${folder}/ci.yml`]: text }, 'First')
  const held = await lease(agent, 1, 'a')
  await push(shop, { [`${folder}/ci.yml`]: `${text}# more\n` }, 'Second')
  await agent.frame('cancel', ({ jobId }) => jobId === held.job.jobId)
  expect(await view(shop, 2)).toMatchObject({ status: 'blocked' })
  await agent.finish(held, 'canceled')
  await agent.finish(await lease(agent, 2, 'a'))
  expect(await statusOf(shop, 2, 'succeeded')).toBe('succeeded')
  expect(await view(shop, 1)).toMatchObject({ status: 'canceled' })
})

test('a run that waits for its group can be canceled, and a rerun waits for the group as well', async () => {
  await using shop = await openShop()
  const text = `on: push\nconcurrency: x\njobs:\n${one('a')}`
  await push(shop, { [`${folder}/ci.yml`]: text }, 'First')
  await push(shop, { [`${folder}/ci.yml`]: `${text}# more\n` }, 'Second')
  await statusOf(shop, 2, 'blocked')
  expect((await shop.mutate('runs.cancel', { run: 2 })).data).toMatchObject({ status: 'canceled' })
  await shop.mutate('runs.rerun', { run: 2 })
  expect(await view(shop, 2)).toMatchObject({ status: 'blocked', latestAttempt: 2 })
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await lease(agent, 1, 'a'))
  await agent.finish(await lease(agent, 2, 'a'))
  await statusOf(shop, 2, 'succeeded')
})

test('jobs of one group run one after another, across runs', async () => {
  await using shop = await openShop()
  const text = `on: push\njobs:\n${one('deploy', '    concurrency: production\n')}`
  await push(shop, { [`${folder}/ci.yml`]: text }, 'First')
  await push(shop, { [`${folder}/ci.yml`]: `${text}# more\n` }, 'Second')
  await using agent = await WireAgent.local(shop.t)
  const first = await agent.frame('lease')
  const other = first.job.runNumber === 1 ? 2 : 1
  const [job] = (await view(shop, other)).jobs
  expect(job).toMatchObject({ status: 'pending', waiting: { kind: 'concurrency' } })
  await agent.finish(first)
  await agent.finish(await lease(agent, other, 'deploy'))
  await statusOf(shop, other, 'succeeded')
})

const called = `on:
  workflow_call:
    inputs:
      level: { type: number, required: true }
      word: { type: string, default: "\${{ github.ref_name }}" }
    secrets: { token: { required: true } }
    outputs: { made: { value: "\${{ jobs.build.outputs.made }}-\${{ inputs.level }}" } }
env: { SHARED: "\${{ inputs.word }}" }
jobs:
  build:
    runs-on: linux
    permissions: { contents: write, issues: write }
    outputs: { made: "\${{ steps.x.outputs.y }}" }
    steps: [{ id: x, run: 'echo \${{ secrets.token }}' }]
  check:
    needs: build
    runs-on: linux
    steps: [{ run: 'echo \${{ needs.build.outputs.made }}' }]
`

test('a called workflow runs as jobs of its own, with inputs, secrets and outputs, once for each of a matrix', async () => {
  await using shop = await openShop()
  await shop.mutate('secrets.set', { name: 'DEPLOY_KEY', value: 'very-secret-value' })
  await push(shop, {
    [`${folder}/called.yml`]: called,
    [`${folder}/ci.yml`]: `name: CI
on: push
jobs:
${one('first')}  call:
    needs: first
    permissions: { contents: read }
    strategy: { matrix: { level: [1, 2] } }
    uses: ./${folder}/called.yml
    with: { level: "\${{ matrix.level }}" }
    secrets: { token: "\${{ secrets.DEPLOY_KEY }}" }
  last:
    needs: call
    runs-on: linux
    steps: [{ run: 'echo \${{ needs.call.outputs.made }}' }]
`,
  })
  await using agent = await WireAgent.local(shop.t, { slots: 4 })
  expect(await jobsOf(shop, 1)).toEqual({ first: expect.any(String), call: 'pending', last: 'pending' })
  await agent.finish(await lease(agent, 1, 'first'))
  const leases = await Promise.all(
    [1, 2].map((level) => agent.frame('lease', ({ job }) => job.contexts.inputs?.level === level)),
  )
  expect(leases[0]!.job).toMatchObject({
    contexts: {
      inputs: { level: 1, word: 'main' },
      secrets: { TOKEN: 'very-secret-value' },
      github: { job: 'build', event_name: 'push', workflow: 'CI' },
    },
    workflow: { env: { SHARED: '${{ inputs.word }}' } },
    instance: { job: { permissions: { contents: 'read', issues: 'none' } } },
  })
  expect(leases[0]!.job.contexts.secrets).not.toHaveProperty('DEPLOY_KEY')
  for (const each of leases) await agent.finish(each, 'succeeded', { made: `built${each.job.contexts.inputs?.level}` })
  for (const place of [0, 1]) {
    const check = await agent.frame(
      'lease',
      ({ job }) => job.instance.job.id === 'check' && job.contexts.inputs?.level === place + 1,
    )
    expect(check.job.contexts.needs).toMatchObject({
      build: { result: 'success', outputs: { made: `built${place + 1}` } },
    })
    await agent.finish(check)
  }
  const last = await lease(agent, 1, 'last')
  expect(last.job.contexts.needs).toEqual({ call: { result: 'success', outputs: { made: 'built2-2' } } })
  await agent.finish(last)
  await statusOf(shop, 1, 'succeeded')
  expect(Object.keys(await jobsOf(shop, 1)).sort()).toEqual([
    'call (1)',
    'call (1) / build',
    'call (1) / check',
    'call (2)',
    'call (2) / build',
    'call (2) / check',
    'first',
    'last',
  ])
})

test('a call that does not fit is refused at its place, before anything starts', async () => {
  await using shop = await openShop()
  await push(shop, {
    [`${folder}/called.yml`]: called,
    [`${folder}/ci.yml`]: `on: push\njobs:\n  a: { uses: ./${folder}/called.yml, with: { lvl: 1 } }\n  b: { uses: ./${folder}/none.yml }\n`,
  })
  const { status, problems } = await view(shop, 1)
  expect(status).toBe('invalid')
  const told = problems.map(({ position, message }: { position: { line: number }; message: string }) => [
    position.line,
    message,
  ])
  expect(told).toEqual([
    [3, expect.stringContaining("no input 'lvl'")],
    [3, expect.stringContaining("input 'level' is missing")],
    [3, expect.stringContaining("secret 'token' is missing")],
    [4, expect.stringContaining('none.yml')],
  ])
})

test('a failure in a called workflow fails its caller; what needs it is skipped, and a rerun of failed ones calls again', async () => {
  await using shop = await openShop()
  const inner = `on: workflow_call\njobs:\n${one('x')}`
  await push(shop, {
    [`${folder}/inner.yml`]: inner,
    [`${folder}/outer.yml`]: `on: workflow_call\njobs:\n  deep: { uses: ./${folder}/inner.yml }\n`,
    [`${folder}/ci.yml`]: `on: push\njobs:\n  call: { uses: ./${folder}/outer.yml }\n${one('after', '    needs: call\n')}`,
  })
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await lease(agent, 1, 'x'), 'failed')
  await statusOf(shop, 1, 'failed')
  expect(await jobsOf(shop, 1)).toEqual({
    call: 'failed',
    'call / deep': 'failed',
    'call / deep / x': 'failed',
    after: 'skipped',
  })
  await shop.mutate('runs.rerun', { run: 1, jobs: 'failed' })
  const again = await agent.frame('lease', ({ job }) => job.contexts.github.run_attempt === '2')
  await agent.finish(again)
  await agent.finish(await agent.frame('lease', ({ job }) => job.instance.name === 'after'))
  await statusOf(shop, 1, 'succeeded')
})

test('a canceled run ends the jobs that it called', async () => {
  await using shop = await openShop()
  await push(shop, {
    [`${folder}/inner.yml`]: `on: workflow_call\njobs:\n${one('x')}${one('y', '    needs: x\n')}`,
    [`${folder}/ci.yml`]: `on: push\njobs:\n  call: { uses: ./${folder}/inner.yml }\n`,
  })
  await shop.mutate('runs.cancel', { run: 1 })
  await statusOf(shop, 1, 'canceled')
  expect(await jobsOf(shop, 1)).toEqual({ call: 'canceled', 'call / x': 'canceled', 'call / y': 'canceled' })
})

test('a workflow of another repository is fetched once, and its own local calls come from there', async () => {
  await using shop = await openShop()
  await push(shop, {
    [`${folder}/lib.yml`]: `on: workflow_call\njobs:\n  deep: { uses: ./${folder}/part.yml }\n`,
    [`${folder}/part.yml`]: `on: workflow_call\njobs:\n${one('part')}`,
  })
  await must(shop.clone.git('tag', 'v1'))
  await must(shop.clone.git('push', '-q', 'origin', 'v1'))
  await push(shop, {
    [`${folder}/lib.yml`]: 'on: workflow_call\njobs: {}\n',
    [`${folder}/ci.yml`]: `on: push\njobs:\n  far: { uses: acme/shop/${folder}/lib.yml@v1 }\n  none: { uses: acme/shop/${folder}/gone.yml@v1 }\n`,
  })
  const run = (await runs(shop)).find((each: { workflow: { file: string } }) => each.workflow.file.endsWith('ci.yml'))
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await lease(agent, run.number, 'part'))
  await statusOf(shop, run.number, 'failed')
  expect(await jobsOf(shop, run.number)).toEqual({
    far: 'succeeded',
    'far / deep': 'succeeded',
    'far / deep / part': 'succeeded',
    none: 'failed',
  })
  const none = (await view(shop, run.number)).jobs.find(({ name }: { name: string }) => name === 'none')
  expect(none.reason).toMatch(/ci\.yml:4:\d+: .*gone\.yml/)
})

test('a job that needs Docker fails by name and place, the others run; alone it makes the run invalid', async () => {
  await using shop = await openShop()
  const boxed = '  boxed:\n    runs-on: linux\n    container: node:22\n    steps: [{ run: echo }]\n'
  await push(shop, { [`${folder}/ci.yml`]: `on: push\njobs:\n${one('plain')}${boxed}` })
  const { jobs, problems } = await view(shop, 1)
  expect(problems).toMatchObject([{ severity: 'warning', position: { line: 8, column: 5 } }])
  expect(jobs.find(({ name }: { name: string }) => name === 'boxed')).toMatchObject({
    status: 'failed',
    reason: expect.stringMatching(/ci\.yml:8:5: .*Docker executor/),
  })
  await push(shop, { [`${folder}/ci.yml`]: `on: push\njobs:\n${boxed}` })
  expect(await view(shop, 2)).toMatchObject({
    status: 'invalid',
    problems: [{ severity: 'error', position: { line: 5, column: 5 } }],
    jobs: [],
  })
})

test('a schedule starts a run of the default branch, once for all ticks that were missed', async () => {
  await using shop = await openShop()
  const text = `on: { schedule: [{ cron: '*/5 * * * *' }] }\njobs:\n${one('a')}`
  await push(shop, { [`${folder}/nightly.yml`]: text })
  expect(await runs(shop)).toEqual([])
  const [trigger] = await shop.t.db.db.select().from(pipelineTriggers)
  expect(trigger!.nextAt!.getTime()).toBeGreaterThan(Date.now())
  await shop.t.db.db.update(pipelineTriggers).set({ nextAt: new Date(Date.now() - 3_600_000) })
  const [run] = await until(
    () => runs(shop),
    (rows) => rows.length > 0,
  )
  expect(run).toMatchObject({ event: 'schedule', ref: 'refs/heads/main' })
  const [after] = await shop.t.db.db.select().from(pipelineTriggers)
  expect(after!.nextAt!.getTime()).toBeGreaterThan(Date.now())
  await using agent = await WireAgent.local(shop.t)
  const { job } = await agent.lease('a')
  expect(job.contexts.github).toMatchObject({ event_name: 'schedule', event: { schedule: '*/5 * * * *' } })
  await push(shop, { [`${folder}/nightly.yml`]: `on: push\njobs:\n${one('a')}` })
  expect(await shop.t.db.db.select().from(pipelineTriggers)).toEqual([])
  expect((await runs(shop)).filter(({ event }: { event: string }) => event === 'schedule')).toHaveLength(1)
})

test('a workflow follows the runs of another, once each, and a circle ends', async () => {
  await using shop = await openShop()
  await push(shop, {
    [`${folder}/ci.yml`]: `name: CI\non: push\njobs:\n${one('a')}`,
    [`${folder}/after.yml`]: `name: After\non: { workflow_run: { workflows: [CI, After], types: [completed] } }\njobs:\n${one('b', "    if: github.event.workflow_run.conclusion == 'success'\n")}`,
  })
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await lease(agent, 1, 'a'))
  const followed = await lease(agent, 2, 'b')
  expect(followed.job.contexts.github).toMatchObject({
    event_name: 'workflow_run',
    event: {
      action: 'completed',
      workflow_run: { name: 'CI', conclusion: 'success', head_branch: 'main', id: 1, event: 'push' },
    },
  })
  await agent.finish(followed)
  await agent.finish(await lease(agent, 3, 'b'))
  await agent.finish(await lease(agent, 4, 'b'))
  await statusOf(shop, 4, 'succeeded')
  await until(
    () => shop.t.db.db.select().from(pipelineRuns),
    (rows) => rows.every(({ announced }) => announced === 3),
  )
  expect(await runs(shop)).toHaveLength(4)
})

test('a dispatch from outside starts the workflows of its type', async () => {
  await using shop = await openShop()
  await push(shop, {
    [`${folder}/any.yml`]: `name: Any\non: repository_dispatch\njobs:\n${one('a')}`,
    [`${folder}/one.yml`]: `name: One\non: { repository_dispatch: { types: [built] } }\njobs:\n${one('b')}`,
  })
  const { data } = await shop.mutate('runs.send', { eventType: 'built', clientPayload: { version: 7 } })
  expect(data.map(({ workflow }: { workflow: string }) => workflow)).toEqual(['Any', 'One'])
  await using agent = await WireAgent.local(shop.t)
  const { job } = await agent.lease('b')
  expect(job.contexts.github.event).toMatchObject({ action: 'built', client_payload: { version: 7 } })
  expect((await shop.mutate('runs.send', { eventType: 'other' })).data).toHaveLength(1)
})

test('a commit says that it starts nothing', async () => {
  await using shop = await openShop()
  await push(shop, { [`${folder}/ci.yml`]: `on: push\njobs:\n${one('a')}` }, 'Words only [skip ci]')
  expect(await runs(shop)).toEqual([])
})

test('a green commit of a followed branch is released by a run of its own, once', async () => {
  await using shop = await openShop()
  await push(shop, {
    [`${folder}/ci.yml`]: `name: CI\non: push\njobs:\n${one('a')}`,
    [`${folder}/lint.yml`]: `name: Lint\non: push\njobs:\n${one('b')}`,
    'index.html': 'hello',
  })
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await agent.lease('a'))
  await statusOf(shop, 1, 'succeeded')
  expect(await runs(shop)).toHaveLength(2)
  await agent.finish(await agent.lease('b'))
  const release = await agent.lease('release')
  expect(release.job).toMatchObject({
    runNumber: 3,
    contexts: { github: { event_name: 'push', ref: 'refs/heads/main' } },
  })
  expect((await view(shop, 3)).workflow).toMatchObject({ origin: 'default' })
  // A rerun of one of them asks again, and makes nothing more.
  await shop.mutate('runs.rerun', { run: 1 })
  await agent.finish(await agent.frame('lease', ({ job }) => job.contexts.github.run_attempt === '2'))
  await statusOf(shop, 1, 'succeeded')
  await until(
    () => shop.t.db.db.select().from(pipelineRuns).where(eq(pipelineRuns.number, 1)),
    ([row]) => row?.announced === 3,
  )
  expect(await runs(shop)).toHaveLength(3)
})

test('a project can switch off that its green commits are released', async () => {
  await using shop = await openShop()
  expect((await shop.mutate('projects.update', { releasesGreenCommits: false })).data).toMatchObject({
    releasesGreenCommits: false,
  })
  await push(shop, { [`${folder}/ci.yml`]: `name: CI\non: push\njobs:\n${one('a')}`, 'index.html': 'hello' })
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await agent.lease('a'))
  await until(
    () => shop.t.db.db.select().from(pipelineRuns),
    ([row]) => row?.announced === 3,
  )
  expect(await runs(shop)).toHaveLength(1)
})

test('nothing is released where a run failed, where nothing follows the branch, or where a release was made', async () => {
  await using shop = await openShop()
  const text = `name: CI\non: push\njobs:\n${one('a')}`
  await push(shop, { [`${folder}/ci.yml`]: text, 'index.html': 'hello' })
  await using agent = await WireAgent.local(shop.t)
  await agent.finish(await lease(agent, 1, 'a'), 'failed')
  await must(shop.clone.git('checkout', '-q', '-b', 'side'))
  await push(shop, { 'index.html': 'side' })
  await agent.finish(await lease(agent, 2, 'a'))
  await must(shop.clone.git('checkout', '-q', 'main'))
  await push(shop, { 'index.html': 'main' })
  const third = await lease(agent, 3, 'a')
  const [run] = await shop.t.db.db.select().from(pipelineRuns).where(eq(pipelineRuns.number, 3))
  await shop.t.db.db.insert(releases).values({
    projectId: shop.projectId,
    number: 1,
    digest: `sha256:${'0'.repeat(64)}`,
    runId: run!.id,
    runNumber: 3,
    application: { processes: [] } as never,
    followedAt: new Date(),
  })
  await agent.finish(third)
  await until(
    () => shop.t.db.db.select().from(pipelineRuns).where(isNotNull(pipelineRuns.finishedAt)),
    (rows) => rows.length === 3 && rows.every(({ announced }) => announced === 3),
  )
  expect(
    await shop.t.db.db
      .select()
      .from(pipelineRuns)
      .where(and(eq(pipelineRuns.number, 4))),
  ).toEqual([])
})

test('what failed of a workflow asks for nobody once a push removed the workflow', async () => {
  await using shop = await openShop()
  const broken = async () => (await shop.query('overview.broken', {})).data
  const ci = { [`${folder}/ci.yml`]: `on: workflow_dispatch\njobs:\n${one('a')}` }
  await push(shop, { ...ci, [`${folder}/bad.yml`]: 'on: push\njobs: 3\n' })
  await statusOf(shop, 1, 'invalid')
  expect(await broken()).toEqual({ count: 1 })
  await must(shop.clone.git('rm', '-q', `${folder}/bad.yml`))
  await push(shop, { 'README.md': 'Without it.\n' }, 'Remove it')
  expect(await until(broken, ({ count }) => count === 0)).toEqual({ count: 0 })
})

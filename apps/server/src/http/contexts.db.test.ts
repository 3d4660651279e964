import { Actions } from '@juanie/services/actions'
import { IdTokens } from '@juanie/services/identity'
import { type JobCaller, JobPasses, LeaseJudge, RunSignals } from '@juanie/services/runs'
import { expect, test } from 'vitest'
import { must, openShop, type Shop } from '../testing/shop.ts'
import { type LeaseFrame, WireAgent } from '../testing/wire-agent.ts'

const ci = '.github/workflows/ci.yml'
const workflow = (on = 'push') => `on: ${on}\njobs:\n  a:\n    runs-on: linux\n    steps: [{ run: echo }]\n`

/** https://docs.github.com/en/actions/reference/workflows-and-actions/contexts, but for what only the agent knows. */
const documented = `actor actor_id api_url base_ref event event_name graphql_url head_ref job ref ref_name ref_protected
  ref_type repository repository_id repository_owner repository_owner_id repositoryUrl retention_days run_attempt run_id
  run_number secret_source server_url sha token triggering_actor workflow workflow_ref workflow_sha`.split(/\s+/)

async function pushed(shop: Shop, agent: WireAgent, ...refs: string[]): Promise<LeaseFrame> {
  const known = new Set(agent.frames)
  await must(shop.clone.git('push', '-q', '--force', 'origin', ...refs))
  const lease = await agent.frame('lease', (frame) => !known.has(frame))
  await agent.finish(lease)
  return lease
}
interface PushEvent {
  commits: { message: string }[]
  head_commit: object
  compare: string
}
const eventOf = ({ job }: LeaseFrame) => job.contexts.github.event as PushEvent
const messages = (lease: LeaseFrame) => eventOf(lease).commits.map(({ message }) => message)

test('a job gets every key of the github context that is documented', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await shop.clone.commit({ [ci]: workflow() }, 'First')
  const { job } = await pushed(shop, agent, 'main')
  const { github } = job.contexts
  expect(Object.keys(github).sort()).toEqual([...documented].sort())
  for (const name of documented) expect(github[name], name).toBeDefined()
  expect(github).toMatchObject({
    actor: 'ada',
    actor_id: shop.owner.id,
    triggering_actor: 'ada',
    repository: 'acme/shop',
    repository_owner: 'acme',
    repository_owner_id: shop.organizationId,
    workflow_ref: `acme/shop/${ci}@refs/heads/main`,
  })
  expect(job.contexts.job).toEqual({
    workflow_ref: `acme/shop/${ci}@refs/heads/main`,
    workflow_sha: job.repository.commit,
    workflow_repository: 'acme/shop',
    workflow_file_path: ci,
  })
})

test('the event of a push has all of its commits, and says how the ref moved', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await shop.clone.commit({ [ci]: workflow() }, 'First')
  const second = await shop.clone.commit({ 'a.txt': '2' }, 'Second\n\nWith a body')
  const first = await pushed(shop, agent, 'main')
  expect(messages(first)).toEqual(['First', 'Second\n\nWith a body'])
  expect(eventOf(first)).toMatchObject({
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: second,
    created: true,
    deleted: false,
    forced: false,
    compare: `${shop.t.url}/acme/shop/compare/main`,
    head_commit: { id: second, author: { name: 'Ada', email: 'ada@example.com' }, distinct: true },
    pusher: { name: 'ada' },
    sender: { login: 'ada', id: shop.owner.id, type: 'User' },
    organization: { login: 'acme' },
    repository: { full_name: 'acme/shop', default_branch: 'main', owner: { login: 'acme' } },
  })

  for (const n of [3, 4, 5]) await shop.clone.commit({ 'a.txt': String(n) }, `Number ${n}`)
  const several = await pushed(shop, agent, 'main')
  expect(messages(several)).toEqual(['Number 3', 'Number 4', 'Number 5'])
  expect(eventOf(several)).toMatchObject({ before: second, created: false, forced: false })
  expect(eventOf(several).compare).toContain(`/compare/${second.slice(0, 12)}...`)

  await shop.clone.commit({ 'a.txt': '6' }, 'Alone')
  const alone = await pushed(shop, agent, 'main')
  expect(messages(alone)).toEqual(['Alone'])
  expect(eventOf(alone).commits[0]).toEqual(eventOf(alone).head_commit)

  // A branch brings what the default branch has not, or nothing; and so does a tag.
  expect(messages(await pushed(shop, agent, 'main:refs/heads/same'))).toEqual([])
  await must(shop.clone.git('checkout', '-q', '-b', 'fix', 'main~2'))
  await shop.clone.commit({ 'b.txt': '1' }, 'Fix')
  await shop.clone.commit({ 'b.txt': '2' }, 'Fix more')
  expect(messages(await pushed(shop, agent, 'fix'))).toEqual(['Fix', 'Fix more'])
  expect(messages(await pushed(shop, agent, 'fix:refs/tags/v1'))).toEqual([])

  await must(shop.clone.git('reset', '-q', '--hard', 'HEAD~2'))
  await shop.clone.commit({ 'b.txt': '3' }, 'Fix anew')
  const forced = await pushed(shop, agent, 'fix')
  expect(messages(forced)).toEqual(['Fix anew'])
  expect(eventOf(forced)).toMatchObject({ forced: true, created: false })
}, 60_000)

test('what a push brings is bounded', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await shop.clone.commit({ [ci]: workflow() }, 'First')
  await pushed(shop, agent, 'main')
  const tree = (await must(shop.clone.git('rev-parse', 'HEAD^{tree}'))).stdout.trim()
  let head = (await must(shop.clone.git('rev-parse', 'HEAD'))).stdout.trim()
  for (let n = 0; n < 90; n++) {
    head = (
      await must(shop.clone.git('commit-tree', tree, '-p', head, '-m', `${n} ${'x'.repeat(10_000)}`))
    ).stdout.trim()
  }
  const lease = await pushed(shop, agent, `${head}:main`)
  const found: string[] = messages(lease)
  expect(found.length).toBeLessThan(90)
  expect(found.at(-1)).toMatch(/^89 x+$/)
  expect(JSON.stringify(eventOf(lease)).length).toBeLessThan(700_000)
}, 60_000)

test('the claims of a called job name the workflow that is called', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  const commit = await shop.clone.commit({
    [ci]: 'on: push\npermissions: { id-token: write }\njobs:\n  b:\n    uses: ./.github/workflows/called.yml\n',
    '.github/workflows/called.yml': workflow('workflow_call'),
  })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  const { job } = await agent.frame('lease')
  const called = 'acme/shop/.github/workflows/called.yml@refs/heads/main'
  expect(job.contexts.job).toMatchObject({ workflow_ref: called, workflow_sha: commit })
  expect(job.contexts.github.workflow_ref).toBe(`acme/shop/${ci}@refs/heads/main`)
  const caller = await shop.t.app.get(JobPasses).open('services', job.services!.runtimeToken)
  const claims = async (caller: JobCaller) => {
    const token = await shop.t.app.get(IdTokens).issue(caller, 'somebody')
    return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  }
  expect(await claims(caller!)).toMatchObject({
    workflow_ref: `acme/shop/${ci}@refs/heads/main`,
    job_workflow_ref: called,
    job_workflow_sha: commit,
  })
  const remote = { ...caller!, called: { key: 'octo/kit/.github/workflows/x.yml@v2', commit: 'c'.repeat(40) } }
  expect(await claims(remote)).toMatchObject({
    job_workflow_ref: 'octo/kit/.github/workflows/x.yml@v2',
    job_workflow_sha: 'c'.repeat(40),
  })
})

test('the address of an environment is kept where it is one that people may follow', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await shop.clone.commit({ [ci]: workflow() })
  for (const [told, kept] of [
    ['https://dev.example.com/a?b=c', 'https://dev.example.com/a?b=c'],
    ['javascript:alert(1)', null],
    ['dev.example.com', null],
    [null, null],
  ] as const) {
    const known = new Set(agent.frames)
    await shop.clone.commit({})
    await must(shop.clone.git('push', '-q', 'origin', 'main'))
    const lease = await agent.frame('lease', (frame) => !known.has(frame))
    const at = new Date().toISOString()
    await agent.report(lease, [
      { kind: 'job.started', at },
      { kind: 'job.ended', at, result: 'succeeded', reason: null, outputs: {}, environmentUrl: told },
    ])
    const { data } = await shop.query('runs.view', { run: lease.job.runNumber })
    expect(data.jobs).toMatchObject([{ environmentUrl: kept }])
  }
}, 60_000)

test('an input of the type environment names one of the project', async () => {
  await using shop = await openShop()
  const inputs = 'workflow_dispatch:\n    inputs:\n      to: { type: environment }\n      more: { type: string }'
  await shop.clone.commit({ [ci]: `on:\n  ${inputs}\njobs:\n  a: { runs-on: linux, steps: [{ run: echo }] }\n` })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  const start = (to: string) => shop.mutate('runs.dispatch', { inputs: { to, more: 'nowhere' } })
  expect(JSON.stringify(await start('nowhere'))).toMatch(
    /to: the project has no environment .*nowhere.*; it has dev, staging/,
  )
  expect((await start('staging')).data).toMatchObject({ status: 'queued' })
  expect((await start('')).data).toMatchObject({ status: 'queued' })
})

test('a job that no agent takes within a day fails, and what needs it is skipped', async () => {
  await using shop = await openShop()
  await using _agent = await WireAgent.local(shop.t)
  const other = 'on: push\njobs:\n  w: { runs-on: windows-latest, steps: [{ run: x }] }\n'
  await shop.clone.commit({ [ci]: `${other}  after: { needs: w, runs-on: linux, steps: [{ run: x }] }\n` })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  const view = async () => (await shop.query('runs.view', { run: 1 })).data
  expect((await view()).jobs[0]).toMatchObject({
    status: 'queued',
    waitsFor: expect.stringMatching(/windows-latest.*It fails when none comes within 24 hours/),
  })
  const kernel = shop.t.app.kernel
  let now = 0
  const judge = new LeaseJudge({
    db: kernel.db,
    signals: shop.t.app.get(RunSignals),
    url: () => shop.t.url,
    failed: () => {},
    now: () => now,
  })
  const turns = async () => {
    let decided = 0
    for (let left = 8; left > 0; left--) {
      now += 1_000
      decided += await judge.turn()
    }
    return decided
  }
  await shop.t.db.pool.query(`update jobs set queued_at = now() - interval '23 hours' where status = 'queued'`)
  expect(await turns()).toBe(0)
  expect((await view()).status).toBe('queued')
  await shop.t.db.pool.query(`update jobs set queued_at = now() - interval '25 hours' where status = 'queued'`)
  await turns()
  await expect.poll(async () => (await view()).status).toBe('failed')
  expect((await view()).jobs).toMatchObject([
    { key: 'w', status: 'failed', reason: 'job.unclaimed' },
    { key: 'after', status: 'skipped' },
  ])
}, 60_000)

test('a rerun asks again what the organization allows, and means what it meant before', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await shop.clone.commit({ [ci]: workflow() })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  const first = await agent.frame('lease')
  const commit = 'c'.repeat(40)
  await shop.t.db.pool.query('insert into run_actions (run_id, repository, ref, "commit") values ($1, $2, $3, $4)', [
    first.job.runId,
    'octo/kit',
    'v1',
    commit,
  ])
  const ask = async ({ job, fence }: LeaseFrame) =>
    (await agent.post('actions', { jobId: job.jobId, fence, uses: ['octo/kit@v1'] })).json()
  expect(JSON.stringify(await ask(first))).toContain(commit)
  await agent.finish(first)
  await shop.t.app
    .get(Actions)
    .setPolicy(
      { organizationId: shop.organizationId, projectId: null, actor: { kind: 'system', id: null, name: 'juanie' } },
      { mode: 'listed', allowed: ['actions'] },
    )
  await shop.mutate('runs.rerun', { run: 1 })
  const second = await agent.frame('lease', ({ job }) => job.jobId !== first.job.jobId)
  expect(JSON.stringify(await ask(second))).toMatch(/refused.*does not allow octo.kit@v1/)
})

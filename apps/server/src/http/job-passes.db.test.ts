import { JobPasses } from '@juanie/services/runs'
import { expect, test } from 'vitest'
import { must, openShop, runGit, type Shop } from '../testing/shop.ts'
import { type LeaseFrame, WireAgent } from '../testing/wire-agent.ts'

const workflow = `on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo "\${{ secrets.GITHUB_TOKEN }} \${{ github.token }}"
`

async function leased(shop: Shop, agent: WireAgent, permissions: Record<string, string>): Promise<LeaseFrame> {
  await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  const lease = await agent.lease()
  await shop.t.db.pool.query(`update jobs set instance = jsonb_set(instance, '{job,permissions}', $1) where id = $2`, [
    JSON.stringify(permissions),
    lease.job.jobId,
  ])
  return lease
}

test('a job reads and pushes with its own token as its permissions say, until it is over', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  const lease = await leased(shop, agent, { contents: 'write' })
  const { services, contexts } = lease.job
  expect(contexts.github.token).toBe(services!.token)
  expect(contexts.secrets).toEqual({ GITHUB_TOKEN: services!.token })
  const url = shop.urlFor(services!.token)
  await must(runGit(shop.folder, ['clone', '-q', url, 'as-job']))
  await shop.clone.commit({ 'made.txt': 'made by a job\n' })
  await must(shop.clone.git('push', '-q', url, 'main'))
  // A push by a job starts nothing.
  const { rows } = await shop.t.db.pool.query('select 1 from pipeline_runs')
  expect(rows).toHaveLength(1)

  await agent.finish(lease)
  expect((await runGit(shop.folder, ['ls-remote', url])).code).not.toBe(0)
  expect(await shop.t.app.get(JobPasses).open('services', services!.runtimeToken)).toBeNull()
})

test('a job that may only read does not push, and gets no right to ask for an id token', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t, { slots: 3 })
  const reading = await leased(shop, agent, { contents: 'read' })
  const url = shop.urlFor(reading.job.services!.token)
  await must(runGit(shop.folder, ['ls-remote', url]))
  await shop.clone.commit({ 'made.txt': 'x' })
  const refused = await shop.clone.git('push', '-q', url, 'main')
  expect(refused.stderr).toContain('contents: write')
  expect(reading.job.services!.idTokenRequest).toBeNull()
})

test('a pass opens only the door that it is for', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  const { job, fence } = await leased(shop, agent, { 'id-token': 'write' })
  const passes = shop.t.app.get(JobPasses)
  const permitted = { ...job.instance.job, permissions: { 'id-token': 'write' } } as typeof job.instance.job
  const mint = (over: { fence: number }) =>
    passes.mint({ jobId: job.jobId, runId: job.runId, job: permitted, timeoutMs: 1, ...over })
  const { services: runtimeToken, repository: token, identity: idTokenRequest } = mint({ fence })
  expect(await passes.open('services', runtimeToken)).toMatchObject({ jobId: job.jobId, fence, ref: 'refs/heads/main' })
  expect(await passes.open('identity', idTokenRequest!)).toMatchObject({ runId: job.runId })
  expect(await passes.open('repository', token)).toMatchObject({ project: 'shop', organization: 'acme' })
  for (const [use, pass] of [
    ['services', token],
    ['services', idTokenRequest!],
    ['repository', runtimeToken],
    ['identity', runtimeToken],
  ] as const) {
    expect(await passes.open(use, pass)).toBeNull()
  }
  const other = passes.mint({
    jobId: job.jobId,
    fence: fence + 1,
    runId: job.runId,
    job: job.instance.job,
    timeoutMs: 1,
  })
  expect(await passes.open('services', other.services)).toBeNull()
})

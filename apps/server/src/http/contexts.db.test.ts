import { IdTokens } from '@juanie/services/identity'
import { type JobCaller, JobPasses } from '@juanie/services/runs'
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

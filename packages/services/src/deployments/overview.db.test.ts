import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { logChunks } from '../runs/tables.ts'
import { instances } from './tables.ts'
import { type Shop, shop } from './testing/shop.ts'

const deploy = async (s: Shop, more: { environment?: string; release?: string } = {}) => {
  const release = more.release ?? (await s.release()).id
  const started = await s.deployments.start(s.scope, { environment: 'dev', ...more, release })
  await s.drive(started.id)
  return started
}
const set = (s: Shop, environment: string, name: string, value: string) =>
  s.variables.set(s.scope, { projectId: s.scope.projectId, environment, name, value } as never)

test('a project without a push has environments that were never deployed to, and nothing else', async () => {
  await using s = await shop()
  expect(await s.deployments.overview(s.scope)).toMatchObject({
    defaultBranch: 'main',
    isBegun: false,
    run: null,
    release: null,
    environments: [
      { name: 'dev', health: 'missing', serving: null, open: null, failed: null, rollback: null, openCount: 0 },
      { name: 'staging' },
      { name: 'production' },
    ],
    recent: [],
  })
})

test('the way shows what serves where, since when, and where a rollback would lead', async () => {
  await using s = await shop()
  await deploy(s, { release: (await s.release({ run: 1 })).id })
  const second = await deploy(s, { release: (await s.release({ run: 2 })).id })
  const promoted = await s.deployments.promote(s.scope, { environment: 'dev' })
  await s.drive(promoted.id)
  const { run, release, environments, recent } = await s.deployments.overview(s.scope)
  expect(run).toMatchObject({ number: 2, title: 'a push', branch: 'main', workflow: 'ci' })
  expect(release).toMatchObject({ number: 2, runNumber: 2, title: 'a push', branch: 'main' })
  const [dev, staging, production] = environments
  expect(dev).toMatchObject({
    health: 'healthy',
    url: 'http://shop-dev.localhost:8080',
    serving: { id: second.id, number: 2, title: 'a push', branch: 'main', since: expect.any(String) },
    open: null,
    failed: null,
    rollback: { number: 1, release: 1 },
  })
  expect(staging).toMatchObject({ serving: { number: 3, kind: 'promotion', release: { number: 2 } }, rollback: null })
  expect(production).toMatchObject({ serving: null })
  expect(recent.map(({ number }) => number)).toEqual([3, 2, 1])
})

test('what is on its way stands before what is in line, with its stages and what it waits for', async () => {
  await using s = await shop({ soakMs: 60_000 })
  s.agent.behaviour.soak = () => 'running'
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(first.id, 'soaking')
  await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.deployments.settled()
  const [dev] = (await s.deployments.overview(s.scope)).environments
  expect(dev).toMatchObject({
    serving: { number: 1 },
    open: { number: 1, status: 'soaking', soakMs: 60_000, waitsFor: { key: 'soak' } },
    openCount: 2,
  })
  expect(dev!.open!.stages.map(({ name }) => name)).toContain('verifying')
})

test('an attempt that came to nothing is told with its reason in parts and the end of its log', async () => {
  await using s = await shop()
  await deploy(s)
  const { id } = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(id, 'verifying')
  const [broken] = await s.db.select().from(instances).where(eq(instances.deploymentId, id))
  const many = Array.from({ length: 100 }, (_, index) => JSON.stringify([index, `line ${index + 1}`]))
  await s.db.insert(logChunks).values([
    { streamId: broken!.id, firstSeq: 1, lastSeq: 100, projectId: s.scope.projectId, lines: many.join('\n') },
    { streamId: broken!.id, firstSeq: 101, lastSeq: 101, projectId: s.scope.projectId, lines: '[9,"Error: no port"]' },
  ])
  s.agent.behaviour.instance = ({ deploymentId }) => (deploymentId === id ? 'failed' : undefined)
  await s.drive(id)
  const [dev] = (await s.deployments.overview(s.scope)).environments
  expect(dev).toMatchObject({ serving: { number: 1 }, failed: { number: 2, why: { key: 'instance_failed' } } })
  const view = await s.deployments.view(s.scope, id)
  expect(view).toMatchObject({
    serves: false,
    why: { key: 'instance_failed', details: { instance: 'web.0', code: 1 }, instanceId: broken!.id },
    lastWords: { instanceId: broken!.id, service: 'web', index: 0, point: 101 },
  })
  expect(view.lastWords!.lines).toHaveLength(40)
  expect(view.lastWords!.lines.at(0)).toMatchObject({ seq: 62, text: 'line 62' })
  expect(view.lastWords!.lines.at(-1)).toMatchObject({ seq: 101, text: 'Error: no port' })
})

test('a cancel names who did it', async () => {
  await using s = await shop()
  s.agent.behaviour.instance = () => 'starting'
  const { id } = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(id, 'verifying')
  await s.deployments.cancel({ ...s.scope, actor: { kind: 'user', id: null as never, name: 'Ann' } }, id)
  await s.drive(id)
  expect(await s.deployments.view(s.scope, id)).toMatchObject({
    status: 'canceled',
    reason: 'canceled by Ann',
    why: { key: 'canceled', details: { by: 'Ann' } },
    lastWords: null,
  })
})

test('a list is narrowed by outcome and environment, and goes on by page', async () => {
  await using s = await shop()
  await deploy(s)
  s.agent.behaviour.instance = ({ deploymentId }) =>
    s.agent.desired.routes.some((route) => route.serving?.deploymentId === deploymentId) ? undefined : 'failed'
  await deploy(s)
  s.agent.behaviour = {}
  await deploy(s, { environment: 'staging' })
  const numbers = async (query: Parameters<typeof s.deployments.list>[1]) =>
    (await s.deployments.list(s.scope, query)).rows.map(({ number }) => number)
  expect(await numbers({ outcome: 'failed', limit: 10 })).toEqual([2])
  expect(await numbers({ outcome: 'succeeded', limit: 10 })).toEqual([3, 1])
  expect(await numbers({ outcome: 'succeeded', environment: 'dev', limit: 10 })).toEqual([1])
  expect(await numbers({ outcome: 'open', limit: 10 })).toEqual([])
  expect(await s.deployments.list(s.scope, { limit: 2 })).toMatchObject({ next: 2 })
  expect(await numbers({ limit: 2, after: 2 })).toEqual([1])
})

test('two deployments are compared by what they froze, of different environments too, and never by a value of a secret', async () => {
  await using s = await shop()
  await set(s, 'dev', 'COLOUR', 'blue')
  await s.secrets.set(s.scope, {
    projectId: s.scope.projectId,
    environment: 'dev',
    name: 'PASSWORD',
    value: 'hunter-one',
  } as never)
  const first = await deploy(s, { release: (await s.release({ run: 1 })).id })
  await set(s, 'staging', 'COLOUR', 'green')
  const second = await s.deployments.promote(s.scope, { environment: 'dev' })
  await s.drive(second.id)
  const compared = await s.deployments.compare(s.scope, { a: first.number, b: second.number })
  expect(compared).toMatchObject({
    a: { environment: { name: 'dev' }, snapshot: { secrets: [{ name: 'PASSWORD', version: 1 }] } },
    b: { environment: { name: 'staging' }, snapshot: { secrets: [], variables: { COLOUR: 'green' } } },
  })
  expect(compared.changes.map(({ label, from, to }) => `${label}: ${from} → ${to}`)).toEqual([
    'hostname: shop-dev.localhost → shop-staging.localhost',
    'secret PASSWORD: 1 → null',
    'variable COLOUR: blue → green',
  ])
  expect(JSON.stringify(compared)).not.toContain('hunter')
  await expect(s.deployments.compare(s.scope, { a: 1, b: 99 })).rejects.toMatchObject({ code: 'not_found' })
})

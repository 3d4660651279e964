import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { environments } from '../environments/tables.ts'
import { agents } from '../hosts/tables.ts'
import { routes } from '../routes/tables.ts'
import { logChunks } from '../runs/tables.ts'
import { deployments, healthEvidence, instances } from './tables.ts'
import { type Shop, shop } from './testing/shop.ts'

const start = async (s: Shop, more: Record<string, unknown> = {}) =>
  s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id, ...more })
const serving = (s: Shop) => s.agent.routes.get('shop-dev.localhost')?.serving ?? null
const health = async (s: Shop) =>
  (await s.db.select().from(environments).where(eq(environments.id, s.environment.dev)))[0]!.health

test('a release that never gets healthy fails with its exit code and last words, and the old version never notices', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id)
  await s.agent.step()
  const generation = s.agent.routes.get('shop-dev.localhost')!.generation
  s.agent.behaviour = { instance: ({ deploymentId }) => (deploymentId === first.id ? undefined : 'starting') }
  const second = await start(s)
  await s.drive(second.id, 'verifying')
  const [broken] = await s.db.select().from(instances).where(eq(instances.deploymentId, second.id))
  await s.db.insert(logChunks).values({
    streamId: broken!.id,
    firstSeq: 1,
    lastSeq: 2,
    projectId: s.scope.projectId,
    lines: '[1,"booting"]\n[2,"Error: DATABASE_URL is missing"]',
  })
  s.agent.behaviour = { instance: ({ deploymentId }) => (deploymentId === first.id ? undefined : 'failed') }
  expect(await s.drive(second.id)).toEqual({
    status: 'failed',
    reason: 'web.0: it exited with code 1 — last lines: booting ⏎ Error: DATABASE_URL is missing',
  })
  await s.agent.step()
  await s.agent.step()
  expect(serving(s)).toBe(first.id)
  expect(s.agent.routes.get('shop-dev.localhost')!.generation).toBe(generation)
  expect(s.agent.desired.instances.map(({ deploymentId }) => deploymentId)).toEqual([first.id])
  expect(await health(s)).toBe('healthy')
})

test('a version whose health turns bad in its soak is rolled back by the agent, and the record says so', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id)
  s.agent.behaviour.soak = () => 'failed'
  const second = await start(s)
  expect(await s.drive(second.id)).toEqual({
    status: 'rolled_back',
    reason: 'web.0: 3 bad probes in a row (500)',
  })
  expect(s.agent.traffic.map(({ serving: id }) => id)).toEqual([null, first.id, second.id, first.id])
  s.agent.behaviour = {}
  for (let round = 0; round < 3; round++) await s.agent.step()
  expect(serving(s)).toBe(first.id)
  expect(s.agent.traffic).toHaveLength(4)
  expect(s.agent.desired.routes[0]).toMatchObject({ serving: { deploymentId: first.id }, soak: null })
  expect(s.agent.desired.instances.map(({ deploymentId }) => deploymentId)).toEqual([first.id])
})

test('a rollback that the agent did while no server was there is recorded when one is back', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id)
  s.agent.behaviour.soak = () => 'running'
  const second = await start(s)
  await s.drive(second.id, 'soaking')
  await s.agent.step()
  const { server } = s.agent
  s.agent.server = {
    desiredFor: async () => s.agent.desired,
    observe: async () => {},
  }
  s.agent.behaviour.soak = () => 'failed'
  await s.agent.step()
  expect(serving(s)).toBe(first.id)
  expect(await s.status(second.id)).toMatchObject({ status: 'soaking' })
  s.agent.server = server
  await s.restart()
  s.agent.behaviour = {}
  expect(await s.drive(second.id)).toMatchObject({ status: 'rolled_back' })
  expect(serving(s)).toBe(first.id)
})

test('a first deployment that fails its soak leaves a page that says so, and fails', async () => {
  await using s = await shop()
  s.agent.behaviour.soak = () => 'failed'
  const first = await start(s)
  expect(await s.drive(first.id)).toMatchObject({ status: 'failed' })
  await s.agent.step()
  await s.agent.step()
  expect(serving(s)).toBeNull()
  expect(await health(s)).toBe('missing')
})

test('a migration that fails ends the deployment before anything starts', async () => {
  await using s = await shop()
  const files = { Procfile: 'web: node server.js\nrelease: node migrate.js\n' }
  s.agent.behaviour.task = () => 'failed'
  const release = await s.release({ files })
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  expect(await s.drive(first.id)).toEqual({ status: 'failed', reason: 'the migration failed: it exited with code 3' })
  expect(s.agent.processes.size).toBe(0)
  s.agent.behaviour = {}
  const second = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  expect(await s.drive(second.id)).toMatchObject({ status: 'succeeded' })
  expect(s.agent.desired.tasks).toEqual([])
})

test('with stop-first the old version ends first and comes back when the new one fails', async () => {
  await using s = await shop()
  const files = {
    'compose.yaml':
      'services:\n  web:\n    command: node server.js\n    build: .\n    ports: ["3000"]\n    deploy:\n      update_config:\n        order: stop-first\n',
  }
  const deploy = async () =>
    s.deployments.start(s.scope, { environment: 'dev', release: (await s.release({ files })).id })
  const first = await deploy()
  await s.drive(first.id)
  const second = await deploy()
  expect(await s.drive(second.id)).toMatchObject({ status: 'succeeded' })
  s.agent.behaviour = { instance: ({ deploymentId }) => (deploymentId === second.id ? undefined : 'failed') }
  const third = await deploy()
  expect(await s.drive(third.id)).toMatchObject({ status: 'failed' })
  for (let round = 0; round < 4; round++) await s.agent.step()
  const running = s.agent.desired.instances.filter(({ want }) => want === 'running')
  expect(running.map(({ deploymentId }) => deploymentId)).toEqual([second.id])
  expect(serving(s)).toBe(second.id)
  expect(s.agent.processes.get(running[0]!.id)?.state).toBe('healthy')
})

test('a bundle that is gone ends the deployment before anything is touched', async () => {
  await using s = await shop()
  const release = await s.release()
  s.blobs.contents.clear()
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  expect(await s.drive(first.id)).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('no longer in the store'),
  })
  expect(await s.db.select().from(instances)).toEqual([])
})

test('a cancel before the switch changes nothing; after it the traffic goes back', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id)
  s.agent.behaviour = { instance: ({ deploymentId }) => (deploymentId === first.id ? undefined : 'starting') }
  const second = await start(s)
  await s.drive(second.id, 'verifying')
  await s.deployments.cancel(s.scope, second.number)
  expect(await s.drive(second.id)).toEqual({ status: 'canceled', reason: 'canceled by juanie' })
  s.agent.behaviour = { soak: () => 'running' }
  const third = await start(s)
  await s.drive(third.id, 'soaking')
  expect(serving(s)).toBe(third.id)
  await s.deployments.cancel(s.scope, third.id)
  expect(await s.drive(third.id)).toEqual({ status: 'rolled_back', reason: 'canceled by juanie' })
  expect(serving(s)).toBe(first.id)
  await expect(s.deployments.cancel(s.scope, third.id)).rejects.toMatchObject({ reason: 'deployment.over' })
})

test('deployments of one environment line up, say behind whom, and begin when it is over', async () => {
  await using s = await shop()
  s.agent.behaviour.soak = () => 'running'
  const first = await start(s)
  await s.drive(first.id, 'soaking')
  const second = await start(s)
  const third = await start(s)
  await s.deployments.settled()
  expect(await s.status(second.id)).toMatchObject({ status: 'queued' })
  expect((await s.deployments.view(s.scope, second.id)).waitsFor).toMatchObject({
    what: 'deployment #1, which is soaking',
    endedBy: 'the end of deployment #1, by itself or when someone cancels it',
    key: 'ahead',
    details: { number: 1, status: 'soaking' },
  })
  expect((await s.deployments.view(s.scope, third.id)).waitsFor?.what).toBe('deployment #1, which is soaking')
  const [dev] = await s.deployments.environments(s.scope)
  expect(dev).toMatchObject({
    last: { number: 3, status: 'queued', waitsFor: { what: expect.stringContaining('#1') } },
  })
  const elsewhere = await s.deployments.start(s.scope, { environment: 'staging', release: 1 })
  await s.drive(elsewhere.id, 'soaking')
  s.agent.behaviour = {}
  await s.drive(first.id)
  expect(await s.drive(second.id)).toMatchObject({ status: 'succeeded' })
  expect(await s.drive(third.id)).toMatchObject({ status: 'succeeded' })
})

test('PostgreSQL itself refuses a second active deployment of an environment', async () => {
  await using s = await shop()
  s.agent.behaviour.soak = () => 'running'
  const first = await start(s)
  await s.drive(first.id, 'soaking')
  const second = await start(s)
  await s.deployments.settled()
  const forced = s.db.update(deployments).set({ status: 'preparing' }).where(eq(deployments.id, second.id))
  await expect(forced).rejects.toMatchObject({ cause: { constraint: 'deployments_one_active' } })
})

test('a crash loop after success makes the environment degraded, and its end healthy again', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id)
  expect(await health(s)).toBe('healthy')
  const [process] = [...s.agent.processes.values()]
  Object.assign(process!, { state: 'backing_off', restarts: 2, exit: { code: 137, signal: null }, reason: 'it exited' })
  await s.agent.report()
  expect(await health(s)).toBe('degraded')
  Object.assign(process!, { state: 'starting' })
  await s.agent.report()
  expect(await health(s)).toBe('degraded')
  Object.assign(process!, { state: 'healthy', reason: null })
  await s.agent.report()
  expect(await health(s)).toBe('healthy')
  expect((await s.deployments.view(s.scope, first.id)).instances).toMatchObject([
    { state: 'healthy', restarts: 2, exit: { code: 137 } },
  ])
})

test('nobody claims to know how an environment is whose agent is silent', async () => {
  await using s = await shop()
  await s.drive((await start(s)).id)
  await s.db.update(agents).set({ lastSeenAt: new Date(Date.now() - 60_000) })
  s.clock.offsetMs = 60_000
  await s.deployments.sweep()
  expect(await health(s)).toBe('unknown')
  const next = await start(s)
  await s.deployments.settled()
  expect((await s.deployments.view(s.scope, next.id)).waitsFor).toMatchObject({
    what: expect.stringContaining('the agent of host local, last heard of at'),
    endedBy: 'starting it on local: juanie agent',
  })
  await s.agent.report()
  expect(await health(s)).toBe('healthy')
})

test('a deployment under way for more than 30 minutes is flagged once, with what a person can do', async () => {
  await using s = await shop()
  s.agent.behaviour.instance = () => 'starting'
  const first = await start(s)
  await s.drive(first.id, 'verifying')
  s.clock.offsetMs = 29 * 60_000
  await s.deployments.sweep()
  expect((await s.deployments.view(s.scope, first.id)).flagged).toBeNull()
  s.clock.offsetMs = 31 * 60_000
  await s.deployments.sweep()
  await s.deployments.sweep()
  const { flagged } = await s.deployments.view(s.scope, first.id)
  expect(flagged?.message).toMatch(/verifying.*cancel/s)
  const { rows } = await s.test.pool.query("select * from project_events where type = 'deployment.flagged'")
  expect(rows).toHaveLength(1)
})

test('a repeated or late word of an agent changes nothing', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id, 'verifying')
  const late = s.agent.observed()
  await s.drive(first.id)
  const evidence = await s.db.select().from(healthEvidence)
  const before = await s.db.select().from(instances)
  await s.deployments.observe(s.agent, late)
  await s.deployments.observe(s.agent, late)
  expect(await s.db.select().from(instances)).toEqual(before)
  expect(await s.db.select().from(healthEvidence)).toEqual(evidence)
})

test('evidence is stored once however often it is sent, and the agent is told how far', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id)
  const observed = s.agent.observed()
  const [told] = observed.instances
  const answer = await s.deployments.observe(s.agent, observed)
  expect(answer.probes).toEqual({ [told!.id]: told!.probes.length })
  const rows = await s.db.select().from(healthEvidence).where(eq(healthEvidence.instanceId, told!.id))
  expect(rows.map(({ seq }) => seq)).toEqual(told!.probes.map(({ seq }) => seq))
})

test('every move is recorded as an event, with the two public names among them', async () => {
  await using s = await shop()
  const first = await start(s)
  await s.drive(first.id)
  const { rows } = await s.test.pool.query('select type from project_events where subject_id = $1 order by id', [
    first.id,
  ])
  expect(rows.map(({ type }) => type)).toEqual([
    'deployment.queued',
    'deployment.waiting',
    'deployment.started',
    'deployment.preparing',
    'deployment.migrating',
    'deployment.rolling_out',
    'deployment.verifying',
    'deployment.switching',
    'deployment.soaking',
    'deployment.succeeded',
    'deployment.completed',
  ])
})

test("routes that an application asks for are its own, and somebody else's hostname is refused", async () => {
  await using s = await shop()
  const files = {
    'compose.yaml':
      'services:\n  web:\n    command: node server.js\n    build: .\n    ports: ["3000"]\nx-juanie:\n  routes:\n    - { service: web, hostname: default }\n    - { service: web, hostname: www.example.org }\n',
  }
  const release = await s.release({ files })
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  expect(await s.drive(first.id)).toMatchObject({ status: 'succeeded' })
  await s.agent.step()
  expect(s.agent.routes.get('www.example.org')?.serving).toBe(first.id)
  const second = await s.deployments.start(s.scope, { environment: 'staging', release: release.id })
  expect(await s.drive(second.id)).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('www.example.org'),
  })
  const third = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(third.id)
  expect(await s.db.select().from(routes).where(eq(routes.hostname, 'www.example.org'))).toEqual([])
})

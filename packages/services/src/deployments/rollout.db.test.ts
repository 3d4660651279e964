import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { environments } from '../environments/tables.ts'
import { deployments, healthEvidence, instances } from './tables.ts'
import { shop } from './testing/shop.ts'

test('a release that becomes healthy gets the traffic, soaks and is kept, with its evidence stored', async () => {
  await using s = await shop()
  const release = await s.release()
  const started = await s.deployments.start(s.scope, { environment: 'dev', release: release.number })
  expect(started).toMatchObject({
    number: 1,
    status: 'queued',
    url: 'http://shop-dev.localhost:8080',
    release: { number: 1 },
  })
  expect(await s.drive(started.id)).toEqual({ status: 'succeeded', reason: null })
  const row = (await s.db.select().from(deployments).where(eq(deployments.id, started.id)))[0]!
  expect(Object.keys(row.stages)).toEqual(
    expect.arrayContaining([
      'queued',
      'waiting',
      'preparing',
      'migrating',
      'rolling_out',
      'verifying',
      'switching',
      'soaking',
      'succeeded',
    ]),
  )
  const evidence = await s.db.select().from(healthEvidence).where(eq(healthEvidence.deploymentId, started.id))
  expect(evidence.filter(({ good }) => good).length).toBeGreaterThanOrEqual(3)
  expect(s.agent.traffic).toEqual([
    { hostname: 'shop-dev.localhost', serving: null },
    { hostname: 'shop-dev.localhost', serving: started.id },
  ])
  const [dev] = await s.db.select().from(environments).where(eq(environments.id, s.environment.dev))
  expect(dev).toMatchObject({ health: 'healthy', sync: 'synced' })
})

test('the old version stays up through the soak and is stopped when the new one is kept', async () => {
  await using s = await shop()
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(first.id)
  s.agent.behaviour.soak = () => 'running'
  const second = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(second.id, 'soaking')
  const old = s.agent.desired.instances.find(({ deploymentId }) => deploymentId === first.id)!
  expect(old.want).toBe('running')
  expect(s.agent.desired.routes[0]).toMatchObject({
    serving: { deploymentId: second.id },
    soak: { standby: { deploymentId: first.id, instanceIds: [old.id] } },
  })
  s.agent.behaviour = {}
  await s.drive(second.id)
  await s.agent.step()
  expect(s.agent.processes.get(old.id)?.state).toBe('stopped')
  await s.agent.step()
  expect(s.agent.desired.instances.map(({ deploymentId }) => deploymentId)).toEqual([second.id])
  const [row] = await s.db.select().from(instances).where(eq(instances.id, old.id))
  expect(row).toMatchObject({ want: 'gone', state: 'stopped' })
})

import { leases } from '@juanie/core/leases'
import { and, asc, eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { releases } from '../releases/tables.ts'
import { digestOf } from './snapshot.ts'
import { deployments } from './tables.ts'
import { type Shop, shop } from './testing/shop.ts'
import { desiredChannel } from './transition.ts'

const rows = (s: Shop) => s.db.select().from(deployments).orderBy(asc(deployments.number))
const deploy = async (s: Shop, more: Record<string, unknown> = {}) => {
  const started = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id, ...more })
  await s.drive(started.id)
  return started
}
const setSecret = (s: Shop, name: string, value: string) =>
  s.secrets.set(s.scope, { projectId: s.scope.projectId, environment: 'dev', name, value } as never)
const setVariable = (s: Shop, name: string, value: string) =>
  s.variables.set(s.scope, { projectId: s.scope.projectId, environment: 'dev', name, value } as never)

test('a deployment freezes variables and secret versions; what is set later holds from the next one on', async () => {
  await using s = await shop()
  await setVariable(s, 'COLOUR', 'blue')
  await setSecret(s, 'PASSWORD', 'hunter-one')
  const first = await deploy(s)
  await setVariable(s, 'COLOUR', 'green')
  await setSecret(s, 'PASSWORD', 'hunter-two')
  await s.restart()
  const [one] = (await s.deployments.desiredFor(s.hostId)).instances
  expect(one).toMatchObject({
    deploymentId: first.id,
    environment: { COLOUR: 'blue', PASSWORD: 'hunter-one' },
    secretNames: ['PASSWORD'],
  })
  const second = await deploy(s)
  const [two] = (await s.deployments.desiredFor(s.hostId)).instances.filter(({ want }) => want === 'running')
  expect(two).toMatchObject({ deploymentId: second.id, environment: { COLOUR: 'green', PASSWORD: 'hunter-two' } })
  const stored = JSON.stringify(await rows(s))
  expect(stored).not.toContain('hunter')
})

test('a rollback runs the earlier snapshot again, byte for byte, and its plan names the secrets rotated since', async () => {
  await using s = await shop()
  await setSecret(s, 'PASSWORD', 'hunter-one')
  const first = await deploy(s)
  await setSecret(s, 'PASSWORD', 'hunter-two')
  await deploy(s)
  const plan = await s.deployments.plan(s.scope, { kind: 'rollback', environment: 'dev' })
  expect(plan).toMatchObject({
    kind: 'rollback',
    snapshotOf: { number: 1 },
    current: { number: 2 },
    rotated: [{ name: 'PASSWORD', version: 1, latest: 2 }],
    problems: [],
    changes: expect.arrayContaining([
      expect.objectContaining({ path: 'secrets.PASSWORD', unit: 'version', from: '2', to: '1' }),
    ]),
  })
  expect(JSON.stringify(plan)).not.toContain('hunter')
  const back = await s.deployments.rollback(s.scope, { environment: 'dev' })
  expect(await s.drive(back.id)).toMatchObject({ status: 'succeeded' })
  const [a, , c] = await rows(s)
  expect(c).toMatchObject({ kind: 'rollback', snapshotOf: first.id, digest: a!.digest, snapshot: a!.snapshot })
  const today = await s.deployments.rollback(s.scope, { environment: 'dev', to: 2, config: 'current' })
  await s.drive(today.id)
  expect((await rows(s))[3]).toMatchObject({ snapshotOf: null, digest: (await rows(s))[1]!.digest })
})

test('a rollback by itself never leads to what was rolled away from', async () => {
  await using s = await shop()
  await deploy(s)
  await deploy(s)
  const back = await s.deployments.rollback(s.scope, { environment: 'dev' })
  await s.drive(back.id)
  await expect(s.deployments.rollback(s.scope, { environment: 'dev' })).rejects.toMatchObject({
    reason: 'rollback.no_target',
  })
  const named = await s.deployments.rollback(s.scope, { environment: 'dev', to: 2 })
  expect(await s.drive(named.id)).toMatchObject({ status: 'succeeded' })
})

test('a rollback asked for twice does not end where the first one leads away from', async () => {
  await using s = await shop()
  await deploy(s)
  await deploy(s)
  const back = await s.deployments.rollback(s.scope, { environment: 'dev' })
  await s.drive(back.id, 'soaking')
  await expect(s.deployments.rollback(s.scope, { environment: 'dev' })).rejects.toMatchObject({
    reason: 'rollback.no_target',
  })
  expect(await s.drive(back.id)).toMatchObject({ status: 'succeeded' })
})

test('a rollback to a damaged or missing bundle is refused before anything is touched', async () => {
  await using s = await shop()
  await deploy(s)
  await deploy(s)
  const [first] = await rows(s)
  s.blobs.contents.set(first!.snapshot.bundle, Buffer.from('damaged'))
  await expect(s.deployments.rollback(s.scope, { environment: 'dev' })).rejects.toMatchObject({
    code: 'conflict',
    reason: 'rollback.bundle_damaged',
  })
  s.blobs.contents.delete(first!.snapshot.bundle)
  await expect(s.deployments.rollback(s.scope, { environment: 'dev', to: 1 })).rejects.toMatchObject({
    reason: 'rollback.bundle_missing',
  })
  expect(await rows(s)).toHaveLength(2)
})

test('a rollback leads only to what succeeded, in this environment', async () => {
  await using s = await shop()
  await deploy(s)
  s.agent.behaviour.instance = ({ deploymentId }) =>
    s.agent.desired.routes.some((r) => r.serving?.deploymentId === deploymentId) ? undefined : 'failed'
  await deploy(s)
  s.agent.behaviour = {}
  await deploy(s, { environment: 'staging' })
  const to = (number: number) => s.deployments.rollback(s.scope, { environment: 'dev', to: number })
  await expect(to(2)).rejects.toMatchObject({ reason: 'deployment.not_succeeded' })
  await expect(to(3)).rejects.toMatchObject({ reason: 'deployment.other_environment' })
  await expect(to(99)).rejects.toMatchObject({ code: 'not_found' })
})

test('a promotion takes what serves to the next environment by position', async () => {
  await using s = await shop()
  await expect(s.deployments.promote(s.scope, { environment: 'dev' })).rejects.toMatchObject({
    reason: 'promotion.nothing_serves',
  })
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await expect(s.deployments.promote(s.scope, { environment: 'dev' })).rejects.toThrow(
    /Deployment #1 of dev is not over/,
  )
  await s.drive(first.id)
  const promoted = await s.deployments.promote(s.scope, { environment: 'dev' })
  await s.drive(promoted.id)
  expect((await rows(s))[1]).toMatchObject({ environmentId: s.environment.staging, kind: 'promotion' })
  expect(promoted.release).toEqual(first.release)
  const far = await s.deployments.promote(s.scope, { environment: 'dev', to: 'production' })
  await s.drive(far.id)
  await expect(s.deployments.promote(s.scope, { environment: 'production' })).rejects.toMatchObject({
    reason: 'promotion.no_next',
  })
  const list = await s.deployments.environments(s.scope)
  expect(list.map(({ name, release }) => [name, release?.number])).toEqual([
    ['dev', 1],
    ['staging', 1],
    ['production', 1],
  ])
})

test('the same request twice is one deployment', async () => {
  await using s = await shop()
  const release = await s.release()
  const ask = () => s.deployments.start(s.scope, { environment: 'dev', release: release.id, requestKey: 'k' })
  const all = await Promise.all([ask(), ask(), ask()])
  expect(new Set(all.map(({ id }) => id)).size).toBe(1)
  expect(await rows(s)).toHaveLength(1)
})

test('numbers count without a gap when many are started at once', async () => {
  await using s = await shop()
  const release = await s.release()
  await Promise.all(
    Array.from({ length: 8 }, () => s.deployments.start(s.scope, { environment: 'dev', release: release.id })),
  )
  expect((await rows(s)).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('an environment that follows a branch gets its releases by itself, newest run first', async () => {
  await using s = await shop()
  const older = await s.release({ run: 1 })
  const newer = await s.release({ run: 2 })
  await s.deployments.onReleaseMade(newer.id)
  await s.deployments.onReleaseMade(older.id)
  await s.deployments.onReleaseMade(newer.id)
  const [first, second, ...more] = await rows(s)
  expect(more).toEqual([])
  expect(first).toMatchObject({ origin: 'automatic', deploymentMethod: 'pipeline', runNumber: 2 })
  expect(second).toMatchObject({ status: 'superseded', runNumber: 1 })
  expect(second!.reason).toBe('run #2 is newer, and its release is there or on its way with deployment #1')
  expect(await s.drive(first!.id)).toMatchObject({ status: 'succeeded' })
})

test('a newer automatic deployment supersedes older ones that have not begun, and nothing else', async () => {
  await using s = await shop()
  s.agent.behaviour.soak = () => 'running'
  const active = await s.release({ run: 1 })
  await s.deployments.onReleaseMade(active.id)
  await s.drive((await rows(s))[0]!.id, 'soaking')
  await s.deployments.onReleaseMade((await s.release({ run: 2 })).id)
  const byHand = await s.deployments.start(s.scope, { environment: 'dev', release: active.id })
  await s.deployments.onReleaseMade((await s.release({ run: 3 })).id)
  await s.deployments.settled()
  expect((await rows(s)).map(({ status }) => status)).toEqual(['soaking', 'superseded', 'queued', 'queued'])
  s.agent.behaviour = {}
  await s.drive((await rows(s))[3]!.id)
  expect(await s.status(byHand.id)).toMatchObject({ status: 'succeeded' })
})

test('a release that nobody was told of is found by the sweep', async () => {
  await using s = await shop()
  const release = await s.release({ run: 1 })
  await s.deployments.sweep()
  await s.deployments.settled()
  const [first] = await rows(s)
  expect(first).toMatchObject({ releaseId: release.id, origin: 'automatic' })
  const [row] = await s.db.select().from(releases).where(eq(releases.id, release.id))
  expect(row!.followedAt).not.toBeNull()
})

test('a release that cannot run in an environment leaves a failed deployment that says why', async () => {
  await using s = await shop()
  const release = await s.release({ run: 1, files: { 'compose.yaml': 'services:\n  db:\n    image: postgres\n' } })
  await s.deployments.onReleaseMade(release.id)
  expect((await rows(s))[0]).toMatchObject({ status: 'failed', reason: expect.stringContaining('db is only an image') })
  const byHand = s.deployments.start(s.scope, { environment: 'staging', release: release.id })
  await expect(byHand).rejects.toMatchObject({ code: 'invalid', reason: 'application.image_only' })
})

test('without naming a release, deploy means the newest of the followed branch, else the one that is there', async () => {
  await using s = await shop()
  const nothing = s.deployments.start(s.scope, { environment: 'staging' })
  await expect(nothing).rejects.toMatchObject({ reason: 'release.none' })
  await s.release({ run: 1 })
  const newest = await s.release({ run: 2 })
  const started = await s.deployments.start(s.scope, { environment: 'dev' })
  expect(started.release.id).toBe(newest.id)
  const there = await deploy(s, { environment: 'staging', release: 1 })
  expect((await s.deployments.start(s.scope, { environment: 'staging' })).release.id).toBe(there.release.id)
})

test('everything goes on when every notification and every call in the process is lost', async () => {
  await using s = await shop()
  const release = await s.release()
  const started = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  await s.deployments.settled()
  for (let round = 0; round < 15; round++) {
    await s.restart()
    await s.agent.step()
  }
  expect(await s.status(started.id)).toMatchObject({ status: 'succeeded' })
})

test('two servers that reconcile the same deployment at once bring it on once', async () => {
  await using s = await shop()
  const other = s.server()
  const release = await s.release()
  const started = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  for (let round = 0; round < 20; round++) {
    await Promise.all([s.deployments.sweep(), other.sweep()])
    s.deployments.nudge(started.id)
    other.nudge(started.id)
    await Promise.all([s.deployments.settled(), other.settled()])
    await s.agent.step()
  }
  expect(await s.status(started.id)).toMatchObject({ status: 'succeeded' })
  const { rows: events } = await s.test.pool.query(
    "select type, count(*)::int from project_events where type like 'deployment.%' group by type having count(*) > 1",
  )
  expect(events).toEqual([])
  expect(s.errors).toEqual([])
})

test('a server that slept past its lease writes nothing more', async () => {
  await using s = await shop()
  const release = await s.release()
  const stat = s.blobs.stat.bind(s.blobs)
  const other = s.server()
  let slept = false
  // The first server falls asleep while it looks at the bundle, longer than its lease lasts.
  s.blobs.stat = async (digest) => {
    if (!slept) {
      slept = true
      await s.db.update(leases).set({ expiresAt: sql`now() - interval '1 second'` })
      await other.sweep()
      await other.settled()
    }
    return stat(digest)
  }
  const started = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  await s.deployments.settled()
  expect(slept).toBe(true)
  expect(await s.status(started.id)).toMatchObject({ status: 'rolling_out' })
  const { rows: events } = await s.test.pool.query(
    "select type from project_events where type = 'deployment.rolling_out'",
  )
  expect(events).toHaveLength(1)
  expect(s.errors).toEqual([])
})

test('what rests holds no lease, and what is over leaves none behind', async () => {
  await using s = await shop()
  const started = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.deployments.settled()
  const held = () =>
    s.db
      .select()
      .from(leases)
      .where(and(eq(leases.subjectId, started.id), sql`${leases.expiresAt} > now()`))
  expect(await held()).toEqual([])
  await s.drive(started.id)
  expect(await s.db.select().from(leases)).toEqual([])
})

test('each edit of desired state gives the host a new revision and tells whoever listens', async () => {
  await using s = await shop()
  const client = await s.test.pool.connect()
  const told: string[] = []
  client.on('notification', ({ channel, payload }) => void (channel === desiredChannel && told.push(payload ?? '')))
  await client.query(`listen ${desiredChannel}`)
  const before = (await s.deployments.desiredFor(s.hostId)).revision
  await deploy(s)
  await client.query('select 1')
  client.release()
  const after = (await s.deployments.desiredFor(s.hostId)).revision
  // Instances added, traffic moved, soak over.
  expect(after).toBe(before + 3)
  expect(told).toEqual([s.hostId, s.hostId, s.hostId])
})

test('the digest is one over all that runs, and the same after a way through PostgreSQL', async () => {
  await using s = await shop()
  await setVariable(s, 'COLOUR', 'blue')
  await deploy(s)
  const [row] = await rows(s)
  expect(digestOf(row!.snapshot)).toBe(row!.digest)
  const { snapshot } = row!
  const different = [
    { ...snapshot, variables: { COLOUR: 'green' } },
    { ...snapshot, soakMs: snapshot.soakMs + 1 },
    { ...snapshot, bundle: 'sha256:other' },
    { ...snapshot, secrets: [{ name: 'A', secretId: 's', versionId: 'v', version: 1 }] },
  ]
  expect(new Set([row!.digest, ...different.map(digestOf)]).size).toBe(5)
})

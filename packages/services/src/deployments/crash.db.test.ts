import { armCrashPoint } from '@juanie/core/points'
import { eq } from 'drizzle-orm'
import { afterEach, expect, test } from 'vitest'
import { routes } from '../routes/tables.ts'
import { deploymentPoints } from './status.ts'
import { deployments, instances } from './tables.ts'
import { type Shop, shop } from './testing/shop.ts'

afterEach(() => armCrashPoint(undefined))

class Crash extends Error {}

type Story = 'kept' | 'never healthy' | 'bad in its soak' | 'canceled before' | 'canceled after'
const ends: Record<Story, string> = {
  kept: 'succeeded',
  'never healthy': 'failed',
  'bad in its soak': 'rolled_back',
  'canceled before': 'canceled',
  'canceled after': 'rolled_back',
}

/** Which story passes which point. What no story passes is named below, with the test that does. */
const pointsOf: Record<Story, string[]> = {
  kept: [
    'deployment.before.start',
    'deployment.after.start',
    ...between('queued.admit', 'waiting.prepare', 'preparing.migrate', 'migrating.roll_out', 'rolling_out.verify'),
    ...between('verifying.switch', 'switching.soak', 'soaking.succeed'),
    'deployment.before.edit',
    'deployment.after.edit',
    'observed.before.store',
    'observed.after.store',
  ],
  'never healthy': between('verifying.fail'),
  'bad in its soak': between('soaking.roll_back', 'rolling_back.return'),
  'canceled before': ['deployment.before.cancel', 'deployment.after.cancel', ...between('verifying.cancel')],
  'canceled after': between('soaking.roll_back', 'rolling_back.return'),
}

function between(...moves: string[]): string[] {
  return moves.flatMap((move) => [`deployment.before.${move}`, `deployment.after.${move}`])
}

/** Nobody who asks may ever have met anything but a version that was verified. */
async function expectOneHealthyVersion(s: Shop, before: string): Promise<void> {
  const rows = await s.db.select().from(deployments).where(eq(deployments.environmentId, s.environment.dev))
  const verified = new Set(rows.filter(({ stages }) => stages.switching !== undefined).map(({ id }) => id))
  const seen = s.agent.traffic.slice(s.agent.traffic.findIndex(({ serving }) => serving === before))
  for (const { serving } of seen) expect(verified).toContain(serving)
  const [route] = await s.db.select().from(routes).where(eq(routes.environmentId, s.environment.dev))
  const serving = rows.filter(({ status }) => status === 'succeeded').sort((a, b) => b.number - a.number)[0]!
  expect(route?.servingDeploymentId).toBe(serving.id)
  expect(s.agent.routes.get('shop-dev.localhost')?.serving).toBe(serving.id)
  const running = await s.db.select().from(instances).where(eq(instances.want, 'running'))
  expect(new Set(running.map(({ deploymentId }) => deploymentId))).toEqual(new Set([serving.id]))
}

/** Plays the story while the server dies at the point; whatever it was about to do, the next one finishes it. */
async function play(s: Shop, story: Story, point: string): Promise<string> {
  const release = await s.release()
  const key = `${story}/${point}`
  let crashes = 0
  armCrashPoint(point, (name) => {
    crashes++
    throw new Crash(name)
  })
  const surviving = async (work: () => Promise<unknown>) => {
    const before = crashes
    await work().catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error
    })
    await s.deployments.settled()
    if (crashes > before) await s.restart()
  }
  let id: string | undefined
  const start = async () => {
    id = (await s.deployments.start(s.scope, { environment: 'dev', release: release.id, requestKey: key })).id
  }
  await surviving(start)
  if (!id) await start()
  let isCanceled = false
  s.agent.behaviour = {
    instance: ({ deploymentId }) => (story === 'never healthy' && deploymentId === id ? 'failed' : undefined),
    soak: (of) =>
      story === 'bad in its soak' && of === id ? 'failed' : story === 'canceled after' ? 'running' : 'passed',
  }
  for (let round = 0; round < 60; round++) {
    await s.deployments.settled()
    const { status } = await s.status(id!)
    if (status === ends[story]) break
    const cancelAt = story === 'canceled before' ? 'verifying' : story === 'canceled after' ? 'soaking' : null
    if (status === cancelAt && !isCanceled) {
      await surviving(() => s.deployments.cancel(s.scope, id!))
      isCanceled = (await s.db.select().from(deployments).where(eq(deployments.id, id!)))[0]!.cancelRequestedAt !== null
      continue
    }
    await surviving(() => s.agent.step())
  }
  expect(crashes, `${point} was not reached by "${story}"`).toBe(1)
  expect(await s.status(id!)).toMatchObject({ status: ends[story] })
  // What is over is also over on the host.
  s.agent.behaviour = {}
  for (let round = 0; round < 3; round++) await s.agent.step()
  await s.deployments.settled()
  return id!
}

test.each(Object.keys(pointsOf) as Story[])(
  'a server that dies at any point of a deployment that is %s leaves a state from which the next one goes on',
  async (story) => {
    await using s = await shop({ soakMs: 1 })
    const first = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
    await s.drive(first.id)
    for (const point of pointsOf[story]) {
      await play(s, story, point)
      await expectOneHealthyVersion(s, first.id)
    }
    expect(s.errors.filter((error) => !(error instanceof Crash))).toEqual([])
  },
  120_000,
)

test('no two deployments of one request exist, wherever the server died', async () => {
  await using s = await shop({ soakMs: 1 })
  for (const point of ['deployment.before.start', 'deployment.after.start']) {
    const release = await s.release()
    const ask = { environment: 'dev', release: release.id, requestKey: point }
    armCrashPoint(point, () => {
      throw new Crash(point)
    })
    await expect(s.deployments.start(s.scope, ask)).rejects.toThrow(Crash)
    await s.restart()
    const again = await s.deployments.start(s.scope, ask)
    expect((await s.deployments.start(s.scope, ask)).id).toBe(again.id)
    await s.drive(again.id)
  }
  expect(await s.db.select().from(deployments)).toHaveLength(2)
})

test('every point that the machine of a deployment has can be armed', () => {
  const played = new Set(Object.values(pointsOf).flat())
  const rare = deploymentPoints.filter((point) => !played.has(point))
  // These need a story of their own: they are the same writer's, and are passed by rollout and follow tests.
  expect(rare.every((point) => /^deployment\.(before|after)\./.test(point))).toBe(true)
})

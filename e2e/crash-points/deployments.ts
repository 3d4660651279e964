import { usualCompose } from '../lib/application.ts'
import { agentPid } from '../lib/crashing.ts'
import { until } from '../lib/juanie.ts'
import type { Deployment, Shop } from '../lib/shop.ts'
import { insist } from './insist.ts'
import { around, expectStatus, pushed, type Scene, type Story } from './lane.ts'

const points = (...moves: string[]) => around('deployment', ...moves)

const web = (more: string) => usualCompose.replace('    x-juanie:\n', `${more}    x-juanie:\n`)
const own = (more: string) => usualCompose.replace('    x-juanie:\n', `    x-juanie:\n${more}`)
const migrate = (program: string) => own(`      migrate: [node, -e, '${program}']\n`)
const behind = (program: string) =>
  `${web('    depends_on: { first: { condition: service_healthy } }\n')}  first:
    command: [node, -e, '${program}']
    restart: 'no'
    ports: ['4000']
`

const cancel = (shop: Shop, deployment: number) =>
  insist(
    'the cancel',
    () => shop.tell('deployments.cancel', { deployment }),
    ({ reason }) => reason === 'deployment.over',
  )

/** Starts what serves in dev by hand, once, however often the server dies meanwhile. */
async function started(scene: Scene, environment: string, key = 'only'): Promise<Deployment> {
  const { release } = await scene.shop.environment()
  const input = { environment, release: release!.number, requestKey: `${scene.turn}-${key}` }
  return scene.shop.api.insist('deployments.start', () => scene.shop.tell<Deployment>('deployments.start', input))
}

const reached = (shop: Shop, number: number, statuses: string[]): Promise<Deployment> =>
  until(`#${number} to be ${statuses}`, async () => {
    const found = await shop.ask<Deployment>('deployments.view', { deployment: number })
    if (found.final && !statuses.includes(found.status)) expectStatus(found, statuses.join(' or '))
    return statuses.includes(found.status) && found
  })

/** A push whose deployment ends like this by itself. */
async function ends(scene: Scene, version: Parameters<typeof pushed>[1], status: string): Promise<void> {
  const { commit } = await pushed(scene, version)
  expectStatus(await scene.shop.deployed(commit), status)
}

/** A push whose deployment is canceled while it is like this. */
async function canceledWhile(scene: Scene, version: Parameters<typeof pushed>[1], status: string): Promise<void> {
  const { commit } = await pushed(scene, version)
  const { number } = await scene.shop.deployed(commit, [status])
  await cancel(scene.shop, number)
  expectStatus(await scene.shop.deployed(commit), 'canceled')
}

/** While one deployment is in a soak that does not end by itself, others line up behind it. */
async function whileSoaking(scene: Scene, play: () => Promise<void>): Promise<void> {
  const { shop } = scene
  await shop.edit('dev', { soakMs: 600_000 })
  const { number } = await started(scene, 'dev', 'ahead')
  await reached(shop, number, ['soaking'])
  await shop.edit('dev', { soakMs: null })
  await play()
  await cancel(shop, number)
  await reached(shop, number, ['rolled_back'])
}

/** Gates do not exist yet; what they will keep waiting is put into that state. */
const letWait = (shop: Shop, id: string) => shop.sql(`update deployments set status = 'waiting' where id = $1`, [id])

async function canceledInLine(scene: Scene, prepare: (id: string) => Promise<unknown>): Promise<void> {
  const { shop } = scene
  await whileSoaking(scene, async () => {
    const { id, number } = await started(scene, 'dev', 'behind')
    await prepare(id)
    await cancel(shop, number)
    await reached(shop, number, ['canceled'])
  })
}

async function supersededInLine(scene: Scene, prepare: (id: string) => Promise<unknown>): Promise<void> {
  const { shop, turn } = scene
  let last = ''
  await whileSoaking(scene, async () => {
    const first = await pushed(scene, { text: `version ${turn} first` })
    const older = await shop.deployed(first.commit, ['queued'])
    await prepare(older.id)
    const second = await pushed(scene, { text: `version ${turn} second` })
    await reached(shop, older.number, ['superseded'])
    last = second.commit
  })
  expectStatus(await shop.deployed(last), 'succeeded')
}

/** The agent does not move until the server has been asked to cancel a switch that is under way. */
async function canceledInSwitch(scene: Scene, start: () => Promise<() => Promise<Deployment>>): Promise<Deployment> {
  const { shop, server } = scene
  let stopped: number | null = null
  server!.onDeath = async (point) => {
    if (point !== 'deployment.after.verifying.switch') return
    stopped = await agentPid(shop.juanie)
    process.kill(stopped, 'SIGSTOP')
  }
  try {
    const find = await start()
    await until('the switch', () => stopped !== null)
    const { number } = await find()
    await reached(shop, number, ['switching'])
    await cancel(shop, number)
    await reached(shop, number, ['rolling_back', 'failed'])
    await until('the deaths', () => server!.next === null)
    return await find()
  } finally {
    if (stopped !== null) process.kill(stopped, 'SIGCONT')
  }
}

async function freshEnvironment(scene: Scene): Promise<string> {
  const name = `fresh-${scene.turn}`
  const config = { soakMs: 600_000 }
  await insist(
    'the environment',
    () => scene.shop.tell('environments.create', { name, config }),
    ({ reason }) => reason === 'environment.name_taken',
  )
  return name
}

export const deploymentStories: Story[] = [
  {
    name: 'a deployment by hand',
    points: around('deployment', 'start'),
    async play(scene) {
      const { number } = await started(scene, 'dev')
      await reached(scene.shop, number, ['succeeded'])
    },
  },
  {
    name: 'a description that cannot be rendered',
    points: points('queued.fail'),
    play: (scene) => ends(scene, { compose: web(`    environment: { MUST: '\${MUST:?say it}' }\n`) }, 'failed'),
  },
  {
    name: 'a hostname that another environment has',
    points: points('preparing.fail'),
    play: (scene) => ends(scene, { compose: own('      routes: [default, shop-staging.localhost]\n') }, 'failed'),
  },
  {
    name: 'a migration that fails',
    points: points('migrating.fail'),
    play: (scene) => ends(scene, { compose: migrate('process.exit(1)') }, 'failed'),
  },
  {
    name: 'a service that ends at its start',
    points: points('rolling_out.fail'),
    play: (scene) => ends(scene, { compose: behind('process.exit(1)') }, 'failed'),
  },
  {
    name: 'a version that never becomes healthy',
    points: points('verifying.fail'),
    async play(scene) {
      await scene.shop.edit('dev', { startLimitMs: 1_500 })
      await ends(scene, { isHealthy: false }, 'failed')
      await scene.shop.edit('dev', { startLimitMs: null })
    },
  },
  {
    name: 'a version that becomes sick in its soak',
    points: points('soaking.roll_back', 'rolling_back.return'),
    async play(scene) {
      const { shop } = scene
      await shop.edit('dev', { soakMs: 600_000 })
      const { commit } = await pushed(scene, {})
      await shop.deployed(commit, ['soaking'])
      await shop.answer('/sicken')
      expectStatus(await shop.deployed(commit), 'rolled_back')
      await shop.edit('dev', { soakMs: null })
    },
  },
  {
    name: 'a version that becomes sick when the one before is dead',
    points: points('rolling_back.give_up'),
    async play(scene) {
      const { shop, turn, visitor } = scene
      const mortal = web(`    restart: 'no'\n`)
      const before = await pushed(scene, { text: `version ${turn} mortal`, compose: mortal })
      expectStatus(await shop.deployed(before.commit), 'succeeded')
      await until('one version to be left', () => shop.living().length === 1)
      const [old] = shop.living()
      await shop.edit('dev', { soakMs: 600_000 })
      const { commit } = await pushed(scene, { text: `version ${turn} sick` })
      await shop.deployed(commit, ['soaking'])
      process.kill(old!, 'SIGKILL')
      visitor.excuse()
      await shop.answer('/sicken')
      expectStatus(await shop.deployed(commit), 'rollback_failed')
      await shop.edit('dev', { soakMs: null })
      const after = await pushed(scene, { text: `version ${turn} again` })
      expectStatus(await shop.deployed(after.commit), 'succeeded')
      await until('it to answer', async () => (await shop.answer()) === after.text)
      visitor.excuse(false)
    },
  },
  {
    name: 'a deployment that is canceled in the line',
    points: [...around('deployment', 'cancel'), ...points('queued.cancel')],
    play: (scene) => canceledInLine(scene, async () => {}),
  },
  {
    name: 'a deployment that is canceled while it waits',
    points: points('waiting.cancel'),
    play: (scene) => canceledInLine(scene, (id) => letWait(scene.shop, id)),
  },
  {
    name: 'a deployment that is canceled while it is prepared',
    points: ['deployment.after.waiting.prepare', ...points('preparing.cancel')],
    async play(scene) {
      const { shop, server } = scene
      // By the next server it would be over in a moment: the cancel comes while there is none.
      server!.onDeath = async (point) => {
        if (point !== 'deployment.after.waiting.prepare') return
        await shop.sql(
          `update deployments set cancel_requested_at = now(), cancel_reason = 'canceled by Ada' where status = 'preparing'`,
        )
      }
      await ends(scene, {}, 'canceled')
    },
  },
  {
    name: 'a deployment that is canceled in its migration',
    points: points('migrating.cancel'),
    play: (scene) => canceledWhile(scene, { compose: migrate('setTimeout(() => {}, 600_000)') }, 'migrating'),
  },
  {
    name: 'a deployment that is canceled while it starts',
    points: points('rolling_out.cancel'),
    play: (scene) => canceledWhile(scene, { compose: behind('setTimeout(() => {}, 600_000)') }, 'rolling_out'),
  },
  {
    name: 'a deployment that is canceled while it is probed',
    points: points('verifying.cancel'),
    play: (scene) => canceledWhile(scene, { isHealthy: false }, 'verifying'),
  },
  {
    name: 'a deployment that is canceled in its switch',
    points: ['deployment.after.verifying.switch', ...points('switching.roll_back')],
    async play(scene) {
      const { shop } = scene
      const { number } = await canceledInSwitch(scene, async () => {
        const { commit } = await pushed(scene, {})
        return () => shop.deployed(commit, ['switching', 'rolling_back'])
      })
      await reached(shop, number, ['rolled_back'])
    },
  },
  {
    name: 'a first deployment that is canceled in its switch',
    points: ['deployment.after.verifying.switch', ...points('switching.fail')],
    async play(scene) {
      const { shop } = scene
      const environment = await freshEnvironment(scene)
      const { status } = await canceledInSwitch(scene, async () => {
        const { number } = await started(scene, environment)
        return () => shop.ask<Deployment>('deployments.view', { deployment: number })
      })
      if (status !== 'failed') throw new Error(`it is ${status}`)
    },
  },
  {
    name: 'a first version that becomes sick in its soak',
    points: points('soaking.fail'),
    async play(scene) {
      const { shop } = scene
      const environment = await freshEnvironment(scene)
      const { number } = await started(scene, environment)
      await reached(shop, number, ['soaking'])
      await shop.answer('/sicken', environment)
      await reached(shop, number, ['failed'])
    },
  },
  {
    name: 'a deployment whose place a newer one takes',
    points: points('queued.supersede'),
    play: (scene) => supersededInLine(scene, async () => {}),
  },
  {
    name: 'a deployment that waits and whose place a newer one takes',
    points: points('waiting.supersede'),
    play: (scene) => supersededInLine(scene, (id) => letWait(scene.shop, id)),
  },
]

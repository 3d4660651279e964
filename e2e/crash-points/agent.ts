import { usualCompose } from '../lib/application.ts'
import { expectStatus, pushed, type Story } from './lane.ts'

const migrating = usualCompose.replace(
  '    x-juanie:\n',
  '    x-juanie:\n      migrate: [node, -e, "console.log(1)"]\n',
)

/** What agents do; one point at a time, because the one that comes after the death lives. */
export const agentStories: Story[] = [
  {
    name: 'a push that is kept',
    points: [
      'agent.report.before-send',
      'agent.report.acknowledged',
      'agent.step.begun',
      'agent.logs.before-send',
      'agent.logs.acknowledged',
      'agent.step.ended',
      'agent.bundle.uploaded',
      'agent.release.made',
      'agent.observed.before-send',
      'agent.observed.acknowledged',
      'agent.desired.before-write',
      'agent.desired.written',
      'agent.desired.routes-applied',
      'agent.bundle.fetched',
      'agent.instance.before-start',
      'agent.process.started',
      'agent.process.recorded',
      'agent.route.table-set',
      'agent.route.settled',
      'agent.route.drained',
      'agent.soak.before-passed',
      'agent.soak.after-passed',
      'agent.instance.before-stop',
      'agent.instance.after-stop',
    ],
    async play(scene) {
      const { commit } = await pushed(scene, {})
      expectStatus(await scene.shop.ended(commit), 'succeeded')
      expectStatus(await scene.shop.deployed(commit), 'succeeded')
    },
  },
  {
    // How far it came is not known, and what may not happen twice is not begun again.
    name: 'a push whose migration may have begun',
    points: ['agent.task.begun'],
    async play(scene) {
      const { commit } = await pushed(scene, { compose: migrating })
      expectStatus(await scene.shop.deployed(commit), 'failed')
    },
  },
  {
    name: 'a push with a migration',
    points: ['agent.task.started', 'agent.task.ended'],
    async play(scene) {
      const { commit } = await pushed(scene, { compose: migrating })
      expectStatus(await scene.shop.deployed(commit), 'succeeded')
    },
  },
  {
    name: 'a version that becomes sick in its soak',
    points: ['agent.soak.before-failed', 'agent.soak.after-failed'],
    async play(scene) {
      const { shop } = scene
      await shop.edit('dev', { soakMs: 60_000 })
      const { commit } = await pushed(scene, {})
      await shop.deployed(commit, ['soaking'])
      await shop.answer('/sicken')
      expectStatus(await shop.deployed(commit), 'rolled_back')
      await shop.edit('dev', { soakMs: null })
    },
  },
]

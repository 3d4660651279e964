import { around, expectStatus, pushed, type Story } from './lane.ts'

/** A push that goes well to its end, by way of everything that most pushes pass. */
export const keptStory: Story = {
  name: 'a push that is kept',
  points: [
    'push.before.receive',
    'push.after.receive',
    'push.ref_moved',
    'push.before.handle',
    ...around('run', 'queue'),
    ...around('job', 'queue'),
    'push.after.handle',
    'push.answered',
    ...around('job', 'lease', 'requeue'),
    'lease.sent',
    'run.pinned',
    'report.before.store',
    ...around('run', 'start'),
    ...around('job', 'start'),
    ...around('step', 'start'),
    'report.after.store',
    'logs.before.store',
    'logs.after.store',
    'logs.acknowledged',
    ...around('step', 'succeed', 'skip'),
    'bundle.before.store',
    'bundle.stored',
    'bundle.after.store',
    ...around('release', 'make'),
    ...around('deployment', 'follow'),
    ...around('deployment', 'queued.admit', 'waiting.prepare', 'preparing.migrate', 'migrating.roll_out'),
    ...around('deployment', 'edit'),
    ...around('deployment', 'rolling_out.verify', 'verifying.switch', 'switching.soak'),
    'observed.before.store',
    'observed.after.store',
    ...around('deployment', 'soaking.succeed'),
    ...around('job', 'succeed'),
    ...around('run', 'succeed'),
  ],
  async play(scene) {
    const { commit } = await pushed(scene, {})
    expectStatus(await scene.shop.ended(commit), 'succeeded')
    expectStatus(await scene.shop.deployed(commit), 'succeeded')
  },
}

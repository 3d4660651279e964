import { agentPid } from '../lib/crashing.ts'
import { Gate } from '../lib/gate.ts'
import { until } from '../lib/juanie.ts'
import type { Shop } from '../lib/shop.ts'
import { storeAction } from '../lib/store-action.ts'
import { insist } from './insist.ts'
import { around, expectStatus, pushed, type Scene, type Story } from './lane.ts'

/** One job of a few steps, and what needs it. Nothing is released. */
const workflow = (steps: string, job = ''): string => `on:
  push:
jobs:
  build:
    runs-on: ubuntu-latest
${job}    steps:
${steps}
  after:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - run: echo after
`

/** A run that goes on until it is ended. */
const endless = workflow('      - run: while true; do echo tick; sleep 0.2; done\n      - run: echo never')

async function runs(scene: Scene, text: string, status: string): Promise<void> {
  const { commit } = await pushed(scene, { workflow: text })
  expectStatus(await scene.shop.ended(commit), status)
}

const isRunning = (shop: Shop, commit: string) =>
  until('a step to run', async () => {
    const { jobs } = await shop.run((await shop.runOf(commit)).number)
    return jobs.some(({ steps }) => steps.some(({ status, lines }) => status === 'running' && lines > 0))
  })

export const runStories: Story[] = [
  {
    name: 'a run that fails',
    points: [...around('step', 'fail'), ...around('job', 'fail', 'skip'), ...around('run', 'fail')],
    play: (scene) => runs(scene, workflow('      - run: exit 3\n      - run: echo never'), 'failed'),
  },
  {
    name: 'a workflow that cannot be read',
    points: around('run', 'refuse'),
    play: (scene) => runs(scene, 'on: push\njobs: [', 'invalid'),
  },
  {
    name: 'a run whose every job is skipped',
    points: around('run', 'skip'),
    play: (scene) => runs(scene, workflow('      - run: echo', '    if: ${{ false }}\n'), 'skipped'),
  },
  {
    name: 'a run that takes too long',
    points: [...around('job', 'time_out'), ...around('run', 'time_out')],
    play: (scene) =>
      runs(scene, endless.replace('    steps:\n', '    timeout-minutes: 0.03\n    steps:\n'), 'timed_out'),
  },
  {
    name: 'a run that is canceled',
    points: [...around('step', 'cancel'), ...around('job', 'cancel'), ...around('run', 'cancel')],
    async play(scene) {
      const { shop } = scene
      const { commit } = await pushed(scene, { workflow: endless })
      await isRunning(shop, commit)
      const { number } = await shop.runOf(commit)
      await insist(
        'the cancel',
        () => shop.tell('runs.cancel', { run: number }),
        () => true,
      )
      expectStatus(await shop.ended(commit), 'canceled')
    },
  },
  {
    name: 'a run that is run again',
    points: around('run', 'rerun'),
    async play(scene) {
      const { shop } = scene
      const { commit } = await pushed(scene, { workflow: workflow('      - run: echo once') })
      const { number } = await shop.ended(commit)
      const attempt = async () => (await shop.ask<{ attempt: number }>('runs.view', { run: number })).attempt
      await until('the second attempt', async () => {
        if ((await attempt()) === 2) return true
        await shop.tell('runs.rerun', { run: number, jobs: 'all' })
        return (await attempt()) === 2
      })
      expectStatus(await shop.ended(commit), 'succeeded')
    },
  },
  {
    name: 'runs of one concurrency group',
    points: around('run', 'block', 'supersede', 'allow'),
    async play(scene) {
      const { shop, turn } = scene
      const grouped = (text: string) => `concurrency: group-${turn}\n${text}`
      const first = await pushed(scene, { workflow: grouped(endless) })
      await isRunning(shop, first.commit)
      const second = await pushed(scene, { workflow: grouped(workflow('      - run: echo second')) })
      const third = await pushed(scene, { workflow: grouped(workflow('      - run: echo third')) })
      expectStatus(await shop.ended(second.commit), 'superseded')
      const { number } = await shop.runOf(first.commit)
      await insist(
        'the cancel',
        () => shop.tell('runs.cancel', { run: number }),
        () => true,
      )
      expectStatus(await shop.ended(first.commit), 'canceled')
      expectStatus(await shop.ended(third.commit), 'succeeded')
    },
  },
  {
    name: 'a green commit that is released',
    points: ['green.before.release', 'green.after.release', ...around('run', 'announce')],
    async play(scene) {
      const { shop } = scene
      const releases = (releasesGreenCommits: boolean) =>
        insist(
          'the setting',
          () => shop.tell('projects.update', { releasesGreenCommits }),
          () => true,
        )
      await releases(true)
      const told = await pushed(scene, { workflow: workflow('      - run: echo green') })
      told.runs = 2
      const { commit } = told
      expectStatus(await shop.deployed(commit), 'succeeded')
      await releases(false)
      const runs = (await shop.runs()).filter((each) => each.commit === commit)
      if (runs.length !== 2) throw new Error(`there are ${runs.length} runs of the green commit`)
    },
  },
  {
    name: 'a run that keeps an artifact and a cache',
    points: ['piece.before.store', 'piece.stored', 'file.before.complete', 'file.after.complete'],
    async play(scene) {
      const { shop } = scene
      const steps = '      - uses: actions/checkout@v4\n      - uses: ./.juanie/actions/store'
      const { commit } = await pushed(scene, { workflow: workflow(steps), files: storeAction })
      expectStatus(await shop.ended(commit), 'succeeded')
      const { number } = await shop.runOf(commit)
      const artifacts = await shop.ask<{ rows: { name: string; bytes: number }[] }>('artifacts.list', { run: number })
      const kept = artifacts.rows.map(({ name, bytes }) => `${name} ${bytes}`).join()
      if (kept !== 'test-report.txt 40000') throw new Error(`the artifacts are ${kept || 'none'}`)
      const caches = await shop.ask<{ rows: { key: string; bytes: number }[] }>('caches.list')
      const own = caches.rows.filter(({ key }) => key === `npm-linux-${commit.slice(0, 12)}`)
      if (own.map(({ bytes }) => bytes).join() !== '2000000') throw new Error(`the caches are ${JSON.stringify(own)}`)
    },
  },
  {
    name: 'a job whose agent dies',
    points: around('job', 'lose'),
    async play(scene) {
      const { shop } = scene
      await using gate = await Gate.listen()
      const once = `      - run: while ${gate.isClosed}; do echo tick; sleep 0.2; done`
      const { commit } = await pushed(scene, { workflow: workflow(once) })
      await isRunning(shop, commit)
      gate.isOpen = true
      process.kill(await agentPid(shop.juanie), 'SIGKILL')
      expectStatus(await shop.ended(commit), 'succeeded')
      const { jobs } = await shop.run((await shop.runOf(commit)).number)
      const states = jobs.filter(({ key }) => key === 'build').map(({ status }) => status)
      if (states.join() !== 'lost,succeeded') throw new Error(`the jobs are ${states}`)
    },
  },
  {
    name: 'a push that git refuses',
    points: around('push', 'refuse'),
    async play({ shop, turn }) {
      // A branch cannot lie below another one. The workflow runs on neither.
      await shop.commit({ text: `version ${turn} aside` })
      await shop.pushHead('above')
      await until('the refusal', async () => {
        const { stderr } = await shop.git('push', '-q', 'origin', `HEAD:above/below-${turn}`)
        return /directory file conflict|cannot lock ref|failed to update ref/.test(stderr)
      })
    },
  },
  {
    name: 'a push whose run the database does not take',
    points: around('push', 'accept'),
    isFragile: true,
    async play(scene) {
      const { shop } = scene
      await shop.sql(
        `create function refuse_runs() returns trigger language plpgsql as $$ begin raise 'no runs today'; end $$`,
      )
      await shop.sql(
        'create trigger refuse_runs before insert on pipeline_runs for each row execute function refuse_runs()',
      )
      try {
        await pushed(scene, {})
        await until('the death', () => scene.server!.reached.length === 1)
      } finally {
        await shop.sql('drop function refuse_runs cascade')
      }
      const { commit } = scene.told.at(-1)!
      expectStatus(await shop.ended(commit), 'succeeded')
      expectStatus(await shop.deployed(commit), 'succeeded')
    },
  },
  {
    name: 'old runs that are removed',
    points: around('run', 'clean'),
    async play(scene) {
      const { shop } = scene
      const { commit } = await pushed(scene, { workflow: workflow('      - run: echo old') })
      scene.told.pop()
      const run = await shop.ended(commit)
      await shop.sql(`update pipeline_runs set finished_at = now() - interval '100 days' where id = $1`, [run.id])
      // Whoever leads looks for them when it begins to.
      await scene.server!.killNow()
      await until('it to be gone', async () => !(await shop.runs()).some(({ id }) => id === run.id), 30_000)
    },
  },
]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { portHolder } from '@juanie/core/port-holder'
import { expect, test } from 'vitest'
import { agentPid } from './lib/crashing.ts'
import { Gate } from './lib/gate.ts'
import { processesNaming, root, until } from './lib/juanie.ts'
import { faults, type Told } from './lib/oracle.ts'
import { Shop } from './lib/shop.ts'
import { Visitor } from './lib/visitor.ts'

const limit = { timeout: 300_000 }

async function served(shop: Shop, told: Told[], text = 'version 1'): Promise<Visitor> {
  const commit = await shop.push({ text })
  told.push({ commit, text })
  expect(await shop.deployed(commit)).toMatchObject({ status: 'succeeded' })
  return new Visitor(shop.juanie.edgePort, new URL(await shop.url()).hostname, { connections: 4, pauseMs: 5 })
}

const kill = (pid: number) => process.kill(pid, 'SIGKILL')
const answers = (shop: Shop, text: string) => async () => (await shop.answer()) === text

test('an edge that is killed under load serves again within a second', limit, async () => {
  await using shop = await Shop.open()
  const visitor = await served(shop, [])
  await shop.url()
  for (let round = 0; round < 3; round++) {
    const { pid } = (await portHolder(shop.juanie.edgePort))!
    await until('answers', () => visitor.requests > 100)
    kill(pid)
    const died = performance.now()
    await until('an answer', answers(shop, 'version 1'), 10_000)
    expect(performance.now() - died).toBeLessThan(1_000)
  }
  await visitor.stop()
})

test('when everything is killed at once, an agent alone brings the applications back', limit, async () => {
  await using shop = await Shop.open()
  const visitor = await served(shop, [])
  await visitor.stop()
  const url = await shop.url()
  const { juanie } = shop
  for (const { pid } of processesNaming(juanie.home)) kill(pid)
  await juanie.stopServer('SIGKILL')
  await until('all to be gone', () => processesNaming(juanie.home).length === 0)
  const agent = spawn(process.execPath, [join(root, 'apps/cli/bin/juanie.mjs'), 'agent'], {
    cwd: '/',
    env: juanie.environment,
    stdio: 'ignore',
  })
  try {
    expect(await shop.url()).toBe(url)
    await until('the application', answers(shop, 'version 1'))
    await juanie.up()
    // The server takes the agent that is there, and so does the next deployment.
    const told: Told[] = []
    await (await served(shop, told, 'version 2')).stop()
    expect(await faults(shop, told, null)).toEqual([])
  } finally {
    agent.kill('SIGTERM')
    await once(agent, 'exit')
  }
})

test('a version that fails its soak while the server is dead is left by the agent alone', limit, async () => {
  await using shop = await Shop.open()
  const told: Told[] = []
  const visitor = await served(shop, told)
  await shop.edit('dev', { soakMs: 600_000 })
  const commit = await shop.push({ text: 'version 2' })
  const { number } = await shop.deployed(commit, ['soaking'])
  await shop.juanie.stopServer('SIGKILL')
  expect(await shop.answer()).toBe('version 2')
  await shop.answer('/sicken')
  await until('the old version', answers(shop, 'version 1'))
  // It stays so: nothing moves forward without a server.
  await until('more answers', async () => {
    visitor.bodies.clear()
    await new Promise((resolve) => setTimeout(resolve, 500))
    return visitor.bodies.size === 1 && visitor.bodies.has('version 1')
  })
  await shop.juanie.up()
  expect(await shop.deployed(commit)).toMatchObject({ number, status: 'rolled_back' })
  told.push({ commit, text: 'version 2' })
  expect(await faults(shop, told, visitor)).toEqual([])
  await visitor.stop()
})

/** A job whose first attempt goes on for ever and leaves a mark of which processes are its own. */
const endless = (step: string, { job = '' } = {}) => `on:
  push:
jobs:
  build:
    runs-on: ubuntu-latest
${job}    steps:
      - run: |
${step.replace(/^/gm, '          ')}
`

/** Two programs that ignore the end of their job, one of them detached; the marker is their name. */
const stubborn = (marker: string, gate: Gate) => `if ${gate.isClosed}; then
  setsid bash -c 'trap "" TERM; exec -a ${marker}-detached sleep 600' &
  exec -a ${marker} sleep 600
fi
echo done`

const named = (marker: string) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(marker)
      } catch {
        return false
      }
    })

test(
  'a job whose agent was killed is decided within five seconds, leaves no process, and is repeated once',
  limit,
  async () => {
    await using shop = await Shop.open()
    await using gate = await Gate.listen()
    const marker = `stubborn-${shop.projectId}`
    const told: Told[] = []
    await (await served(shop, told)).stop()
    const lose = async (workflow: string) => {
      gate.isOpen = false
      const commit = await shop.push({ text: 'version 1', workflow })
      await until('the step', () => named(marker).length === 2)
      const run = await shop.runOf(commit)
      gate.isOpen = true
      kill(await agentPid(shop.juanie))
      const died = performance.now()
      await until('a decision', async () => (await shop.run(run.number)).jobs[0]!.status === 'lost')
      const decided = performance.now() - died
      await until('its processes to end', () => named(marker).length === 0, 5_000)
      expect(decided).toBeLessThan(5_000)
      return shop.ended(commit)
    }
    const repeated = await lose(endless(stubborn(marker, gate)))
    expect(repeated).toMatchObject({ status: 'succeeded' })
    const states = async (number: number) => (await shop.run(number)).jobs.map(({ status }) => status)
    expect(await states(repeated.number)).toEqual(['lost', 'succeeded'])

    // What was given a secret, or names an environment, may not happen twice.
    await shop.tell('secrets.set', { name: 'TOKEN', value: 'hush hush' })
    const secret = endless(`echo \${{ secrets.TOKEN }}\n${stubborn(marker, gate)}`)
    for (const workflow of [secret, endless(stubborn(marker, gate), { job: '    environment: dev\n' })]) {
      const lost = await lose(workflow)
      expect(lost).toMatchObject({ status: 'failed', reason: 'job.lost' })
      expect(await states(lost.number)).toEqual(['lost'])
    }
    const log = await shop.logsOf((await shop.runs())[1]!)
    expect(log.flatMap(({ lines }) => lines).join('\n')).not.toContain('hush hush')
  },
)

test('a job whose agent was killed in a deploy step is not repeated', limit, async () => {
  await using shop = await Shop.open()
  const told: Told[] = []
  const visitor = await served(shop, told)
  await shop.edit('dev', { soakMs: 600_000 })
  const workflow = `on:
  push:
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: juanie/release@v1
      - uses: juanie/deploy@v1
        with: { environment: dev }
`
  const commit = await shop.push({ text: 'version 2', workflow })
  const { number } = await shop.deployed(commit, ['soaking'])
  await until('the deploy step', async () => {
    const { jobs } = await shop.run((await shop.runOf(commit)).number)
    return jobs[0]!.steps.some(({ place, status }) => place === 2 && status === 'running')
  })
  kill(await agentPid(shop.juanie))
  expect(await shop.ended(commit)).toMatchObject({ status: 'failed', reason: 'job.lost' })
  // The deployment is no part of the job: it goes on to its own end.
  expect(await shop.deployed(commit, ['soaking'])).toMatchObject({ number })
  await shop.tell('deployments.cancel', { deployment: number })
  expect(await shop.deployed(commit)).toMatchObject({ status: 'rolled_back' })
  told.push({ commit, text: 'version 2' })
  expect(await faults(shop, told, visitor)).toEqual([])
  await visitor.stop()
})

test('the whole loop goes through when every queued job is lost', limit, async () => {
  await using shop = await Shop.open({ JUANIE_DROP_JOBS: '1' })
  const told: Told[] = []
  const visitor = await served(shop, told)
  const bad = await shop.push({ text: 'version 2', isHealthy: false, compose: undefined })
  await shop.tell('deployments.cancel', { deployment: (await shop.deployed(bad, ['verifying'])).number })
  expect(await shop.deployed(bad)).toMatchObject({ status: 'canceled' })
  await (await served(shop, told, 'version 3')).stop()
  const { number } = await shop.tell<{ number: number }>('deployments.rollback', { environment: 'dev' })
  await until('the rollback', async () => {
    const { status } = await shop.ask<{ status: string }>('deployments.view', { deployment: number })
    return status === 'succeeded'
  })
  expect(await shop.answer()).toBe('version 1')
  expect(await faults(shop, told, visitor)).toEqual([])
  await visitor.stop()
})

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { DesiredInstance } from '@juanie/services/hosts/contract'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sendSignal } from '../host/process-tree.ts'
import { RuntimeHost } from '../testing/runtime-host.ts'

// Real processes on a machine that others may use too.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let host: RuntimeHost
let old: DesiredInstance
let next: DesiredInstance

beforeEach(async () => {
  host = await RuntimeHost.start()
  old = await host.instance({ environment: { VERSION: '1' }, deploymentId: randomUUID() })
  next = await host.instance({ environment: { VERSION: '2' }, deploymentId: randomUUID() })
})
afterEach(async () => {
  await host[Symbol.asyncDispose]()
  expect(host.server.problems).toEqual([])
})

const serving = (instance: DesiredInstance) => ({ deploymentId: instance.deploymentId, instanceIds: [instance.id] })
const soak = (soakMs: number) => ({ soakMs, standby: serving(old) })

/** The first version serves, the second one is healthy beside it. */
async function bothUp() {
  host.want({ instances: [old, next], routes: [host.route(old)] })
  await host.reaches(old.id, 'healthy')
  await host.reaches(next.id, 'healthy')
  await host.until('the first serves', () => host.edge.serving()[0] === old.id)
}

async function switched(soakMs: number) {
  await bothUp()
  host.want({ instances: [old, next], routes: [host.route(next, { generation: 2, soak: soak(soakMs) })] })
  await host.until('the second serves', () => host.observedRoute()?.generation === 2 && host.observedRoute())
}

test('a route with nothing that serves is unavailable, and one whose instances start says so', async () => {
  host.want({ routes: [host.route(null)] })
  await host.until('unavailable', () => host.edge.route()?.state === 'unavailable')
  const route = await host.until('told', () => host.observedRoute())
  expect(route).toMatchObject({ serving: null, drained: true, soak: null })
  const slow = { ...old, environment: { SLOW: '400' } }
  host.want({ instances: [slow], routes: [host.route(slow, { generation: 2 })] })
  await host.until('starting', () => host.edge.route()?.state === 'starting')
  await host.until('serving', () => host.edge.route()?.state === 'serving' && host.edge.serving()[0] === slow.id)
})

test('a switch is made only when told, drains the old instances and is passed after its soak', async () => {
  let release: () => void = () => {}
  host.edge.drain = () =>
    new Promise((resolve) => {
      release = resolve
    })
  await bothUp()
  await pause(50)
  expect(host.edge.serving()).toEqual([old.id])
  host.want({ instances: [old, next], routes: [host.route(next, { generation: 2, soak: soak(700) })] })
  const route = await host.until('switched', () => host.observedRoute()?.generation === 2 && host.observedRoute())
  expect(route).toMatchObject({
    serving: next.deploymentId,
    drained: false,
    soak: { state: 'running', deploymentId: next.deploymentId },
  })
  expect(host.edge.route()).toMatchObject({ instances: [{ id: next.id }], standby: [{ id: old.id }], state: 'serving' })
  expect(host.edge.drains).toContainEqual({ target: old.id, limitMs: expect.any(Number) })
  host.edge.drain = async () => {}
  release()
  await host.until('drained', () => host.observedRoute()?.drained)
  const passed = await host.until(
    'passed',
    () => host.observedRoute()?.soak?.state === 'passed' && host.observedRoute(),
  )
  expect(passed.soak?.elapsedMs).toBeGreaterThanOrEqual(700)
  expect(Date.now() - Date.parse(passed.since)).toBeGreaterThanOrEqual(700)
  const { since } = passed
  host.want({ instances: [{ ...old, want: 'stopped' }, next], routes: [host.route(next, { generation: 3 })] })
  await host.reaches(old.id, 'stopped')
  expect(host.observedRoute()).toMatchObject({ generation: 3, since, soak: null })
  expect(host.edge.serving()).toEqual([next.id])
})

test('in the soak, bad probes in a row send visitors back though the server is away, and it is told later', async () => {
  await switched(60_000)
  await host.server.stop()
  await host.get(next.id, '/sicken')
  await host.until('back on the old one', () => host.edge.serving()[0] === old.id, 5_000)
  expect(host.edge.route()?.standby).toEqual([])
  await host.server.start()
  const route = await host.until('told', () => host.observedRoute()?.soak?.state === 'failed' && host.observedRoute())
  expect(route).toMatchObject({ generation: 2, serving: old.deploymentId })
  expect(route.soak?.reason).toMatch(/^3 probes in a row were bad: GET \/ answered 500/)
})

test('in the soak, the exit of an instance that serves sends visitors back at once', async () => {
  await switched(60_000)
  sendSignal(host.observed(next.id)!.pid!, 'SIGKILL')
  await host.until('back on the old one', () => host.edge.serving()[0] === old.id, 2_000)
  await host.until('told', () => host.observedRoute()?.soak?.state === 'failed')
})

test('after the soak passed, bad probes move no route', async () => {
  await switched(100)
  await host.until('passed', () => host.observedRoute()?.soak?.state === 'passed')
  await host.get(next.id, '/sicken')
  await host.reaches(next.id, 'unhealthy')
  await pause(100)
  expect(host.edge.serving()).toEqual([next.id])
})

test('a first version that fails its soak leaves the page that nothing serves', async () => {
  host.want({ instances: [next], routes: [host.route(null)] })
  await host.reaches(next.id, 'healthy')
  host.want({
    instances: [next],
    routes: [host.route(next, { generation: 2, soak: { soakMs: 60_000, standby: null } })],
  })
  await host.until('it serves', () => host.edge.serving()[0] === next.id)
  await host.get(next.id, '/exit')
  await host.until('unavailable', () => host.edge.route()?.state === 'unavailable')
  await host.until(
    'told',
    () => host.observedRoute()?.serving === null && host.observedRoute()?.soak?.state === 'failed',
  )
})

test('a soak goes on in the next agent, and only the time that was watched counts', async () => {
  await switched(3_000)
  const elapsed = () => host.runtime?.observe().routes[0]?.soak?.elapsedMs ?? 0
  await host.until('some time', () => elapsed() > 0)
  const before = elapsed()
  host.stopAgent()
  // Longer than the soak: if it counted, the soak would be over.
  await pause(3_200)
  await host.startAgent()
  const resumed = await host.until('running', () => host.runtime?.observe().routes[0])
  expect(resumed).toMatchObject({ soak: { state: 'running' }, serving: next.deploymentId })
  expect(resumed.soak?.elapsedMs).toBeGreaterThanOrEqual(before)
  await host.until('passed', () => host.observedRoute()?.soak?.state === 'passed', 8_000)
})

test('an instance that ended while no agent watched fails the soak of the next one', async () => {
  await switched(60_000)
  host.stopAgent()
  await host.get(next.id, '/exit')
  await pause(50)
  await host.startAgent()
  await host.until('back on the old one', () => host.edge.serving()[0] === old.id)
  await host.until('told', () => host.observedRoute()?.soak?.state === 'failed')
})

test('a verdict outlives the agent that made it', async () => {
  await switched(60_000)
  await host.server.stop()
  await host.get(next.id, '/exit')
  await host.until('back on the old one', () => host.edge.serving()[0] === old.id)
  host.stopAgent()
  await host.startAgent()
  await pause(300)
  expect(host.edge.serving()).toEqual([old.id])
  await host.server.start()
  await host.until('told', () => host.observedRoute()?.soak?.state === 'failed')
  expect(host.edge.tables.filter(({ routes }) => routes[0]?.instances[0]?.id === next.id).length).toBeLessThan(4)
})

test('an edge that is away gets the table when it is back', async () => {
  await bothUp()
  host.edge.isAway = true
  host.want({ instances: [old, next], routes: [host.route(next, { generation: 2 })] })
  await pause(150)
  expect(host.observedRoute()?.generation).toBe(1)
  host.edge.isAway = false
  await host.until('it follows', () => host.observedRoute()?.generation === 2)
  expect(host.edge.serving()).toEqual([next.id])
})

test('a replica that is down gets no visitors while the other one answers', async () => {
  const twin = await host.instance({ index: 1, deploymentId: old.deploymentId, restart: { minBackOffMs: 400 } })
  const both = { deploymentId: old.deploymentId, instanceIds: [old.id, twin.id] }
  host.want({ instances: [old, twin], routes: [{ ...host.route(old), serving: both }] })
  await host.until('both serve', () => host.edge.serving().length === 2)
  await host.get(twin.id, '/exit')
  await host.until('one serves', () => host.edge.serving().join() === old.id)
  await host.until('both again', () => host.edge.serving().length === 2)
})

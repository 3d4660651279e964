import { expect, test } from 'vitest'
import { defaultTimes, type Service } from '../applications/contract.ts'
import type { DeploymentStatus, Snapshot } from './contract.ts'
import { type Decision, decide, type Facts, type RouteFacts, type Version } from './plan.ts'
import { type InstanceFacts, placesOf } from './version.ts'

const service = (name: string, change: Partial<Service> = {}): Service => ({
  name,
  command: { kind: 'shell', line: 'run' },
  environment: {},
  workingDirectory: '.',
  replicas: 1,
  declaredPort: 3000,
  hasPort: true,
  dependsOn: [],
  health: { kind: 'default', times: { xJuanie: {}, compose: {} } },
  limits: { memoryBytes: null, cpus: null },
  stopSignal: 'SIGTERM',
  stopGraceMs: 10_000,
  restart: 'always',
  maxRetries: null,
  kind: 'server',
  ...change,
})
const worker = service('worker', { hasPort: false, declaredPort: null, health: null, kind: 'worker' })

const snapshot = (change: Partial<Snapshot['application']> = {}): Snapshot => ({
  bundle: 'sha256:b',
  application: {
    services: [service('web')],
    routes: [{ service: 'web', hostname: 'default' }],
    migrate: null,
    order: 'start-first',
    requires: [],
    asks: [],
    secrets: [],
    notHonoured: [],
    warnings: [],
    ...change,
  },
  times: { web: defaultTimes },
  drainMs: 30_000,
  soakMs: 30_000,
  hostname: 'shop.localhost',
  variables: {},
  secrets: [],
})

const instance = (id: string, change: Partial<InstanceFacts> = {}): InstanceFacts => ({
  id,
  service: 'web',
  index: 0,
  kind: 'instance',
  want: 'running',
  state: 'healthy',
  reason: null,
  restarts: 0,
  exitCode: null,
  exitSignal: null,
  good: 3,
  ...change,
})

const route = (change: Partial<RouteFacts> = {}): RouteFacts => ({
  id: 'r',
  hostname: 'shop.localhost',
  isDefault: true,
  generation: 1,
  servingDeploymentId: 'old',
  observedGeneration: 1,
  observedServingId: 'old',
  isDrained: true,
  soakDeploymentId: null,
  soakState: null,
  soakReason: null,
  ...change,
})

const old: Version = { id: 'old', number: 1, snapshot: snapshot(), instances: [instance('o')] }

const facts = (
  status: DeploymentStatus,
  change: Partial<Facts> = {},
  own: Partial<Facts['deployment']> = {},
): Facts => ({
  now: 1_000_000,
  deployment: {
    id: 'new',
    number: 2,
    snapshot: snapshot(),
    instances: [instance('n')],
    status,
    stages: { soaking: 990_000 },
    cancelReason: null,
    ...own,
  },
  ahead: null,
  agent: { host: 'local', isConnected: true, lastSeenAt: null },
  bundle: { kind: 'present' },
  takenHostnames: [],
  replaced: old,
  routes: [route()],
  ...change,
})

const said = (decision: Decision) => {
  if (decision.kind === 'rest') return `rest: ${decision.waitsFor.what}`
  return decision.kind === 'move'
    ? `${decision.move}${decision.because ? `: ${decision.because.reason}` : ''}`
    : decision.kind
}
const wants = (decision: Decision) =>
  'edits' in decision
    ? decision.edits.flatMap((edit) => {
        if (edit.kind === 'revive') return [`${edit.ids.join(',')} revived`]
        return edit.kind === 'want' ? [`${edit.ids.join(',')} ${edit.want}`] : []
      })
    : []
const routesOf = (decision: Decision) =>
  'edits' in decision ? decision.edits.filter((edit) => edit.kind === 'route') : []

const switched = { servingDeploymentId: 'new', generation: 2, observedGeneration: 2, observedServingId: 'new' }
const isSoaking = { ...switched, soakDeploymentId: 'new', soakState: 'running' as const }

test.each<[string, Facts, string]>([
  [
    'one behind another waits for it by name',
    facts('queued', { ahead: { number: 1, status: 'rolling_out' } }),
    'rest: deployment #1, which is rolling out',
  ],
  ['the first in line goes on', facts('queued'), 'admit'],
  ['one without gates begins', facts('waiting'), 'prepare'],
  ['one in line can be canceled', facts('queued', {}, { cancelReason: 'by Ann' }), 'cancel: by Ann'],
  [
    'the bundle is looked for before anything is touched',
    facts('preparing', { bundle: { kind: 'unknown' } }),
    'check bundle',
  ],
  ['a bundle that is gone ends it', facts('preparing', { bundle: { kind: 'unusable', why: 'gone' } }), 'fail: gone'],
  [
    'a hostname of somebody else ends it',
    facts('preparing', { takenHostnames: ['a.localhost'] }),
    'fail: the hostname a.localhost belongs to another environment: take it out of x-juanie.routes',
  ],
  ['nothing to migrate goes on at once', facts('migrating'), 'roll_out'],
  [
    'what has not started is waited for',
    facts('rolling_out', {}, { instances: [instance('n', { state: 'fetching' })] }),
    'rest: the start of web.0',
  ],
  [
    'what has started is verified',
    facts('rolling_out', {}, { instances: [instance('n', { state: 'starting' })] }),
    'verify',
  ],
  [
    'a healthy instance without enough stored probes is not believed',
    facts('verifying', {}, { instances: [instance('n', { good: 2 })] }),
    'rest: good probes of web.0',
  ],
  ['enough good probes move the traffic', facts('verifying'), 'switch'],
  [
    'an instance that gave up ends it with its exit code',
    facts('verifying', {}, { instances: [instance('n', { state: 'failed', exitCode: 3 })] }),
    'fail: web.0: it exited with code 3',
  ],
  [
    "the agent's own sentence is the better reason",
    facts(
      'verifying',
      {},
      {
        instances: [instance('n', { state: 'failed', exitCode: 3, reason: 'it listens on 8080 instead of PORT 4711' })],
      },
    ),
    'fail: web.0: it listens on 8080 instead of PORT 4711',
  ],
  [
    'a server that just ends has failed',
    facts('verifying', {}, { instances: [instance('n', { state: 'completed', exitCode: 0 })] }),
    'fail: web.0: it exited with code 0',
  ],
  [
    'a silent agent is named',
    facts(
      'verifying',
      { agent: { host: 'eu-1', isConnected: false, lastSeenAt: '12:00' } },
      { instances: [instance('n', { good: 0 })] },
    ),
    'rest: the agent of host eu-1, last heard of at 12:00',
  ],
  ['a cancel before the switch ends it', facts('verifying', {}, { cancelReason: 'by Ann' }), 'cancel: by Ann'],
  [
    'the switch waits until the edge serves it',
    facts('switching', { routes: [route({ servingDeploymentId: 'new', generation: 2 })] }),
    'rest: the edge, which is to serve #2 at shop.localhost',
  ],
  ['a route in force begins the soak', facts('switching', { routes: [route(switched)] }), 'soak'],
  [
    'a cancel after the switch leads back',
    facts('switching', { routes: [route(switched)] }, { cancelReason: 'by Ann' }),
    'roll_back: by Ann',
  ],
  [
    'a cancel after the switch of a first one ends it',
    facts('switching', { replaced: null, routes: [route(switched)] }, { cancelReason: 'by Ann' }),
    'fail: by Ann',
  ],
  [
    'a soak goes on until the agent has judged it',
    facts('soaking', { routes: [route(isSoaking)] }),
    'rest: the end of its soak',
  ],
  ['a passed soak keeps it', facts('soaking', { routes: [route({ ...isSoaking, soakState: 'passed' })] }), 'succeed'],
  [
    'draining belongs to the soak',
    facts('soaking', { routes: [route({ ...isSoaking, soakState: 'passed', isDrained: false })] }),
    'rest: the last requests of the version before',
  ],
  [
    'a drain that never ends is not waited for beyond its limit',
    facts('soaking', {
      now: 990_000 + 35_000,
      routes: [route({ ...isSoaking, soakState: 'passed', isDrained: false })],
    }),
    'succeed',
  ],
  [
    'the soak of another deployment says nothing',
    facts('soaking', { routes: [route({ ...isSoaking, soakDeploymentId: 'old', soakState: 'passed' })] }),
    'rest: the end of its soak',
  ],
  [
    'a failed soak leads back',
    facts('soaking', { routes: [route({ ...isSoaking, soakState: 'failed', soakReason: '3 bad probes' })] }),
    'roll_back: 3 bad probes',
  ],
  [
    'a failed soak of a first one ends it',
    facts('soaking', { replaced: null, routes: [route({ ...isSoaking, soakState: 'failed', soakReason: 'exit' })] }),
    'fail: exit',
  ],
  [
    'it rolls back until the edge serves the old one',
    facts('rolling_back', { routes: [route({ generation: 3, observedGeneration: 2, observedServingId: 'new' })] }),
    'rest: the edge, which is to serve #1 again',
  ],
  [
    'the old version in force ends the way back',
    facts('rolling_back', { routes: [route({ generation: 3, observedGeneration: 3 })] }),
    'return',
  ],
  [
    'an agent that went back by itself has ended it already',
    facts('rolling_back', {
      routes: [route({ generation: 3, observedGeneration: 2, soakState: 'failed', soakDeploymentId: 'new' })],
    }),
    'return',
  ],
  [
    'an old observation of the old version is no way back',
    facts('rolling_back', { routes: [route({ generation: 3, observedGeneration: 1 })] }),
    'rest: the edge, which is to serve #1 again',
  ],
  [
    'an old version that cannot serve either is said so',
    facts('rolling_back', {
      routes: [route({ generation: 3, observedGeneration: 3 })],
      replaced: { ...old, instances: [instance('o', { state: 'failed', exitSignal: 'SIGKILL' })] },
    }),
    'give_up: #1 does not serve either: web.0: it was ended by SIGKILL',
  ],
  [
    'an old version that restarts is waited for',
    facts('rolling_back', {
      routes: [route({ generation: 3, observedGeneration: 3 })],
      replaced: { ...old, instances: [instance('o', { state: 'backing_off' })] },
    }),
    'rest: #1 to be healthy again',
  ],
])('%s', (_name, given, expected) => expect(said(decide(given))).toBe(expected))

test('the same facts always lead to the same decision', () => {
  const given = facts('verifying')
  expect(decide(structuredClone(given))).toEqual(decide(given))
})

test('a failure before the switch stops the new instances and touches neither route nor old ones', () => {
  const decision = decide(facts('verifying', {}, { instances: [instance('n', { state: 'failed' })] }))
  expect(wants(decision)).toEqual(['n stopped'])
  expect(routesOf(decision)).toEqual([])
  expect(decision).toMatchObject({ because: { why: { key: 'instance_failed', instanceId: 'n' } } })
})

test('the switch names the old version as standby', () => {
  expect(routesOf(decide(facts('verifying')))).toEqual([
    { kind: 'route', id: 'r', serving: 'new', standby: 'old', isSoaking: true },
  ])
})

test('a first deployment has no standby, and its failed soak leaves a route that serves nothing', () => {
  expect(routesOf(decide(facts('verifying', { replaced: null })))).toMatchObject([{ standby: null, isSoaking: true }])
  const failed = facts('soaking', { replaced: null, routes: [route({ ...isSoaking, soakState: 'failed' })] })
  expect(routesOf(decide(failed))).toEqual([{ kind: 'route', id: 'r', serving: null, standby: null, isSoaking: false }])
  expect(wants(decide(failed))).toEqual(['n stopped'])
})

test('success ends the soak of the route and stops everything else of the environment', () => {
  const decision = decide(facts('soaking', { routes: [route({ ...isSoaking, soakState: 'passed' })] }))
  expect(decision).toMatchObject({
    edits: [{ kind: 'route', serving: 'new', standby: null, isSoaking: false }, { kind: 'stop others' }],
  })
})

test('the way back stops nothing until the old version has the traffic again', () => {
  expect(wants(decide(facts('soaking', { routes: [route({ ...isSoaking, soakState: 'failed' })] })))).toEqual([])
  expect(wants(decide(facts('rolling_back', { routes: [route({ generation: 3, observedGeneration: 3 })] })))).toEqual([
    'n stopped',
  ])
})

test('a hostname that the new version no longer has serves nothing, and is dropped once it is kept', () => {
  const extra = route({ id: 'x', hostname: 'api.localhost', isDefault: false })
  expect(routesOf(decide(facts('verifying', { routes: [route(), extra] })))[1]).toMatchObject({
    id: 'x',
    serving: null,
  })
  const passed = { ...isSoaking, soakState: 'passed' as const }
  const kept = decide(facts('soaking', { routes: [route(passed), { ...extra, servingDeploymentId: null }] }))
  expect(kept).toMatchObject({ edits: expect.arrayContaining([{ kind: 'drop routes', ids: ['x'] }]) })
})

test('a migration runs before anything starts, and its failure starts nothing', () => {
  const migrate = {
    service: 'web',
    command: { kind: 'shell' as const, line: 'up' },
    environment: {},
    workingDirectory: '.',
  }
  const own = { snapshot: snapshot({ migrate }), instances: [] as InstanceFacts[] }
  expect(decide(facts('preparing', {}, own))).toMatchObject({
    move: 'migrate',
    edits: [{ kind: 'add instances', places: [{ kind: 'task', service: 'web', index: 0 }] }],
  })
  const task = (state: string) => instance('t', { kind: 'task', state, exitCode: state === 'failed' ? 2 : null })
  const at = (state: string) => decide(facts('migrating', {}, { ...own, instances: [task(state)] }))
  expect(said(at('running'))).toBe('rest: the migration')
  expect(said(at('failed'))).toBe('fail: the migration failed: it exited with code 2')
  expect(at('succeeded')).toMatchObject({ move: 'roll_out', edits: [{ want: 'gone' }, { kind: 'add instances' }] })
})

test('with stop-first the old version ends before the new one starts, and comes back when that fails', () => {
  const own = { snapshot: snapshot({ order: 'stop-first' }), instances: [] as InstanceFacts[] }
  const begin = decide(facts('migrating', {}, own))
  expect(wants(begin)).toEqual(['o stopped'])
  const ending = { ...old, instances: [instance('o', { want: 'stopped', state: 'draining' })] }
  expect(said(decide(facts('rolling_out', { replaced: ending }, own)))).toBe('rest: the end of web.0')
  const ended = { ...old, instances: [instance('o', { want: 'stopped', state: 'stopped' })] }
  expect(said(decide(facts('rolling_out', { replaced: ended }, own)))).toBe('edit')
  const broken = { ...own, instances: [instance('n', { state: 'failed' })] }
  expect(wants(decide(facts('verifying', { replaced: ended }, broken)))).toEqual(['n stopped', 'o revived'])
  const inSoak = facts(
    'soaking',
    { replaced: ended, routes: [route({ ...isSoaking, soakState: 'failed' })] },
    { ...own, instances: [instance('n')] },
  )
  expect(wants(decide(inSoak))).toEqual(['o revived'])
})

test('what has no route is judged in the soak by the server', () => {
  const two = { snapshot: snapshot({ services: [service('web'), worker] }) }
  const looping = instance('w', { service: 'worker', state: 'backing_off', exitCode: 1 })
  const decision = decide(
    facts('soaking', { routes: [route(isSoaking)] }, { ...two, instances: [instance('n'), looping] }),
  )
  expect(said(decision)).toBe('roll_back: worker.0: it exited with code 1')
})

test('an application without a route soaks by time', () => {
  const own = {
    snapshot: snapshot({ services: [worker], routes: [] }),
    instances: [instance('w', { service: 'worker', good: 0 })],
  }
  expect(said(decide(facts('verifying', { routes: [] }, own)))).toBe('switch')
  expect(decide(facts('soaking', { routes: [] }, own))).toMatchObject({ kind: 'rest', dueAt: 1_020_000 })
  expect(said(decide(facts('soaking', { routes: [], now: 1_020_000 }, own)))).toBe('succeed')
})

test('a job must have ended well, and a worker is healthy by running', () => {
  const job = service('job', { hasPort: false, health: null, kind: 'job' })
  const own = { snapshot: snapshot({ services: [job, worker], routes: [] }) }
  const at = (state: string) =>
    decide(
      facts(
        'verifying',
        { routes: [] },
        {
          ...own,
          instances: [instance('j', { service: 'job', state }), instance('w', { service: 'worker', good: 0 })],
        },
      ),
    )
  expect(said(at('starting'))).toContain('rest: good probes of job.0')
  expect(said(at('completed'))).toBe('switch')
})

test('every replica of every service is a place', () => {
  const places = placesOf(
    snapshot({ services: [service('web', { replicas: 2 }), worker, service('off', { replicas: 0 })] }),
  )
  expect(places.map(({ service: name, index }) => `${name}.${index}`)).toEqual(['web.0', 'web.1', 'worker.0'])
})

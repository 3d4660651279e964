import { expect, test } from 'vitest'
import { defaultTimes, type Service } from '../applications/contract.ts'
import { changesBetween } from './changes.ts'
import type { Snapshot } from './contract.ts'

const service = (name: string, change: Partial<Service> = {}): Service => ({
  name,
  command: { kind: 'exec', argv: ['node', 'server.js'] },
  environment: {},
  workingDirectory: '.',
  replicas: 1,
  declaredPort: 3000,
  hasPort: true,
  dependsOn: [],
  health: null,
  limits: { memoryBytes: null, cpus: null },
  stopSignal: 'SIGTERM',
  stopGraceMs: 10_000,
  restart: 'unless-stopped',
  maxRetries: null,
  kind: 'server',
  ...change,
})

const snapshot = (services: Service[], change: Partial<Snapshot> = {}): Snapshot => ({
  bundle: 'sha256:a',
  application: {
    services,
    routes: [{ service: services[0]!.name, hostname: 'default' }],
    migrate: null,
    order: 'start-first',
    requires: [],
    asks: [],
    secrets: [],
    notHonoured: [],
    warnings: [],
  },
  times: Object.fromEntries(services.map(({ name }) => [name, defaultTimes])),
  drainMs: defaultTimes.drainMs,
  soakMs: defaultTimes.soakMs,
  hostname: 'shop.localhost',
  variables: {},
  secrets: [],
  ...change,
})

const told = (before: Snapshot | null, after: Snapshot) =>
  changesBetween(before, after).map(({ label, from, to }) => `${label}: ${from} → ${to}`)

test('the same would run again', () => {
  expect(told(snapshot([service('web')]), snapshot([service('web')]))).toEqual([])
})

test('a first deployment says what runs, and nothing of settings that nobody chose', () => {
  expect(told(null, snapshot([service('web')]))).toEqual([
    'files: null → sha256:a',
    'drain: null → 30000',
    'hostname: null → shop.localhost',
    'order: null → start-first',
    'service web: null → node server.js',
    'soak: null → 30000',
  ])
})

test('a setting of a service that stays is named in words, with its unit', () => {
  const before = snapshot([service('web')])
  const after = snapshot([service('web', { limits: { memoryBytes: 67_108_864, cpus: null }, stopGraceMs: 2_000 })])
  expect(changesBetween(before, after)).toMatchObject([
    { subject: 'setting', service: 'web', name: 'memory', label: 'web: memory limit', unit: 'bytes', from: null },
    { subject: 'setting', name: 'stopGraceMs', unit: 'ms', from: '10000', to: '2000' },
  ])
})

test('a service that comes or goes is one line', () => {
  const worker = service('worker', {
    command: { kind: 'shell', line: 'node worker.js' },
    hasPort: false,
    kind: 'worker',
  })
  const alone = snapshot([service('web')])
  expect(told(alone, snapshot([service('web'), worker]))).toEqual(['service worker: null → node worker.js'])
  expect(told(snapshot([service('web'), worker]), alone)).toContain('service worker: node worker.js → null')
})

test('a soak that holds for all is told once', () => {
  const after = snapshot([service('web')], { soakMs: 1_000, times: { web: { ...defaultTimes, soakMs: 1_000 } } })
  expect(told(snapshot([service('web')]), after)).toEqual(['soak: 30000 → 1000'])
})

test('a value that differs only behind what is shown is a change', () => {
  const long = 'x'.repeat(300)
  const changes = changesBetween(
    snapshot([service('web')], { variables: { A: `${long}1` } }),
    snapshot([service('web')], { variables: { A: `${long}2` } }),
  )
  expect(changes).toHaveLength(1)
  expect(changes[0]!.to!.length).toBeLessThan(220)
})

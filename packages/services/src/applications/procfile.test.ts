import { expect, test } from 'vitest'
import { applicationOf } from './testing.ts'

test('web answers on a port, release runs once before, and every other line is a worker', () => {
  const { services, routes, migrate, order } = applicationOf({
    Procfile:
      '# how it runs\nweb: exec gunicorn app:app --bind "0.0.0.0:$PORT" && true\r\nrelease: python migrate.py\n\nworker:python worker.py\n',
    'package.json': '{"scripts":{"start":"node other.js"}}',
  })
  expect(
    services.map(({ name, kind, command, hasPort, health }) => ({
      name,
      kind,
      command,
      hasPort,
      health: health?.kind,
    })),
  ).toEqual([
    {
      name: 'web',
      kind: 'server',
      command: { kind: 'shell', line: 'exec gunicorn app:app --bind "0.0.0.0:$PORT" && true' },
      hasPort: true,
      health: 'default',
    },
    {
      name: 'worker',
      kind: 'worker',
      command: { kind: 'shell', line: 'python worker.py' },
      hasPort: false,
      health: undefined,
    },
  ])
  expect(routes).toEqual([{ service: 'web', hostname: 'default' }])
  expect(migrate).toMatchObject({ service: 'web', command: { kind: 'shell', line: 'python migrate.py' } })
  expect(order).toBe('start-first')
})

test('a Procfile without web has workers only', () => {
  expect(applicationOf({ Procfile: 'bot: node bot.js' })).toMatchObject({
    routes: [],
    services: [{ name: 'bot', kind: 'worker', restart: 'always' }],
  })
})

test.each([
  ['web node server.js', /Procfile:1: `web node server\.js` is not a line of the form `name: command`/],
  ['web: a\nweb: b', /Procfile:2: web is written twice/],
  ['web:', /Procfile:1: /],
  ['release: x', /The Procfile starts nothing; add the line `web: <command>`/],
  ['', /The Procfile starts nothing/],
])('%j is refused', (Procfile, message) => {
  expect(() => applicationOf({ Procfile })).toThrow(message)
})

test('a Compose service without a command takes the Procfile line of its name', () => {
  const { services, migrate } = applicationOf({
    'compose.yaml': 'services: { web: { build: ., ports: [80] }, worker: { build: . } }',
    Procfile: 'web: node web.js\nworker: node worker.js\nrelease: node migrate.js\n',
  })
  expect(services.map(({ command }) => command)).toEqual([
    { kind: 'shell', line: 'node web.js' },
    { kind: 'shell', line: 'node worker.js' },
  ])
  expect(migrate?.command).toEqual({ kind: 'shell', line: 'node migrate.js' })
})

import { expect, test } from 'vitest'
import type { Health } from '../contract.ts'
import { applicationOf } from '../testing.ts'

function health(check: string, x = '', ports = "['8080:3000']"): Omit<Health, 'times'> | null {
  const { services } = applicationOf(`
services:
  web:
    command: node server.js
    ports: ${ports}
    healthcheck: ${check}
    x-juanie: { ${x} }`)
  const found = services[0]!.health
  if (found === null) return null
  const { times: _, ...probe } = found
  return probe
}

const success = [{ from: 200, to: 399 }]

test.each([
  ['{ test: ["CMD", "curl", "-f", "http://localhost:3000/health"] }', '/health'],
  ['{ test: curl -fsS http://127.0.0.1:3000/ready?deep=1 || exit 1 }', '/ready?deep=1'],
  ['{ test: "curl --fail --silent localhost:3000 > /dev/null || exit 1" }', '/'],
  ['{ test: ["CMD-SHELL", "wget -q --spider http://0.0.0.0:3000/up || false"] }', '/up'],
  ['{ test: ["CMD", "wget", "--no-verbose", "--tries=1", "-O", "/dev/null", "http://[::1]:3000/up"] }', '/up'],
  ['{ test: ["CMD", "/usr/bin/curl", "-f", "-o", "/dev/null", "-m", "5", "http://localhost:3000/"] }', '/'],
  ['{ test: ["CMD", "sh", "-c", "curl -f http://localhost:3000/inner || exit 1"] }', '/inner'],
  ['{ test: "curl -f http://localhost:$$PORT/by-port" }', '/by-port'],
  ['{ test: "curl -f http://localhost:$${PORT:-3000}/by-port" }', '/by-port'],
])('%s becomes an HTTP probe of %s', (check, path) => {
  expect(health(check)).toEqual({ kind: 'http', path, status: success })
})

test('curl without --fail is content with any answer', () => {
  expect(health('{ test: curl -s http://localhost:3000/x }')).toEqual({
    kind: 'http',
    path: '/x',
    status: [{ from: 100, to: 599 }],
  })
})

test.each([
  'curl -f http://localhost:9000/other-port',
  'curl -f http://localhost/port-80',
  'curl -f http://db:3000/another-host',
  'curl -fk https://localhost:3000/secure',
  'curl -f -H "Accept: x" http://localhost:3000/',
  'curl -f http://localhost:3000/a http://localhost:3000/b',
  'curl -f http://localhost:3000/ | grep ok',
  'curl -f http://localhost:3000/ && test -f /tmp/ok',
  'node check.js',
  'pg_isready',
])('%s runs as it is', (line) => {
  expect(health(`{ test: '${line}' }`)).toEqual({ kind: 'command', command: { kind: 'shell', line } })
})

test('a command as a list runs without a shell', () => {
  expect(health('{ test: ["CMD", "node", "check.js", "a b"] }')).toEqual({
    kind: 'command',
    command: { kind: 'exec', argv: ['node', 'check.js', 'a b'] },
  })
})

test('x-juanie.health wins over the test', () => {
  const check = '{ test: curl -f http://localhost:3000/compose }'
  expect(health(check, 'health: { path: /mine }')).toEqual({ kind: 'http', path: '/mine', status: success })
  expect(health(check, 'health: { path: /mine, status: "200, 204-206" }')).toMatchObject({
    status: [
      { from: 200, to: 200 },
      { from: 204, to: 206 },
    ],
  })
  expect(health(check, 'health: { status: 401 }')).toEqual({
    kind: 'http',
    path: '/compose',
    status: [{ from: 401, to: 401 }],
  })
  expect(health(check, 'health: { interval: 2s }')).toMatchObject({ path: '/compose' })
})

test('without a test, or with one that is switched off, the default probe gives the evidence', () => {
  expect(health('{ interval: 5s }')).toEqual({ kind: 'default' })
  expect(health('{ disable: true }')).toEqual({ kind: 'default' })
  expect(health('{ test: [NONE] }')).toEqual({ kind: 'default' })
  expect(health('{ disable: true, test: curl -f http://localhost:3000/ }')).toEqual({ kind: 'default' })
})

test('a service without a port and without a check has nothing to probe', () => {
  expect(health('{ disable: true }', 'routes: []', '[]')).toBeNull()
  expect(health('{ test: node check.js }', 'routes: []', '[]')).toMatchObject({ kind: 'command' })
})

test('only what was set is kept, by where it was written', () => {
  const { services } = applicationOf(`
services:
  web:
    command: a
    ports: [3000]
    healthcheck: { interval: 10s, start_interval: 2s, retries: 0 }
    x-juanie: { health: { soak: 0s, healthy: 5 } }`)
  expect(services[0]!.health?.times).toEqual({
    compose: { intervalMs: 10_000, startIntervalMs: 2_000 },
    xJuanie: { soakMs: 0, healthy: 5 },
  })
})

test.each([
  ['health: { path: health }', /path begins with \//],
  ['health: { path: "/a b" }', /path begins with \//],
  ['health: { status: 700 }', /is a status such as 200/],
  ['health: { status: 299-200 }', /is a status such as 200/],
  ['health: { interval: 0s }', /interval is longer than nothing/],
  ['health: { healthy: 0 }', /healthy is a whole number from 1 to 1000/],
  ['health: { soak: soon }', /soak is a time with its unit/],
  ['health: { pth: / }', /knows path, status, .*; pth is none of them/],
  ['helth: {}', /x-juanie knows routes, health, migrate; helth is none/],
])('%s is refused', (x, message) => {
  expect(() => health('{}', x)).toThrow(message)
})

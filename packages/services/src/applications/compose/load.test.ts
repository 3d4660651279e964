import { expect, test } from 'vitest'
import { Problems } from '../problems.ts'
import { readProject } from './project.ts'
import type { ComposeService } from './service.ts'

function load(texts: Record<string, string>, values: Record<string, string> = {}, paths?: string[]) {
  const problems = new Problems()
  const { services } = readProject(paths ?? Object.keys(texts).filter((path) => /^compose\./.test(path)), {
    read: (path) => texts[path] ?? null,
    lookup: (name) => values[name],
    isOpen: false,
    problems,
  })
  const errors = problems.list.filter(({ severity }) => severity === 'error')
  return {
    services: Object.fromEntries(services.map((service) => [service.name, service])) as Record<string, ComposeService>,
    problems: errors.map(({ file, line, message }) => `${file}:${line ?? 0} ${message}`),
  }
}

test('an environment file adds to mappings, appends to lists and replaces single values and commands', () => {
  const { services, problems } = load({
    'compose.yaml': `
services:
  web:
    command: node a.js --old
    environment: { A: '1', B: '1' }
    env_file: a.env
    ports: ['3000']
    restart: always
    depends_on: [db]
  db: { command: x }`,
    'compose.production.yaml': `
services:
  web:
    command: [node, b.js]
    environment: [B=2, C]
    env_file: [a.env, b.env]
    ports: ['4000']
    restart: on-failure:3
    depends_on: { db: { condition: service_healthy } }
  worker: { command: node worker.js }`,
  })
  expect(problems).toEqual([])
  expect(Object.keys(services)).toEqual(['web', 'db', 'worker'])
  expect(services.web).toMatchObject({
    command: ['node', 'b.js'],
    ports: [3000, 4000],
    restart: 'on-failure',
    maxRetries: 3,
  })
  expect(Object.fromEntries(services.web!.environment)).toEqual({ A: '1', B: '2', C: null })
  expect(services.web!.envFiles.map(({ path }) => path)).toEqual(['a.env', 'b.env'])
  expect(services.web!.dependsOn.get('db')?.condition).toBe('healthy')
})

test('!reset takes away and !override replaces', () => {
  const { services, problems } = load({
    'compose.yaml': `services: { web: { command: a, ports: ['1', '2'], environment: { A: '1', B: '1' }, expose: ['9'] }, old: { command: b } }`,
    'compose.dev.yaml': `
services:
  web: { ports: !override ['3'], environment: { A: !reset null }, expose: !reset [] }
  old: !reset null`,
  })
  expect(problems).toEqual([])
  expect(Object.keys(services)).toEqual(['web'])
  expect(services.web).toMatchObject({ ports: [3], expose: [] })
  expect(Object.fromEntries(services.web!.environment)).toEqual({ B: '1' })
})

test('a service extends one of the same file, or of another, whose paths are relative to that file', () => {
  const { services, problems } = load({
    'compose.yaml': `
services:
  base: { command: node base.js, environment: { A: base, B: base } }
  web: { extends: base, environment: { B: web } }
  api: { extends: { service: api, file: shared/base.yaml }, environment: { B: here } }`,
    'shared/base.yaml': `
services:
  root: { command: node shared.js, build: ../api, env_file: ./shared.env }
  api: { extends: root, environment: { A: there, B: there } }`,
  })
  expect(problems).toEqual([])
  expect(Object.fromEntries(services.web!.environment)).toEqual({ A: 'base', B: 'web' })
  expect(services.web!.command).toEqual(['node', 'base.js'])
  expect(services.api).toMatchObject({ command: ['node', 'shared.js'], context: 'api' })
  expect(services.api!.envFiles[0]?.path).toBe('shared/shared.env')
  expect(Object.fromEntries(services.api!.environment)).toEqual({ A: 'there', B: 'here' })
})

test('included files bring services, with paths and variables of their own', () => {
  const { services, problems } = load(
    {
      'compose.yaml': `
include:
  - jobs/compose.jobs.yaml
  - { path: [extra.yaml, extra.more.yaml], project_directory: deep, env_file: extra.env }
services: { web: { command: web, depends_on: [mailer] } }`,
      'jobs/compose.jobs.yaml':
        'services: { mailer: { command: "$MAILER", env_file: mail.env } }\nx-juanie: { routes: [nothing] }',
      'jobs/.env': 'MAILER=sendmail\nNAME=not used',
      'extra.yaml': 'services: { extra: { command: a, environment: { N: $NAME, M: $MORE } } }',
      'extra.more.yaml': 'services: { extra: { command: b, env_file: x.env } }',
      'extra.env': 'NAME=from file\nMORE=more',
    },
    { NAME: 'given' },
    ['compose.yaml'],
  )
  expect(problems).toEqual([])
  expect(Object.keys(services).sort()).toEqual(['extra', 'mailer', 'web'])
  expect(services.mailer!.command).toEqual(['sendmail'])
  expect(services.mailer!.envFiles[0]?.path).toBe('jobs/mail.env')
  expect(services.extra!.command).toEqual(['b'])
  expect(services.extra!.envFiles[0]?.path).toBe('deep/x.env')
  expect(Object.fromEntries(services.extra!.environment)).toEqual({ N: 'given', M: 'more' })
})

test.each([
  [
    'a circle of extends',
    { 'compose.yaml': 'services:\n  a: { extends: b }\n  b: { extends: a }' },
    /extend each other: compose\.yaml#a → compose\.yaml#b/,
  ],
  [
    'a circle of includes',
    { 'compose.yaml': 'include: [a.yaml]', 'a.yaml': 'include: [compose.yaml]' },
    /include each other/,
  ],
  [
    'a service that is not there',
    { 'compose.yaml': 'services:\n  a: { extends: nobody }' },
    /compose\.yaml:2 a extends nobody/,
  ],
  [
    'a file that is not there',
    { 'compose.yaml': 'services:\n  a:\n    extends: { service: x, file: no.yaml }' },
    /compose\.yaml:3 There is no file no\.yaml/,
  ],
  [
    'a path that leads outside',
    { 'compose.yaml': 'include:\n  - ../secrets.yaml' },
    /compose\.yaml:2 \.\.\/secrets\.yaml does not lie in/,
  ],
  [
    'an absolute path',
    { 'compose.yaml': 'services:\n  a: { extends: { service: x, file: /etc/x.yaml } }' },
    /\/etc\/x\.yaml does not lie in/,
  ],
  ['a file elsewhere', { 'compose.yaml': 'include: ["https://example.com/x.git"]' }, /on another machine/],
  [
    'a list over a mapping',
    {
      'compose.yaml': 'services: { a: { healthcheck: { retries: 1 } } }',
      'compose.x.yaml': 'services: { a: { healthcheck: [x] } }',
    },
    /use the same form/,
  ],
])('%s is named with file and line', (_, texts, message) => {
  expect(load(texts as Record<string, string>).problems.join('\n')).toMatch(message as RegExp)
})

test('files that include many others in every direction come to an end', () => {
  const names = Array.from({ length: 12 }, (_, i) => `f${i}.yaml`)
  const texts = Object.fromEntries(
    names.map((name, i) => [name, `include: [${names.slice(i + 1).join(', ')}]\nservices: { s${i}: { command: x } }`]),
  )
  const started = performance.now()
  const { problems } = load({ 'compose.yaml': 'include: [f0.yaml]', ...texts }, {}, ['compose.yaml'])
  expect(problems.join()).toMatch(/Too many files/)
  expect(performance.now() - started).toBeLessThan(5_000)
})

test.each([
  ['services: { a: { comand: x } }', 'services.a.comand is not a key of Compose; did you mean command?'],
  ['servces: {}', 'servces is not a key of Compose; did you mean services?'],
  ['services: { a: { command: [node, 1] } }', 'services.a.command is text: write "1" in quotes.'],
  [
    'services: { a: { command: "say \\"x" } }',
    'services.a.command has an open quote or a bracket; write it as a list of words.',
  ],
  [
    'services: { a: { command: x, ports: ["x:y"] } }',
    'services.a.ports is a port such as 3000, "8080:3000" or "127.0.0.1:8080:3000/tcp".',
  ],
  [
    'services: { a: { command: x, ports: [70000] } }',
    'services.a.ports is a port such as 3000, "8080:3000" or "127.0.0.1:8080:3000/tcp".',
  ],
  ['services: { a: { command: x, environment: { A: [1] } } }', 'services.a.environment.A is a single value.'],
  ['services: { a: { command: x, environment: A } }', 'services.a.environment is a mapping or a list of NAME=value.'],
  [
    'services: { a: { command: x, depends_on: { b: { condition: ready } } } }',
    'services.a.depends_on.b.condition is one of service_started, service_healthy, service_completed_successfully.',
  ],
  [
    'services: { a: { command: x, deploy: { replicas: many } } }',
    'services.a.deploy.replicas is a whole number from 0 to 100.',
  ],
  [
    'services: { a: { command: x, deploy: { resources: { limits: { memory: lots } } } } }',
    'services.a.deploy.resources.limits.memory is an amount of memory, 512m or 1g for example.',
  ],
  [
    'services: { a: { command: x, stop_grace_period: 30 } }',
    'services.a.stop_grace_period is a time with its unit of at most a day, 30s or 1m30s for example.',
  ],
  [
    'services: { a: { command: x, stop_signal: SIGNOTHING } }',
    'services.a.stop_signal is a signal such as SIGTERM or SIGINT.',
  ],
  [
    'services: { a: { command: x, restart: sometimes } }',
    'services.a.restart is "no", always, on-failure, on-failure:N or unless-stopped.',
  ],
  [
    'services: { a: { command: x, healthcheck: { test: [curl] } } }',
    'services.a.healthcheck.test begins with CMD, CMD-SHELL or NONE, or is one text.',
  ],
  [
    'services: { a: { command: x, healthcheck: { test: [CMD] } } }',
    'services.a.healthcheck.test names no command after CMD.',
  ],
  [
    'services: { "a b": { command: x } }',
    'The service name a b may have letters, digits, dots, dashes and underscores, at most 63.',
  ],
  ['services: { a: }', 'services.a is empty; give it a command.'],
  ['services: []', 'services is a mapping of keys to values.'],
  ['version: "3"', 'The Compose file describes no service.'],
])('%s: %s', (text, message) => {
  expect(load({ 'compose.yaml': text }).problems).toContainEqual(
    expect.stringMatching(message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')),
  )
})

test.each([
  ['3000', [3000]],
  ['"8080:3000"', [3000]],
  ['"127.0.0.1:8080:3000"', [3000]],
  ['"[::1]:8080:3000"', [3000]],
  ['"127.0.0.1::3000"', [3000]],
  ['"8000-8002:3000-3002/tcp"', [3000]],
  ['"53:53/udp"', []],
  ['{ target: 3000, published: "80" }', [3000]],
  ['{ target: 53, protocol: udp }', []],
])('the port %s is read as %j', (port, ports) => {
  const { services, problems } = load({ 'compose.yaml': `services: { a: { command: x, ports: [${port}] } }` })
  expect(problems).toEqual([])
  expect(services.a!.ports).toEqual(ports)
})

test('signals are known by name and number', () => {
  const of = (signal: string) =>
    load({ 'compose.yaml': `services: { a: { command: x, stop_signal: "${signal}" } }` }).services.a!.stopSignal
  expect(['SIGINT', 'int', '15', 'SIGQUIT'].map(of)).toEqual(['SIGINT', 'SIGINT', 'SIGTERM', 'SIGQUIT'])
})

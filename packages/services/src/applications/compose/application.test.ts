import { expect, test } from 'vitest'
import type { Rendering } from '../render.ts'
import { applicationOf } from '../testing.ts'

const render = (text: string, rendering: Partial<Rendering> = {}) => applicationOf(text, rendering)
const service = (text: string, rendering: Partial<Rendering> = {}) => render(text, rendering).services[0]!

test('everything that is honoured arrives in the model', () => {
  const web = service(
    {
      'compose.yaml': `
services:
  web:
    build: ./app
    entrypoint: [node, --enable-source-maps]
    command: server.js --name "$NAME"
    environment: { MODE: $MODE, FLAG: true, COUNT: 5 }
    env_file: [base.env]
    working_dir: src
    ports: ['8080:4000']
    deploy:
      replicas: 3
      resources: { limits: { cpus: '0.5', memory: 256M } }
    stop_signal: SIGINT
    stop_grace_period: 1m30s
    restart: on-failure:4
    healthcheck: { test: curl -f http://localhost:4000/health }
`,
      'base.env': 'MODE=file\nFROM=${NAME}-file',
    } as unknown as string,
    { variables: { NAME: 'a b', MODE: 'given' } },
  )
  expect(web).toEqual({
    name: 'web',
    command: { kind: 'exec', argv: ['node', '--enable-source-maps', 'server.js', '--name', 'a b'] },
    environment: { COUNT: '5', FLAG: 'true', FROM: 'a b-file', MODE: 'given' },
    workingDirectory: 'app/src',
    replicas: 3,
    declaredPort: 4000,
    hasPort: true,
    dependsOn: [],
    health: {
      kind: 'http',
      path: '/health',
      status: [{ from: 200, to: 399 }],
      times: { compose: {}, xJuanie: {} },
    },
    limits: { memoryBytes: 268_435_456, cpus: 0.5 },
    stopSignal: 'SIGINT',
    stopGraceMs: 90_000,
    restart: 'on-failure',
    maxRetries: 4,
    kind: 'server',
  })
})

test('what is not written has its default', () => {
  expect(service('services: { web: { command: run, ports: [80] } }')).toMatchObject({
    environment: {},
    workingDirectory: '.',
    replicas: 1,
    health: { kind: 'default' },
    limits: { memoryBytes: null, cpus: null },
    stopSignal: 'SIGTERM',
    stopGraceMs: 10_000,
    restart: 'always',
    maxRetries: null,
  })
})

test('an empty entrypoint or command takes away what an earlier file said', () => {
  const files = {
    'compose.yaml': 'services: { web: { entrypoint: tini --, command: [node, a.js], ports: [80] } }',
    'compose.dev.yaml': 'services: { web: { entrypoint: [] } }',
  }
  expect(applicationOf(files).services[0]!.command).toEqual({ kind: 'exec', argv: ['node', 'a.js'] })
})

test('a string command is split into words, and what Compose would drop is a warning', () => {
  const { services, warnings } = render('services:\n  web:\n    command: npm run migrate && npm start\n    ports: [80]')
  expect(services[0]!.command).toEqual({ kind: 'exec', argv: ['npm', 'run', 'migrate'] })
  expect(warnings).toMatchObject([{ reason: 'application.command_cut', file: 'compose.yaml', line: 3 }])
})

test('the file of the environment is merged, and no other', () => {
  const files = {
    'compose.yaml': 'services: { web: { command: base, ports: [80] } }',
    'compose.production.yaml': 'services: { web: { command: production } }',
    'docker-compose.staging.yml': 'services: { web: { command: staging } }',
    'compose.override.yaml': 'services: { web: { command: override } }',
  }
  const argv = (environment: string) => {
    const { command } = applicationOf(files, { environment }).services[0]!
    return command.kind === 'exec' ? command.argv : null
  }
  expect(['dev', 'staging', 'production'].map(argv)).toEqual([['base'], ['staging'], ['production']])
})

test('services start after what they depend on, and otherwise in their order', () => {
  const { services } = render(`
services:
  web: { command: w, ports: [80], depends_on: { api: { condition: service_healthy }, setup: { condition: service_completed_successfully } } }
  api: { command: a, ports: [81], depends_on: [setup] }
  worker: { command: k }
  setup: { command: s, restart: on-failure }`)
  expect(services.map(({ name, kind }) => [name, kind])).toEqual([
    ['setup', 'job'],
    ['api', 'server'],
    ['web', 'server'],
    ['worker', 'worker'],
  ])
  expect(services[2]!.dependsOn).toEqual([
    { service: 'api', condition: 'healthy', required: true },
    { service: 'setup', condition: 'completed', required: true },
  ])
  expect(services[0]).toMatchObject({ health: null, restart: 'on-failure' })
})

test.each([
  [
    'services: { a: { command: x, depends_on: [b] }, b: { command: x, depends_on: [a] } }',
    'application.cycle',
    /circle: a → b → a/,
  ],
  [
    'services:\n  a:\n    command: x\n    depends_on:\n      - b',
    'application.unknown_service',
    /compose\.yaml:5: a depends on b, and there is no service/,
  ],
  [
    'services: { a: { command: x, depends_on: [b] }, b: { command: x, profiles: [debug] } }',
    'application.unknown_service',
    /which no active profile starts/,
  ],
])('%s is refused', (text, reason, message) => {
  expect(() => render(text)).toThrow(expect.objectContaining({ reason, message: expect.stringMatching(message) }))
})

test('a dependency that is not required may be missing', () => {
  const web = service(
    'services: { a: { command: x, ports: [80], depends_on: { b: { condition: service_started, required: false } } }, b: { command: x, profiles: [debug] } }',
  )
  expect(web.dependsOn).toEqual([])
})

test('profiles are turned on by COMPOSE_PROFILES and by the name of the environment', () => {
  const text =
    'services: { web: { command: w, ports: [80] }, tool: { command: t, profiles: [debug] }, seed: { command: s, profiles: [staging] } }'
  const names = (rendering: Partial<Rendering>) => render(text, rendering).services.map(({ name }) => name)
  expect(names({})).toEqual(['web'])
  expect(names({ variables: { COMPOSE_PROFILES: 'other, debug' } })).toEqual(['web', 'tool'])
  expect(names({ environment: 'staging' })).toEqual(['web', 'seed'])
})

test('every service that is only an image is refused by name, with the runtime that can do it', () => {
  const text = `
services:
  web: { build: ., command: node server.js, ports: [80] }
  db: { image: 'postgres:17' }
  cache: { image: 'redis:8', command: redis-server --appendonly yes }
  proxy: { image: 'example/proxy', command: [--verbose] }`
  expect(() => render(text)).toThrow(
    expect.objectContaining({
      code: 'invalid',
      reason: 'application.image_only',
      message: expect.stringMatching(
        /compose\.yaml:4: The service db is only an image \(postgres:17\).*compose runtime/,
      ),
      details: expect.objectContaining({ services: ['db', 'cache', 'proxy'], runtime: 'compose' }),
    }),
  )
})

test('an image with a command of its own runs that command, and a disabled image is no matter', () => {
  const text =
    "services: { web: { image: 'node:22', command: node server.js, ports: [80] }, db: { image: 'postgres:17', profiles: [local] } }"
  const { services, notHonoured } = render(text)
  expect(services.map(({ name }) => name)).toEqual(['web'])
  expect(notHonoured).toEqual([{ path: 'services.web.image', reason: 'the packed folder runs, not an image' }])
})

test('a built service without a command runs what its folder shows', () => {
  const { services } = applicationOf({
    'compose.yaml': 'services: { web: { build: ., ports: [80] }, api: { build: { context: api }, ports: [81] } }',
    'package.json': '{"scripts":{"start":"node web.js"}}',
    'api/main.py': '',
  })
  expect(services.map(({ command, workingDirectory }) => [command, workingDirectory])).toEqual([
    [{ kind: 'exec', argv: ['node', 'web.js'] }, '.'],
    [{ kind: 'exec', argv: ['python3', 'main.py'] }, 'api'],
  ])
})

test('a service whose command cannot be known asks for one', () => {
  expect(() => render('services:\n  web:\n    build: .\n    ports: [80]')).toThrow(
    expect.objectContaining({
      reason: 'application.no_start_command',
      message:
        "compose.yaml:2: The service web has no command; on the process runtime the Dockerfile's is not known. Write `command:` for it.",
    }),
  )
})

test('what is not honoured is listed with its reason', () => {
  const { notHonoured } = render(`
services:
  web:
    build: .
    command: run
    container_name: web
    ports: ['80', '9000']
    volumes: ['data:/data']
    networks: [front]
    user: root
    labels: { a: b }
    deploy: { mode: global, update_config: { parallelism: 2 }, resources: { reservations: { cpus: '1' } } }
volumes: { data: {} }
networks: { front: {} }`)
  expect(notHonoured.map(({ path }) => path).sort()).toEqual([
    'networks',
    'services.web.build',
    'services.web.container_name',
    'services.web.deploy.mode',
    'services.web.deploy.resources.reservations',
    'services.web.deploy.update_config.parallelism',
    'services.web.labels',
    'services.web.networks',
    'services.web.ports',
    'services.web.user',
    'services.web.volumes',
    'volumes',
  ])
  expect(notHonoured.every(({ reason }) => reason.length > 5)).toBe(true)
})

test('an absolute working_dir is the folder that is mounted there, else the build context', () => {
  const folder = (more: string) => service(`services: { web: { command: x, ports: [80], ${more} } }`).workingDirectory
  expect(folder("working_dir: /app, volumes: ['.:/app']")).toBe('.')
  expect(folder("working_dir: /app/api, volumes: ['./src:/app', './other:/app/other']")).toBe('src/api')
  expect(folder('working_dir: /srv, volumes: [{ type: bind, source: ./web, target: /srv }]')).toBe('web')
  expect(folder('working_dir: /app, build: ./web')).toBe('web')
  expect(folder('build: ../elsewhere')).toBe('.')
  expect(() => folder('working_dir: ../..')).toThrow(/leads outside/)
})

test('the first service with a port gets the hostname', () => {
  const text =
    'services: { worker: { command: k }, api: { command: a, expose: [81] }, web: { command: w, ports: [80] } }'
  expect(render(text).routes).toEqual([{ service: 'api', hostname: 'default' }])
})

test.each([
  [
    'x-juanie: { routes: [web, { service: api, hostname: api.example.com }] }',
    [
      ['web', 'default'],
      ['api', 'api.example.com'],
    ],
  ],
  [
    'x-juanie: { routes: { web: default, api: [a.example.com, b.example.com] } }',
    [
      ['web', 'default'],
      ['api', 'a.example.com'],
      ['api', 'b.example.com'],
    ],
  ],
  ['x-juanie: { routes: { api: } }', [['api', 'default']]],
  ['x-juanie: { routes: [] }', []],
])('%s says otherwise', (x, routes) => {
  const found = render(`services: { api: { command: a, ports: [81] }, web: { command: w } }\n${x}`)
  expect(found.routes.map(({ service: name, hostname }) => [name, hostname])).toEqual(routes)
  if (routes.some(([name]) => name === 'web'))
    expect(found.services.find(({ name }) => name === 'web')).toMatchObject({ declaredPort: 3000, kind: 'server' })
})

test('a service may carry its own route', () => {
  const text =
    'services: { api: { command: a, ports: [81] }, web: { command: w, ports: [80], x-juanie: { routes: default } } }'
  expect(render(text).routes).toEqual([{ service: 'web', hostname: 'default' }])
})

test.each([
  ['routes: [nobody]', /names nobody, and there is no service of that name/],
  ['routes: [api, web]', /web and api both want the hostname default/],
  ['routes: { web: "-bad-" }', /is not a hostname/],
  ['routes: { web: "a b.com" }', /is not a hostname/],
])('x-juanie: { %s } is refused', (routes, message) => {
  expect(() => render(`services: { api: { command: a }, web: { command: w } }\nx-juanie: { ${routes} }`)).toThrow(
    message,
  )
})

test('where nothing has a port, web or the only service is meant, unless it is called a worker', () => {
  const routed = (names: string[]) =>
    render(`services: { ${names.map((name) => `${name}: { command: x }`).join(', ')} }`).routes.map(
      ({ service: name }) => name,
    )
  expect(routed(['site'])).toEqual(['site'])
  expect(routed(['queue', 'web'])).toEqual(['web'])
  expect(routed(['a', 'b'])).toEqual([])
  expect(routed(['my-worker'])).toEqual([])
  expect(service('services: { site: { command: x } }')).toMatchObject({ declaredPort: 3000, hasPort: true })
})

test('the health of x-juanie at the top is that of the routed service', () => {
  const { services } = render(
    'services: { api: { command: a, ports: [81] }, web: { command: w, ports: [80] } }\nx-juanie: { routes: [web], health: { path: /up } }',
  )
  expect(services.map(({ health }) => health?.kind)).toEqual(['default', 'http'])
  expect(() =>
    render('services: { a: { command: x }, b: { command: x } }\nx-juanie: { health: { path: /up } }'),
  ).toThrow(/there is none/)
})

test('a migration runs with the environment and folder of its service', () => {
  const web = "web: { command: w, build: app, ports: [80], environment: { A: '1' } }"
  expect(render(`services: { ${web} }\nx-juanie: { migrate: node migrate.js --up }`).migrate).toEqual({
    service: 'web',
    command: { kind: 'exec', argv: ['node', 'migrate.js', '--up'] },
    environment: { A: '1' },
    workingDirectory: 'app',
  })
  expect(render(`services: { ${web} }\nx-juanie: { migrate: a && b }`).migrate?.command).toEqual({
    kind: 'shell',
    line: 'a && b',
  })
  expect(render(`services: { ${web}, jobs: { command: j, x-juanie: { migrate: [m, 'a b'] } } }`).migrate).toMatchObject(
    {
      service: 'jobs',
      command: { kind: 'exec', argv: ['m', 'a b'] },
    },
  )
  const twice = `services: { ${web}, jobs: { command: j, x-juanie: { migrate: b } } }\nx-juanie: { migrate: a }`
  expect(() => render(twice)).toThrow(/migrate is written more than once/)
})

test('stop-first is asked for by any service', () => {
  const text = (order: string) =>
    `services: { web: { command: w, ports: [80], deploy: { update_config: { order: ${order} } } } }`
  expect(render(text('stop-first')).order).toBe('stop-first')
  expect(render(text('start-first')).order).toBe('start-first')
  expect(() => render(text('sideways'))).toThrow(/order is start-first or stop-first/)
})

test("deploy's restart policy and job mode are honoured", () => {
  const text =
    'services: { web: { command: w, ports: [80], deploy: { restart_policy: { condition: on-failure, max_attempts: 2 } } }, once: { command: o, deploy: { mode: replicated-job } } }'
  const [web, once] = render(text).services
  expect(web).toMatchObject({ restart: 'on-failure', maxRetries: 2 })
  expect(once).toMatchObject({ kind: 'job', restart: 'no' })
})

test('other mentions of the declared port stay as they are written', () => {
  const web = service(
    'services: { web: { command: serve --url http://localhost:4000, ports: [4000], environment: { URL: "http://localhost:4000" } } }',
  )
  expect(web.command).toEqual({ kind: 'exec', argv: ['serve', '--url', 'http://localhost:4000'] })
  expect(web.environment.URL).toBe('http://localhost:4000')
})

test('a missing env file is named with the fix, and an optional one is not missed', () => {
  const text = (file: string) => `services:\n  web:\n    command: w\n    ports: [80]\n    env_file: [${file}]`
  expect(() => render(text('.env'))).toThrow(
    expect.objectContaining({
      reason: 'application.file_missing',
      message:
        'compose.yaml:5: web names the env file .env, which is not in the release: commit it, or write `required: false` and set the variables on the environment.',
    }),
  )
  expect(service(text('{ path: .env, required: false }')).environment).toEqual({})
  expect(() => render(text('../.env'))).toThrow(/does not lie in the application's folder/)
})

test('all mistakes are told at once, each with its place, from top to bottom', () => {
  const text = 'services:\n  web:\n    restart: maybe\n    ports: [x]\n    command: [1]'
  expect(() => render(text)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(
        /^compose\.yaml:3: .*restart.*\ncompose\.yaml:4: .*ports.*\ncompose\.yaml:5: .*command.*$/,
      ),
      details: {
        problems: [{}, {}, {}].map(() => expect.objectContaining({ severity: 'error', file: 'compose.yaml' })),
      },
    }),
  )
})

import { expect, test } from 'vitest'
import { describeApplication } from './describe.ts'
import { renderApplication } from './render.ts'
import { filesOf } from './testing.ts'

const files = {
  'compose.yaml': `
include: [jobs/compose.yaml]
services:
  web: { command: node web.js, ports: ['\${PORT_OUT:?say which}:80'], env_file: ['env/.env.\${STAGE:-dev}', { path: local.env, required: false }], extends: { service: base, file: shared/base.yaml } }`,
  'compose.production.yaml': 'services: { web: { env_file: [production.env], volumes: ["x:/x"] } }',
  'shared/base.yaml': 'services: { base: { env_file: base.env, user: node } }',
  'shared/base.env': 'BASE=1',
  'jobs/compose.yaml': 'services: { job: { command: job, env_file: job.env } }',
  'jobs/job.env': 'JOB=1',
  'env/.env.dev': 'STAGE=dev',
  'env/.env.prod': 'STAGE=prod',
  'production.env': 'P=1',
  'unrelated.env': 'U=1',
  'server.js': 'console.log(1)',
  'package.json': '{}',
}

test('a release keeps every file that the description names in any environment, and no other', () => {
  const source = describeApplication(filesOf(files))
  expect(source).toMatchObject({ version: 1, kind: 'compose', entry: 'compose.yaml' })
  expect(Object.keys(source.files).sort()).toEqual([
    'compose.production.yaml',
    'compose.yaml',
    'env/.env.dev',
    'env/.env.prod',
    'jobs/compose.yaml',
    'jobs/job.env',
    'production.env',
    'shared/base.env',
    'shared/base.yaml',
  ])
  expect(source.files['compose.production.yaml']).toBe(files['compose.production.yaml'])
})

test('the stored source alone is enough to render each environment', () => {
  const source = describeApplication(filesOf(files))
  const variables = { PORT_OUT: '8080', STAGE: 'prod' }
  const web = (environment: string) =>
    renderApplication(source, { environment, variables }).services.find(({ name }) => name === 'web')
  expect(web('dev')?.environment).toEqual({ BASE: '1', STAGE: 'prod' })
  expect(web('production')?.environment).toEqual({ BASE: '1', P: '1', STAGE: 'prod' })
})

test('what no environment honours is listed when the release is made, and nothing depends on values yet', () => {
  const { notHonoured, problems } = describeApplication(filesOf(files))
  expect(notHonoured.map(({ path }) => path)).toEqual(['services.web.user', 'services.web.volumes'])
  expect(problems).toEqual([])
})

test('include and extends with variables in their paths keep every file that could be meant', () => {
  const source = describeApplication(
    filesOf({
      'compose.yaml':
        'include: ["stacks/${STACK:-none}.yaml"]\nservices: { web: { extends: { service: b, file: "$BASE" }, command: x } }',
      'stacks/a.yaml': 'services: { a: { command: a, env_file: a.env } }',
      'stacks/a.env': 'A=1',
      'stacks/none.yaml': 'services: { n: { command: n } }',
      'other/x.yaml': '',
    }),
  )
  expect(Object.keys(source.files).sort()).toEqual([
    'compose.yaml',
    'stacks/a.env',
    'stacks/a.yaml',
    'stacks/none.yaml',
  ])
})

test('a Compose file wins over a Procfile, that over detection, and the Procfile is kept for its lines', () => {
  const procfile = { Procfile: 'web: x' }
  const compose = { 'docker-compose.yml': 'services: { web: { build: . , ports: [80] } }' }
  const node = { 'server.js': '' }
  expect(describeApplication(filesOf({ ...node, ...procfile, ...compose }))).toMatchObject({
    kind: 'compose',
    entry: 'docker-compose.yml',
    files: { ...procfile, ...compose },
  })
  expect(describeApplication(filesOf({ ...node, ...procfile }))).toMatchObject({
    kind: 'procfile',
    entry: 'Procfile',
    files: procfile,
    detected: {},
  })
  expect(describeApplication(filesOf(node))).toMatchObject({
    kind: 'detected',
    entry: null,
    files: {},
    detected: { '.': { language: 'node' } },
  })
})

test('of two Compose files the one that Compose prefers is read, and the other named', () => {
  const { entry, problems } = describeApplication(
    filesOf({
      'docker-compose.yml': 'services: { a: { command: x } }',
      'compose.yaml': 'services: { b: { command: x } }',
    }),
  )
  expect(entry).toBe('compose.yaml')
  expect(problems).toMatchObject([{ severity: 'warning', file: 'docker-compose.yml' }])
})

test('mistakes are problems with their place, never an exception', () => {
  expect(describeApplication(filesOf({ 'compose.yaml': 'services:\n\tweb: x' })).problems).toMatchObject([
    { severity: 'error', file: 'compose.yaml', line: 2 },
  ])
  expect(describeApplication(filesOf({ 'README.md': '' })).problems).toMatchObject([
    { severity: 'error', reason: 'application.no_start_command' },
  ])
})

test('what another runtime would run, or another environment does not have, is a warning until it is rendered', () => {
  const images = describeApplication(filesOf({ 'compose.yaml': "services: { db: { image: 'postgres:17' } }" }))
  expect(images.problems).toMatchObject([{ severity: 'warning', reason: 'application.image_only' }])
  const texts = {
    'compose.yaml': 'services: { web: { command: x, ports: [80] } }',
    'compose.production.yaml': 'services: { web: { restart: maybe } }',
  }
  const source = describeApplication(filesOf(texts))
  expect(source.problems).toMatchObject([{ severity: 'warning', file: 'compose.production.yaml' }])
  expect(renderApplication(source, { environment: 'dev', variables: {} }).services).toHaveLength(1)
  expect(() => renderApplication(source, { environment: 'production', variables: {} })).toThrow(/restart is/)
})

test('what depends on values that are not known yet is not wrong yet', () => {
  const text = `
services:
  web: { command: $COMMAND, ports: ['$OUT:$IN'], deploy: { replicas: '$COUNT' }, stop_grace_period: '$GRACE', depends_on: [seed], env_file: missing.env }
  seed: { command: s, profiles: [staging] }
x-juanie: { health: { path: '$PATH_OF_HEALTH' } }`
  expect(describeApplication(filesOf({ 'compose.yaml': text })).problems).toEqual([])
})

test('a description that would not fit into a row is named', () => {
  const large = 'A='.padEnd(1_000_000, 'x')
  const names = Array.from({ length: 6 }, (_, i) => `e${i}.env`)
  const { problems } = describeApplication(
    filesOf({
      'compose.yaml': `services: { web: { command: x, env_file: [${names.join(', ')}] } }`,
      ...Object.fromEntries(names.map((name) => [name, large])),
    }),
  )
  expect(problems).toContainEqual(expect.objectContaining({ reason: 'application.too_large' }))
})

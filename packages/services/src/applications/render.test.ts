import { AppError } from '@juanie/core/errors'
import { expect, test } from 'vitest'
import { Application, ApplicationSource } from './contract.ts'
import { describeApplication } from './describe.ts'
import { renderApplication } from './render.ts'
import { fillSecrets } from './secrets.ts'
import { applicationOf, filesOf } from './testing.ts'

const text = `
services:
  web:
    command: node server.js
    ports: [80]
    environment:
      - NAME=$NAME
      - URL=postgres://app:\${PASSWORD}@db/\${DATABASE:-app}
      - TOKEN
      - ABSENT
x-juanie: { migrate: node migrate.js }
`

test('the same source and values give the same bytes, and the model is plain JSON of its schema', () => {
  const source = describeApplication(filesOf({ 'compose.yaml': text }))
  const rendering = { environment: 'dev', variables: { NAME: 'x' }, secrets: ['PASSWORD', 'TOKEN'] }
  const first = renderApplication(source, rendering)
  const stored = JSON.parse(JSON.stringify(source)) as ApplicationSource
  expect(JSON.stringify(renderApplication(stored, rendering))).toBe(JSON.stringify(first))
  expect(Application.parse(JSON.parse(JSON.stringify(first)))).toEqual(first)
  expect(ApplicationSource.parse(stored)).toEqual(source)
})

test('only the given variables are looked at, and an unset one is a warning', () => {
  process.env.JUANIE_TEST_LEAK = 'leaked'
  const { services, warnings } = applicationOf(
    'services:\n  web:\n    command: x\n    ports: [80]\n    environment: { A: $JUANIE_TEST_LEAK, B: $toString, C: "${D:-d}" }',
  )
  delete process.env.JUANIE_TEST_LEAK
  expect(services[0]!.environment).toEqual({ A: '', B: '', C: 'd' })
  expect(warnings).toMatchObject([
    {
      reason: 'application.variable_unset',
      line: 5,
      message: 'The variable JUANIE_TEST_LEAK is not set, so it is empty here.',
    },
    { message: 'The variable toString is not set, so it is empty here.' },
  ])
})

test('a required variable that is not set is refused with its message and place', () => {
  const required = 'services:\n  web:\n    command: x\n    ports: ["${PORT_OUT:?choose a port}:80"]'
  expect(() => applicationOf(required)).toThrow(
    expect.objectContaining({
      reason: 'application.variable_required',
      message: expect.stringMatching(/^compose\.yaml:4: The variable PORT_OUT must be set: choose a port\./),
    }),
  )
  expect(applicationOf(required, { variables: { PORT_OUT: '8080' } }).services[0]!.declaredPort).toBe(80)
})

test('a secret stands in the model by its name until a process starts', () => {
  const application = applicationOf(text, { variables: { NAME: 'x' }, secrets: ['PASSWORD', 'TOKEN', 'UNUSED'] })
  expect(application.secrets).toEqual(['PASSWORD', 'TOKEN'])
  expect(application.services[0]!.environment).toEqual({
    NAME: 'x',
    TOKEN: '${secret:TOKEN}',
    URL: 'postgres://app:${secret:PASSWORD}@db/app',
  })
  const filled = fillSecrets(application, { PASSWORD: 'p$&w', TOKEN: '${secret:PASSWORD}' })
  expect(filled.services[0]!.environment).toEqual({
    NAME: 'x',
    TOKEN: '${secret:PASSWORD}',
    URL: 'postgres://app:p$&w@db/app',
  })
  expect(filled.migrate?.environment.URL).toBe('postgres://app:p$&w@db/app')
  expect(JSON.stringify(application)).not.toContain('p$&w')
})

test('a secret without a value refuses', () => {
  const application = applicationOf(text, { variables: { NAME: 'x' }, secrets: ['PASSWORD', 'TOKEN'] })
  expect(() => fillSecrets(application, { TOKEN: 'x' })).toThrow(
    expect.objectContaining({ reason: 'application.secret_missing', message: 'The secret PASSWORD has no value.' }),
  )
})

test.each([
  'services: { web: { command: "run --password $KEY", ports: [80] } }',
  'services: { web: { command: run, ports: [80], healthcheck: { test: check $KEY } } }',
  'services: { web: { command: run, ports: [80] } }\nx-juanie: { migrate: "m $KEY" }',
  'services: { web: { command: run, ports: [80] } }\nx-juanie: { health: { path: "/$KEY" } }',
])('a secret where others could read it is refused: %s', (compose) => {
  expect(() => applicationOf(compose, { secrets: ['KEY'] })).toThrow(
    expect.objectContaining({ reason: 'application.secret_in_command' }),
  )
})

test('an escaped dollar leaves the secret to the shell that runs the command', () => {
  const { services } = applicationOf(
    'services: { web: { command: [sh, -c, "run $$KEY"], environment: [KEY], ports: [80] } }',
    { secrets: ['KEY'] },
  )
  expect(services[0]!.command).toEqual({ kind: 'exec', argv: ['sh', '-c', 'run $KEY'] })
})

test('a refusal is an AppError whose details carry every problem', () => {
  try {
    applicationOf('services: { a: { comand: x } }')
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(AppError)
    expect((error as AppError).details.problems).toEqual([
      {
        severity: 'error',
        reason: 'application.invalid',
        message: 'services.a.comand is not a key of Compose; did you mean command?',
        key: 'keyNear',
        values: { path: 'services.a.comand', near: 'command' },
        file: 'compose.yaml',
        line: 1,
        column: 18,
      },
    ])
  }
})

import { expect, test } from 'vitest'
import type { RunStep } from './model.ts'
import { parseWorkflow } from './parse.ts'

const job = (lines: string) => `on: push\njobs:\n  a:\n    runs-on: x\n${lines.replace(/^/gm, '    ')}\n`
const step = (lines: string) => job(`steps:\n  - ${lines.replaceAll('\n', '\n    ')}`)
const errors = (text: string) => parseWorkflow('ci.yml', text).problems.filter((each) => each.severity === 'error')

test('a whole workflow becomes plain JSON', () => {
  const text = `name: CI
run-name: Run by \${{ github.actor }}
on:
  push: { branches: [main, 'v*'], paths-ignore: docs/** }
  workflow_dispatch:
  schedule: [{ cron: '0 0 * * *' }]
permissions: read-all
env: { A: 1, B: "\${{ vars.B }}" }
defaults: { run: { shell: bash } }
jobs:
  build:
    name: Build it
    runs-on: [self-hosted, linux]
    permissions: { contents: read }
    environment: { name: staging, url: "https://\${{ steps.x.outputs.host }}" }
    timeout-minutes: 5
    continue-on-error: \${{ matrix.experimental }}
    outputs: { path: "\${{ steps.x.outputs.path }}" }
    defaults: { run: { working-directory: app } }
    strategy:
      fail-fast: false
      max-parallel: 2
      matrix: { node: [20, 22], experimental: [false] }
    steps:
      - uses: actions/checkout@v4
        with: { fetch-depth: 0, persist-credentials: false, submodules: false }
      - id: x
        name: Step
        if: failure() || github.ref == 'refs/heads/main'
        run: |
          echo one
          echo two
        shell: node {0}
        working-directory: sub
        env: { C: true }
        continue-on-error: true
        timeout-minutes: \${{ matrix.node }}
  deploy:
    needs: build
    if: always()
    runs-on: ubuntu-latest
    environment: production
    steps:
      - uses: juanie/release@v1
        with: { path: dist, exclude: '*.map', name: web }
      - uses: juanie/deploy@v1
        with: { environment: production, wait: false }
`
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  expect(problems).toEqual([])
  expect(JSON.parse(JSON.stringify(workflow))).toEqual(workflow)
  expect(workflow).toMatchObject({
    name: 'CI',
    runName: 'Run by ${{ github.actor }}',
    on: {
      push: { branches: ['main', 'v*'], pathsIgnore: ['docs/**'] },
      workflowDispatch: { inputs: {} },
      schedule: [{ cron: '0 0 * * *' }],
      other: [],
    },
    permissions: 'read-all',
    env: { A: '1', B: '${{ vars.B }}' },
    defaults: { shell: 'bash' },
  })
  const [build, deploy] = workflow!.jobs
  expect(build).toMatchObject({
    id: 'build',
    name: 'Build it',
    needs: [],
    if: 'success()',
    runsOn: ['self-hosted', 'linux'],
    environment: { name: 'staging', url: 'https://${{ steps.x.outputs.host }}' },
    timeoutMinutes: 5,
    continueOnError: '${{ matrix.experimental }}',
    outputs: { path: '${{ steps.x.outputs.path }}' },
    defaults: { workingDirectory: 'app' },
    strategy: {
      failFast: false,
      maxParallel: 2,
      matrix: { axes: { node: [20, 22], experimental: [false] }, include: [], exclude: [] },
    },
    position: { line: 11, column: 3 },
  })
  expect(build!.steps[0]).toMatchObject({ kind: 'action', action: 'checkout', with: { 'fetch-depth': '0' } })
  expect(build!.steps[1]).toEqual({
    kind: 'run',
    id: 'x',
    name: 'Step',
    if: "failure() || github.ref == 'refs/heads/main'",
    run: 'echo one\necho two\n',
    shell: 'node {0}',
    workingDirectory: 'sub',
    env: { C: 'true' },
    continueOnError: true,
    timeoutMinutes: '${{ matrix.node }}',
    position: { line: 27, column: 9 },
  })
  expect(deploy).toMatchObject({ needs: ['build'], if: 'always()', environment: { name: 'production' } })
  expect(deploy!.steps).toMatchObject([
    { action: 'release', with: { path: 'dist', exclude: '*.map', name: 'web' } },
    { action: 'deploy', uses: 'juanie/deploy@v1', with: { environment: 'production', wait: 'false' } },
  ])
})

test.each<[string, string, number, number, string]>([
  // The file as such
  ['nothing', '', 1, 1, 'empty'],
  ['a comment', '# x', 1, 1, 'empty'],
  ['a text', 'hello', 1, 1, 'not a workflow'],
  ['broken YAML', 'on: push\njobs: [', 2, 8, 'not valid YAML'],
  ['a tab', 'on: push\njobs:\n\ta: b', 3, 1, 'not valid YAML'],
  ['two documents', 'on: push\n---\non: push', 2, 1, 'multiple documents'],
  ['an unknown tag value', 'on: !!binary aGVsbG8=\njobs: {}', 1, 14, 'Only text'],
  ['an unknown alias', 'on: push\njobs: *x', 2, 7, 'anchor'],
  ['a list as key', 'on: push\n? [a, b]\n: c', 2, 3, 'key'],
  ['no on', 'jobs: { a: { runs-on: x, steps: [{ run: a }] } }', 1, 1, "'on'"],
  ['no jobs', 'on: push', 1, 1, 'no jobs'],
  ['empty jobs', 'on: push\njobs: {}', 2, 7, 'no jobs'],
  [
    'an unknown key',
    'on: push\nfoo: 1\njobs: { a: { runs-on: x, steps: [{ run: a }] } }',
    2,
    1,
    "'foo' is not allowed",
  ],
  // Events
  ['a misspelt event', job('steps: [{ run: a }]').replace('push', 'psuh'), 1, 5, "'psuh' is not an event"],
  [
    'both branch filters',
    'on:\n  push:\n    branches: [a]\n    branches-ignore: [b]\njobs: { a: { runs-on: x, steps: [{ run: a }] } }',
    4,
    22,
    'exclude each other',
  ],
  [
    'a broken pattern',
    "on: { push: { branches: ['a['] } }\njobs: { a: { runs-on: x, steps: [{ run: a }] } }",
    1,
    26,
    'bracket',
  ],
  [
    'a choice without options',
    'on: { workflow_dispatch: { inputs: { a: { type: choice } } } }\njobs: { a: { runs-on: x, steps: [{ run: a }] } }',
    1,
    41,
    'options',
  ],
  [
    'a wrong default',
    'on: { workflow_dispatch: { inputs: { a: { type: number, default: x } } } }\njobs: { a: { runs-on: x, steps: [{ run: a }] } }',
    1,
    66,
    'number',
  ],
  // Jobs
  ['no runs-on', 'on: push\njobs:\n  a:\n    steps: [{ run: a }]', 4, 5, "'runs-on' is missing"],
  ['no steps', 'on: push\njobs:\n  a:\n    runs-on: x', 3, 3, 'no steps'],
  ['empty steps', job('steps: []'), 5, 12, 'no steps'],
  ['an odd job id', 'on: push\njobs:\n  a b:\n    runs-on: x\n    steps: [{ run: a }]', 3, 3, 'not a valid id'],
  [
    'two jobs of one id',
    'on: push\njobs:\n  a: { runs-on: x, steps: [{ run: a }] }\n  A: { runs-on: x, steps: [{ run: a }] }',
    4,
    3,
    'written twice',
  ],
  ['an unknown need', job('needs: [b]\nsteps: [{ run: a }]'), 5, 13, 'no such job'],
  ['a job that needs itself', job('needs: a\nsteps: [{ run: a }]'), 5, 12, 'a → a'],
  ['a negative time', job('timeout-minutes: -1\nsteps: [{ run: a }]'), 5, 22, 'not negative'],
  ['a word as time', job('timeout-minutes: long\nsteps: [{ run: a }]'), 5, 22, "'long' is not allowed"],
  ['an empty axis', job('strategy: { matrix: { a: [] } }\nsteps: [{ run: a }]'), 5, 30, 'no value'],
  ['an empty matrix', job('strategy: { matrix: {} }\nsteps: [{ run: a }]'), 5, 25, 'neither'],
  [
    'no parallelism',
    job('strategy: { max-parallel: 0, matrix: { a: [1] } }\nsteps: [{ run: a }]'),
    5,
    31,
    'max-parallel',
  ],
  [
    'too large a matrix',
    job(`strategy: { matrix: { a: [${Array(20).fill(1)}], b: [${Array(20).fill(1)}] } }\nsteps: [{ run: a }]`),
    5,
    25,
    '400 jobs',
  ],
  // Steps
  ['a folder above the workspace', step('uses: ../x'), 6, 15, 'owner/name@version'],
  ['an action with a way upwards', step('uses: a/b/../c@v1'), 6, 15, 'owner/name@version'],
  ['an action that we never had', step('uses: juanie/build@v1'), 6, 15, 'juanie/release, juanie/deploy'],
  ['an action without version', step('uses: actions/checkout'), 6, 15, 'owner/name@version'],
  ['another version of ours', step('uses: juanie/release@v2'), 6, 15, 'juanie/release@v1'],
  ['a group of no steps', job('steps:\n  - parallel: []'), 6, 19, 'holds no steps'],
  ['a wait for nothing', job('steps:\n  - wait: x\n  - run: a'), 6, 15, "has the id 'x'"],
  ['a group in a group', job('steps:\n  - parallel:\n      - parallel: [{ run: a }]'), 7, 13, 'cannot stand inside'],
  ['neither run nor uses', step('name: a'), 6, 9, 'not clear'],
  ['run and uses', step('run: a\nuses: actions/checkout@v4'), 7, 9, "'uses' is not allowed"],
  ['an unknown key', step('run: a\nrnu: b'), 7, 9, "'rnu' is not allowed"],
  ['a step id twice', job('steps:\n  - { id: x, run: a }\n  - { id: X, run: b }'), 7, 15, 'earlier step'],
  ['an odd step id', step('id: 1x\nrun: a'), 6, 13, 'not a valid id'],
  ['an unknown shell', step('run: a\nshell: fish'), 7, 16, "'fish {0}'"],
  ['a word as depth', step('uses: actions/checkout@v4\nwith: { fetch-depth: all }'), 7, 30, 'whole number'],
  ['a path outside', step('uses: actions/checkout@v4\nwith: { path: ../x }'), 7, 23, 'inside the workspace'],
  ['a release from outside', step('uses: juanie/release@v1\nwith: { path: /etc }'), 7, 23, 'inside the workspace'],
  [
    'a deploy that waits maybe',
    step('uses: juanie/deploy@v1\nwith: { wait: maybe, environment: dev }'),
    7,
    23,
    'true or false',
  ],
  ['a deploy to nowhere', step('uses: juanie/deploy@v1'), 6, 15, "'environment' is missing"],
  // Expressions
  ['an unknown context', step('run: echo ${{ foo.bar }}'), 6, 19, "no context 'foo'"],
  [
    'a context that is not there yet',
    'on: push\nenv: { A: "${{ env.B }}" }\njobs: { a: { runs-on: x, steps: [{ run: a }] } }',
    2,
    12,
    "'env' is not available",
  ],
  [
    'steps in the condition of a job',
    job('if: steps.x.outcome\nsteps: [{ run: a }]'),
    5,
    9,
    "'steps' is not available",
  ],
  ['secrets in a condition', step('run: a\nif: secrets.A'), 7, 13, "'secrets' is not available"],
  ['an unknown function', step('run: echo ${{ nope() }}'), 6, 19, "'nope'"],
  ['a status function in a text', step('run: echo ${{ success() }}'), 6, 19, "'success'"],
  ['too few arguments', step("run: echo ${{ contains('a') }}"), 6, 19, 'Too few'],
  ['an open expression', step('run: echo ${{ github.ref'), 6, 14, 'not closed'],
  ['an empty expression', step('run: echo ${{ }}'), 6, 19, 'expression'],
  ['a fault in the second line of a script', step('run: |\n  echo\n  echo ${{ foo }}'), 8, 16, "no context 'foo'"],
  ['a fault in a folded quoted text', step('run: "a\n  b ${{ foo }}"'), 7, 13, "no context 'foo'"],
  ['a fault in a condition', step("run: a\nif: github.ref = 'x'"), 7, 13, 'cannot be read'],
])('%s is refused at its place', (_, text, line, column, message) => {
  const { workflow } = parseWorkflow('ci.yml', text)
  expect(workflow).toBeNull()
  const [first] = errors(text)
  expect(first!.message).toContain(message)
  expect(first!.message).toMatch(/[.!?]$/)
  expect(first!.file).toBe('ci.yml')
  expect(first!.position).toEqual({ line, column })
})

test('all that is wrong is told at once, in the order of the file', () => {
  const found = errors(
    job('needs: nobody\ntimeout-minutes: x\nsteps:\n  - uses: a@v1\n  - run: ${{ foo }}\n  - bogus: 1'),
  )
  expect(found.map((each) => each.position?.line)).toEqual([5, 6, 8, 9, 10])
})

test('a circle of needs is shown once, whole', () => {
  const one = (id: string, need: string) => `  ${id}: { needs: ${need}, runs-on: x, steps: [{ run: a }] }\n`
  const found = errors(`on: push\njobs:\n${one('a', 'b')}${one('b', 'c')}${one('c', 'a')}`)
  expect(found.map((each) => each.message)).toEqual([
    'The needs go round in a circle (a → b → c → a); remove one of them.',
  ])
})

test.each([
  ['a misspelt input', step('uses: actions/checkout@v4\nwith: { fetch-dept: 0 }'), "no input 'fetch-dept'"],
  ['text beside braces', step('run: a\nif: ${{ false }} && true'), 'always true'],
  ['a job that is not needed', job("steps: [{ run: 'echo ${{ needs.b.result }}' }]"), "'needs.b' is always empty"],
  ['a step that is not there', step('run: a\nif: steps.x.outcome'), "'steps.x' is always empty"],
  ['a line break after braces', step('run: a\nif: |\n  ${{ false }}'), 'always true'],
])('%s gives a warning and runs', (_, text, message) => {
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  expect(workflow).not.toBeNull()
  expect(problems).toMatchObject([{ severity: 'warning', message: expect.stringContaining(message) }])
  expect(problems[0]!.position).not.toBeNull()
})

test.each([
  ['a text', 'on: push', { push: {}, other: [] }],
  ['a list', 'on: [push, pull_request]', { push: {}, other: ['pull_request'] }],
  ['events without filters', 'on: { push: , pull_request: ~ }', { push: {}, other: ['pull_request'] }],
  ['one pattern as text', 'on: { push: { tags: v* } }', { push: { tags: ['v*'] }, other: [] }],
  ['filters of an event of a forge', 'on: { pull_request: { types: [opened] } }', { other: ['pull_request'] }],
])('events written as %s', (_, on, triggers) => {
  const { workflow, problems } = parseWorkflow('ci.yml', job('steps: [{ run: a }]').replace('on: push', on))
  expect(problems).toEqual([])
  expect(workflow!.on).toEqual(triggers)
})

test.each([
  ['permissions of tomorrow', job('permissions: { tomorrow: write }\nsteps: [{ run: a }]')],
  ['a byte order mark and the line ends of Windows', `\uFEFF${step('run: |\n  a\n  b').replaceAll('\n', '\r\n')}`],
  ['names in texts, quotes and fields', step("run: echo steps.x ${{ 'needs.b' }} ${{ github.sha.steps.x }}")],
  ['a step that is there', job('outputs: { o: "${{ steps.X.outputs.o }}" }\nsteps: [{ id: x, run: a }]')],
])('%s give no problem', (_, text) => {
  expect(parseWorkflow('ci.yml', text).problems).toEqual([])
})

test('inputs that ask for nothing new are taken', () => {
  const text = step(`uses: Actions/Checkout@11bd71901bbe5b1630ceea73d27597364c9af683
with:
  repository: \${{github.repository}}
  ref: \${{ github.sha }}
  path: src
  submodules: false
  lfs: FALSE
  ssh-key: ''
  clean: true
  token: \${{ secrets.GITHUB_TOKEN }}
  show-progress: false
  fetch-tags: true
  set-safe-directory: true
  sparse-checkout-cone-mode: true`)
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  expect(problems).toEqual([])
  expect(workflow!.jobs[0]!.steps[0]).toMatchObject({ with: { ref: '${{ github.sha }}', path: 'src' } })
})

test('anchors work, and keys like __proto__ are only keys', () => {
  const text = job(
    'env: &e { __proto__: "1", constructor: "2" }\nsteps:\n  - { run: a, env: *e }\n  - { run: b, env: *e }',
  )
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  expect(problems).toEqual([])
  const [first, second] = workflow!.jobs[0]!.steps as RunStep[]
  expect(Object.entries(first!.env)).toEqual([
    ['__proto__', '1'],
    ['constructor', '2'],
  ])
  expect(second!.env).toEqual(first!.env)
})

test.each([
  ['on: push\nenv:\n  A: "x\\0y"\n', 3, 6, 'NUL'],
  ['on: push\nname: "\\uD83D!"\n', 2, 7, 'surrogate'],
  ['on: push\njobs:\n  "a\\0": {}\n', 3, 3, 'NUL'],
])('a character that no text can hold is shown with its place: %j', (text, line, column, says) => {
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  expect(workflow).toBeNull()
  expect(problems[0]).toMatchObject({ position: { line, column }, message: expect.stringContaining(says) })
})

test('a message that is cut inside of a character still is text', () => {
  for (const length of [100, 101]) {
    const condition = `foo || '${'x'.repeat(length)}${'\u{1f600}'.repeat(20)}'`
    const { problems } = parseWorkflow('ci.yml', job(`if: ${condition}\nsteps: [{ run: a }]`))
    expect(problems[0]!.message).toContain('…')
    expect(problems[0]!.message).not.toMatch(/\p{Surrogate}/u)
  }
})

test('steps in the background are numbered with the others, and a group ends in a wait', () => {
  const { workflow, problems } = parseWorkflow(
    'ci.yml',
    `on: push
jobs:
  a:
    runs-on: x
    steps:
      - parallel:
          - { run: a, id: one }
          - { uses: a/b/c@v1, with: { x: 1 } }
      - { run: b, id: Server, background: true }
      - { run: c, background: true }
      - wait: server
      - wait-all:
      - cancel: server
      - run: echo \${{ steps.one.outcome }}
`,
  )
  expect(problems).toEqual([])
  expect(workflow!.jobs[0]!.steps).toMatchObject([
    { kind: 'run', run: 'a', background: true },
    { kind: 'uses', uses: 'a/b/c@v1', with: { x: '1' }, background: true },
    { kind: 'wait', places: [0, 1] },
    { kind: 'run', run: 'b', background: true },
    { kind: 'run', run: 'c', background: true },
    { kind: 'wait', name: 'Wait for server', places: [3] },
    { kind: 'wait', places: [4] },
    { kind: 'cancel', place: 3 },
    { kind: 'run' },
  ])
})

test('a checkout of more than its own repository is done by the action itself', () => {
  const inputs = ['submodules: recursive', 'repository: a/b', 'lfs: true', 'ssh-key: "${{ secrets.KEY }}"']
  for (const written of inputs) {
    const { workflow } = parseWorkflow('ci.yml', step(`uses: actions/checkout@v5\nwith: { ${written}, path: x }`))
    expect(workflow?.jobs[0]?.steps[0]).toMatchObject({
      kind: 'uses',
      uses: 'actions/checkout@v5',
      with: { path: 'x' },
    })
  }
  const plain = parseWorkflow('ci.yml', step('uses: actions/checkout@v5\nwith: { submodules: false, lfs: "false" }'))
  expect(plain.workflow?.jobs[0]?.steps[0]).toMatchObject({ kind: 'action', action: 'checkout', with: {} })
})

test('what is wrong has a key and values beside its sentence', () => {
  const told = (text: string) => parseWorkflow('ci.yml', text).problems.map(({ key, values }) => ({ key, values }))
  expect(told('on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{ run: a }]\n    needs: b\n')).toEqual([
    { key: 'needUnknown', values: { id: 'a', need: 'b' } },
  ])
  expect(told('on: push\njobs: [\n')[0]).toMatchObject({ key: 'yamlInvalid', values: { text: expect.any(String) } })
  const schedule = "on: { schedule: [{ cron: '61 * * * *' }] }\njobs: {}\n"
  expect(told(schedule)).toContainEqual({ key: 'cronMinute', values: { text: '61', from: 0, to: 59 } })
  // A fault within another keeps its own key.
  const flag = 'on: { workflow_dispatch: { inputs: { a: { type: boolean, default: yes please } } } }\njobs: {}\n'
  expect(told(flag)).toContainEqual({
    key: 'defaultUnfit',
    values: { fault: { key: 'mustBeFlag', values: {} } },
  })
})

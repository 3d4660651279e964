import { expect, test } from 'vitest'
import { evaluateMapping } from './evaluate.ts'
import { expandJob } from './matrix.ts'
import { parseWorkflow } from './parse.ts'
import { boundPermissions, permissionOf } from './permissions.ts'
import { matchWorkflowRun } from './push-filter.ts'

const job = (lines: string) => `on: push\njobs:\n  a:\n    runs-on: x\n${lines.replace(/^/gm, '    ')}\n`
const on = (text: string) => `on: ${text}\njobs: { a: { runs-on: x, steps: [{ run: a }] } }`
const accepted = (text: string) => {
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  return { workflow: workflow!, warnings: problems }
}

test.each([
  ['a filter without a pattern', 'on: { push: { branches: } }', 1, 15, 'no pattern'],
  ['a filter of another event', 'on: { push: { types: [x] } }', 1, 15, "no filter 'types'"],
  ['a filter that a forge would not look at', 'on: { pull_request: { tags-ignore: [x] } }', 1, 23, "'tags-ignore'"],
  ['an activity that does not exist', 'on: { pull_request: { types: [odd] } }', 1, 31, "'odd'"],
])('%s is a warning on the run', (_, text, line, column, message) => {
  const { workflow, warnings } = accepted(`${text}\njobs: { a: { runs-on: x, steps: [{ run: a }] } }`)
  expect(workflow.jobs).toHaveLength(1)
  expect(warnings).toMatchObject([{ severity: 'warning', file: 'ci.yml', position: { line, column } }])
  expect(warnings[0]!.message).toContain(message)
})

test('every event of GitHub is accepted; those of a forge wait for it', () => {
  const forge = ['pull_request', 'pull_request_target', 'merge_group', 'release', 'issues', 'image_version', 'watch']
  const { workflow, warnings } = accepted(on(`[push, ${forge.join(', ')}]`))
  expect(warnings).toEqual([])
  expect(workflow.on).toEqual({ push: {}, other: forge })
})

test('schedules keep their times and zones', () => {
  const text = "{ schedule: [{ cron: '0 4 * * 1-5' }, { cron: '0 9 * * *', timezone: Europe/Berlin }] }"
  expect(accepted(on(text)).workflow.on.schedule).toEqual([
    { cron: '0 4 * * 1-5' },
    { cron: '0 9 * * *', timezone: 'Europe/Berlin' },
  ])
})

test.each([
  ['a time that is none', "{ schedule: [{ cron: '61 * * * *' }] }", 'minute'],
  ['too few fields', "{ schedule: [{ cron: '* * * *' }] }", 'five'],
  ['a time that never comes', "{ schedule: [{ cron: '0 0 31 2 *' }] }", 'never comes'],
  ['a zone that does not exist', "{ schedule: [{ cron: '0 0 * * *', timezone: Mars/Base }] }", 'time zone'],
  ['an input without a type', '{ workflow_call: { inputs: { a: { required: true } } } }', "'type'"],
  ['an output without a value', '{ workflow_call: { outputs: { a: { description: x } } } }', "'value'"],
])('%s is refused at its place', (_, text, message) => {
  const { workflow, problems } = parseWorkflow('ci.yml', on(text))
  expect(workflow).toBeNull()
  expect(problems[0]).toMatchObject({
    severity: 'error',
    position: { line: 1 },
    message: expect.stringContaining(message),
  })
})

test('a reusable workflow says what it takes and gives', () => {
  const { workflow } = accepted(`on:
  workflow_call:
    inputs:
      level: { type: number, default: 3 }
      fast: { type: boolean, required: true }
      branch: { type: string, default: "\${{ github.ref_name }}" }
    secrets: { token: { required: true }, other: }
    outputs: { url: { value: "\${{ jobs.a.outputs.url }}" } }
jobs: { a: { runs-on: x, steps: [{ run: a }] } }`)
  expect(workflow.on.workflowCall).toEqual({
    inputs: {
      level: { type: 'number', required: false, default: 3 },
      fast: { type: 'boolean', required: true },
      branch: { type: 'string', required: false, default: '${{ github.ref_name }}' },
    },
    secrets: { token: { required: true }, other: { required: false } },
    outputs: { url: '${{ jobs.a.outputs.url }}' },
  })
})

test('a job calls a workflow of the repository or of another', () => {
  const { workflow } = accepted(`on: push
jobs:
  local: { uses: ./.github/workflows/b.yml, with: { level: 2, fast: true, name: "\${{ github.sha }}" }, secrets: inherit }
  far: { needs: local, uses: o/r/.github/workflows/b.yaml@v1, secrets: { token: "\${{ secrets.T }}" } }`)
  expect(workflow.jobs).toMatchObject([
    {
      call: {
        uses: './.github/workflows/b.yml',
        with: { level: 2, fast: true, name: '${{ github.sha }}' },
        secrets: 'inherit',
        position: { line: 3, column: 18 },
      },
      steps: [],
    },
    { needs: ['local'], call: { uses: 'o/r/.github/workflows/b.yaml@v1', secrets: { token: '${{ secrets.T }}' } } },
  ])
  const { problems } = parseWorkflow('ci.yml', 'on: push\njobs:\n  a: { uses: ./scripts/b.yml }')
  expect(problems).toMatchObject([{ position: { line: 3, column: 14 }, message: expect.stringContaining('./.github') }])
})

test('what a workflow follows: names, branches and what became of the run', () => {
  const { workflow } = accepted(
    on("{ workflow_run: { workflows: [CI, 'Deploy *'], types: [completed], branches: [main] } }"),
  )
  const trigger = workflow.on.workflowRun!
  const run = { workflow: 'CI', type: 'completed', branch: 'main' } as const
  expect(matchWorkflowRun(trigger, run)).toBe(true)
  expect(matchWorkflowRun(trigger, { ...run, workflow: 'Deploy web' })).toBe(true)
  expect(matchWorkflowRun(trigger, { ...run, workflow: 'Other' })).toBe(false)
  expect(matchWorkflowRun(trigger, { ...run, type: 'requested' })).toBe(false)
  expect(matchWorkflowRun(trigger, { ...run, branch: 'side' })).toBe(false)
})

test('permissions are those of the job, else of the workflow', () => {
  const { workflow } = accepted(`on: push
permissions: { contents: read }
jobs:
  a: { runs-on: x, steps: [{ run: a }] }
  b: { runs-on: x, permissions: { contents: write, pages: write }, steps: [{ run: a }] }
  c: { runs-on: x, permissions: {}, steps: [{ run: a }] }`)
  expect(workflow.jobs.map(({ permissions }) => permissions)).toEqual([
    { contents: 'read' },
    { contents: 'write', pages: 'write' },
    {},
  ])
  expect(permissionOf('read-all', 'contents')).toBe('read')
  expect(permissionOf({ contents: 'write' }, 'issues')).toBe('none')
  expect(boundPermissions({ contents: 'write', pages: 'write' }, { contents: 'read' })).toEqual({
    contents: 'read',
    pages: 'none',
  })
  expect(boundPermissions('write-all', 'read-all')).toBe('read-all')
  expect(boundPermissions(undefined, { contents: 'read' })).toEqual({ contents: 'read' })
})

test('concurrency is read from a text and from a mapping', () => {
  const { workflow, warnings } = accepted(
    `concurrency: x\n${job('concurrency: { group: "a-${{ github.ref }}", cancel-in-progress: "${{ true }}", queue: max }\nsteps: [{ run: a }]')}`,
  )
  expect(warnings).toEqual([])
  expect(workflow.concurrency).toEqual({ group: 'x', cancelInProgress: false, isQueue: false })
  expect(workflow.jobs[0]!.concurrency).toEqual({
    group: 'a-${{ github.ref }}',
    cancelInProgress: '${{ true }}',
    isQueue: true,
  })
})

test('expressions stand for a whole strategy, env, matrix entries and keys', () => {
  const { workflow } = accepted(
    job(`env: \${{ fromJSON(vars.env) }}
strategy: \${{ fromJSON(vars.strategy) }}
steps: [{ run: a }]`),
  )
  const contexts = {
    vars: { env: '{"A":"1","B":2}', strategy: '{"fail-fast":false,"max-parallel":1,"matrix":{"v":[1,2]}}' },
  }
  const instances = expandJob(workflow.jobs[0]!, contexts)
  expect(instances.map(({ matrix, strategy }) => [matrix, strategy.failFast, strategy.maxParallel])).toEqual([
    [{ v: 1 }, false, 1],
    [{ v: 2 }, false, 1],
  ])
  expect(evaluateMapping(workflow.jobs[0]!.env, contexts)).toEqual({ A: '1', B: '2' })

  const entries = accepted(
    job(`strategy: { matrix: { "\${{ vars.axis }}": [1], include: [{ z: 9 }, "\${{ fromJSON('{\\"os\\":2}') }}"] } }
steps: [{ run: a }]`),
  )
  expect(expandJob(entries.workflow.jobs[0]!, { vars: { axis: 'os' } }).map(({ matrix }) => matrix)).toEqual([
    { os: 1, z: 9 },
    { os: 2 },
  ])
})

test('what needs a container names the Docker executor, with its place, and spoils nothing else', () => {
  const { workflow, warnings } = accepted(`on: push
jobs:
  a: { runs-on: x, steps: [{ run: a }] }
  b:
    runs-on: x
    container: node:22
    services: { db: { image: postgres } }
    steps: [{ run: a }]
  c: { runs-on: x, container: "\${{ matrix.image }}", steps: [{ run: a }] }
  d: { runs-on: x, steps: [{ uses: "docker://alpine:3" }] }`)
  expect(workflow.jobs[0]!.blockers).toBeUndefined()
  expect(workflow.jobs[1]!.blockers).toMatchObject([{ position: { line: 6, column: 5 } }, { position: { line: 7 } }])
  expect(workflow.jobs[2]!.blockers).toMatchObject([{ unlessEmpty: '${{ matrix.image }}' }])
  expect(warnings.map(({ position, message }) => [position?.line, message.includes('Docker executor')])).toEqual([
    [6, true],
    [7, true],
    [9, true],
    [10, true],
  ])
})

test('a checkout that asks for more than is done natively is left to the action itself', () => {
  const step = (lines: string) =>
    accepted(job(`steps:\n  - uses: actions/checkout@v4\n    with: ${lines}`)).workflow.jobs[0]!.steps[0]
  expect(step('{ fetch-depth: 0, submodules: false }')).toMatchObject({ kind: 'action', with: { 'fetch-depth': '0' } })
  for (const asked of ['submodules: true', 'repository: a/b', 'lfs: true']) {
    expect(step(`{ ${asked} }`)).toMatchObject({ kind: 'uses', uses: 'actions/checkout@v4' })
  }
})

test('keys without effect are warnings', () => {
  const { workflow, warnings } = accepted(
    'on: push\njobs:\n  a: { runs-on: { group: big }, cancel-timeout-minutes: 1, steps: [{ run: a, shell: pwsh }] }',
  )
  expect(workflow.jobs[0]!.runsOn).toEqual(['self-hosted'])
  expect(warnings.map(({ message }) => message)).toMatchObject([
    expect.stringContaining('groups of runners'),
    expect.stringContaining('no effect'),
  ])
})

test.each([
  ['a title', 'echo "${{ github.event.pull_request.title }}"', 'github.event.pull_request.title'],
  ['a branch', 'git checkout ${{ github.head_ref }}', 'github.head_ref'],
  ['a name in brackets', "echo ${{ github.event['issue']['body'] }}", 'github.event.issue.body'],
  ['a whole payload', 'echo ${{ toJSON(github.event) }}', 'github.event'],
  ['an alternative', 'echo ${{ github.head_ref || github.sha }}', 'github.head_ref'],
  ['a script of github-script', null, 'github.event.issue.title'],
])('%s from outside in a script is warned of', (_, run, name) => {
  const step = run
    ? `steps:\n  - run: |\n      set -e\n      ${run}`
    : 'steps:\n  - uses: actions/github-script@v7\n    with:\n      script: |\n        \n        log("${{ github.event.issue.title }}")'
  const { problems } = parseWorkflow('ci.yml', job(step))
  const warning = problems.find(({ message }) => message.includes(`'${name}'`))
  expect(warning).toMatchObject({ severity: 'warning', position: { line: run ? 8 : 10 } })
})

test.each([
  ['a number', 'echo ${{ github.event.pull_request.number }}'],
  ['a commit', 'echo ${{ github.event.pull_request.head.sha }}'],
  ['a comparison', "echo ${{ github.event.pull_request.title == 'x' }}"],
  ['the name of the event', 'echo ${{ github.event_name }}'],
  ['text in quotes', "echo ${{ 'github.head_ref' }}"],
])('%s is not', (_, run) => {
  expect(parseWorkflow('ci.yml', job(`steps:\n  - run: |\n      ${run}`)).problems).toEqual([])
})

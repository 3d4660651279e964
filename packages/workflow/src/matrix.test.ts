import { expect, test } from 'vitest'
import { ExpressionError } from './expressions.ts'
import { expandJob, runsOnLabels } from './matrix.ts'
import type { Contexts, Job } from './model.ts'
import { parseWorkflow } from './parse.ts'

function jobOf(strategy: string, more = ''): Job {
  const indented = (text: string) =>
    text
      .split('\n')
      .map((line) => `    ${line}`)
      .join('\n')
  const text = `on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n${indented(more)}\n    strategy:\n${indented(indented(strategy))}\n    steps: [{ run: 'true' }]\n`
  const { workflow, problems } = parseWorkflow('m.yml', text)
  expect(problems.filter((each) => each.severity === 'error')).toEqual([])
  return workflow!.jobs[0]!
}

const combinations = (strategy: string, contexts: Contexts = {}) =>
  expandJob(jobOf(strategy), contexts).map(({ matrix }) => matrix)

test('axes are multiplied and the last turns fastest', () => {
  const jobs = expandJob(jobOf('matrix:\n  os: [linux, mac]\n  node: [20, 22]'), {})
  expect(jobs.map(({ name }) => name)).toEqual([
    'test (linux, 20)',
    'test (linux, 22)',
    'test (mac, 20)',
    'test (mac, 22)',
  ])
  expect(jobs[1]!.matrix).toEqual({ os: 'linux', node: 22 })
  expect(jobs[2]!.strategy).toEqual({ failFast: true, jobIndex: 2, jobTotal: 4, maxParallel: 4 })
})

// The example of GitHub's documentation, with the result that it states.
test('include adds to what it fits and else makes jobs of its own', () => {
  expect(
    combinations(`matrix:
  fruit: [apple, pear]
  animal: [cat, dog]
  include:
    - color: green
    - color: pink
      animal: cat
    - fruit: apple
      shape: circle
    - fruit: banana
    - fruit: banana
      animal: cat`),
  ).toEqual([
    { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
    { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
    { fruit: 'pear', animal: 'cat', color: 'pink' },
    { fruit: 'pear', animal: 'dog', color: 'green' },
    { fruit: 'banana' },
    { fruit: 'banana', animal: 'cat' },
  ])
})

test('exclude takes away before include adds, and may name some axes only', () => {
  expect(
    combinations(`matrix:
  os: [linux, mac]
  version: [12, 14]
  exclude:
    - os: mac
    - version: 12
      os: linux
  include:
    - os: mac
      version: 99`),
  ).toEqual([
    { os: 'linux', version: 14 },
    { os: 'mac', version: 99 },
  ])
})

test('include alone makes one job each', () => {
  const jobs = expandJob(jobOf('matrix:\n  include:\n    - site: prod\n      n: 1\n    - site: dev'), {})
  expect(jobs.map(({ name }) => name)).toEqual(['test (prod, 1)', 'test (dev)'])
})

test('objects and lists are values, and match by their parts', () => {
  const strategy = `matrix:
  node: [{ version: 20, env: A=1 }, { version: 22 }]
  flags: [[-a, -b], []]
  exclude:
    - node: { version: 22 }
      flags: []`
  const jobs = expandJob(jobOf(strategy), {})
  expect(jobs.map(({ name }) => name)).toEqual(['test (20, A=1, -a, -b)', 'test (20, A=1)', 'test (22, -a, -b)'])
  expect(jobs[0]!.matrix).toEqual({ node: { version: 20, env: 'A=1' }, flags: ['-a', '-b'] })
})

test('include never changes the value of an axis', () => {
  const strategy = `matrix:
  node: [{ version: 20, env: A=1 }]
  include:
    - node: { version: 20 }
      extra: yes`
  expect(combinations(strategy)).toEqual([{ node: { version: 20, env: 'A=1' }, extra: 'yes' }])
})

test('expressions yield the matrix, an axis, include, exclude or a value', () => {
  const needs: Contexts['needs'] = {
    plan: { result: 'success', outputs: { all: '{"a":[1,2],"include":[{"a":2,"b":"x"},{"a":3}]}', list: '["p","q"]' } },
  }
  expect(combinations('matrix: ${{ fromJSON(needs.plan.outputs.all) }}', { needs })).toEqual([
    { a: 1 },
    { a: 2, b: 'x' },
    { a: 3 },
  ])
  expect(combinations('matrix:\n  x: ${{ fromJSON(needs.plan.outputs.list) }}\n  y: [1]', { needs })).toEqual([
    { x: 'p', y: 1 },
    { x: 'q', y: 1 },
  ])
  expect(
    combinations(
      `matrix:
  x: [a, "\${{ github.ref_name }}"]
  include: \${{ fromJSON('[{"x":"a","y":1}]') }}
  exclude: \${{ fromJSON('[{"x":"main"}]') }}`,
      { github: { ref_name: 'main' } },
    ),
  ).toEqual([{ x: 'a', y: 1 }])
  // What an expression yields is data, even when it looks like an expression.
  const odd: Contexts = { inputs: { list: ['${{ secrets.A }}'] } }
  expect(combinations('matrix:\n  x: ${{ inputs.list }}', odd)).toEqual([{ x: '${{ secrets.A }}' }])
})

test('a name that uses the matrix is shown as it is, another gets the values behind it', () => {
  const names = (name: string) =>
    expandJob(jobOf('matrix:\n  os: [a, b]', `name: ${name}`), {}).map((each) => each.name)
  expect(names('Build')).toEqual(['Build (a)', 'Build (b)'])
  expect(names('Build ${{ matrix.os }} ${{ strategy.job-index }}/${{ strategy.job-total }}')).toEqual([
    'Build a 0/2',
    'Build b 1/2',
  ])
  const long = expandJob(jobOf(`matrix:\n  os: [${'x'.repeat(200)}]`), {})[0]!.name
  expect(long).toHaveLength(100)
  expect(long.endsWith('...')).toBe(true)
})

test('fail-fast and max-parallel may be expressions', () => {
  const [job] = expandJob(
    jobOf("matrix: { a: [1, 2] }\nfail-fast: ${{ github.ref == 'x' }}\nmax-parallel: ${{ inputs.n }}"),
    { inputs: { n: 1 } },
  )
  expect(job!.strategy).toMatchObject({ failFast: false, maxParallel: 1 })
})

test('a job without a matrix is one job', () => {
  expect(expandJob(jobOf('fail-fast: false'), {})).toMatchObject([
    { name: 'test', matrix: null, strategy: { failFast: false, jobIndex: 0, jobTotal: 1, maxParallel: 1 } },
  ])
})

test.each([
  ["matrix: ${{ fromJSON('[1]') }}", 'must be an object'],
  ['matrix:\n  a: ${{ inputs.none }}', "axis 'a'"],
  ["matrix:\n  a: ${{ fromJSON('[]') }}", 'at least one value'],
  ['matrix:\n  a: [1]\n  include: ${{ inputs.x }}', 'must be a list'],
  ['matrix:\n  a: [1]\n  exclude: [{ a: 1 }]', 'leaves no job'],
  ['matrix: { a: [1] }\nmax-parallel: ${{ 0 }}', 'max-parallel'],
  ['matrix: { a: [1] }\nfail-fast: ${{ inputs.x }}', 'fail-fast'],
  [
    `matrix:\n  a: [${Array.from({ length: 20 }, (_, index) => index)}]\n  b: [${Array.from({ length: 20 }, (_, index) => index)}]\n  exclude: [{ a: 0 }]`,
    'at most 256',
  ],
])('the strategy %j is refused with a reason', (strategy, message) => {
  const expand = () => expandJob(jobOf(strategy), { inputs: { x: 'maybe' } })
  expect(expand).toThrow(ExpressionError)
  expect(expand).toThrow(message)
})

test('a matrix that multiplies without end is stopped before it is made', () => {
  const axis = JSON.stringify(Array.from({ length: 200 }, (_, index) => index))
  const axes = Array.from({ length: 10 }, (_, index) => `  a${index}: \${{ fromJSON(inputs.axis) }}`).join('\n')
  expect(() => expandJob(jobOf(`matrix:\n${axes}`), { inputs: { axis } })).toThrow('at most 256')
})

test('labels may come from the matrix or an expression', () => {
  const job = jobOf('matrix:\n  os: [ubuntu-latest]')
  const labels = (runsOn: Job['runsOn'], contexts: Contexts = {}) =>
    runsOnLabels(expandJob({ ...job, runsOn }, {})[0]!, contexts)
  expect(labels('${{ matrix.os }}')).toEqual(['ubuntu-latest'])
  expect(labels(['self-hosted', '${{ matrix.os }}'])).toEqual(['self-hosted', 'ubuntu-latest'])
  expect(labels('${{ fromJSON(\'["a","b"]\') }}')).toEqual(['a', 'b'])
  expect(() => labels('${{ matrix.none }}')).toThrow('runs-on')
})

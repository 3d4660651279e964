import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseWorkflow } from './parse.ts'

const job = (lines: string) => `on: push\njobs:\n  a:\n    runs-on: x\n${lines.replace(/^/gm, '    ')}\n`
const step = (lines: string) => job(`steps:\n  - ${lines.replaceAll('\n', '\n    ')}`)
const errors = (text: string) => parseWorkflow('ci.yml', text).problems.filter((each) => each.severity === 'error')

test('files beyond the bounds are refused', () => {
  const steps = (count: number) => job(`steps:\n${'  - run: a\n'.repeat(count)}`)
  expect(errors(steps(1000))).toEqual([])
  expect(errors(steps(1001))[0]!.message).toContain('1001 steps')
  const jobs = Array.from({ length: 257 }, (_, index) => `  j${index}: { runs-on: x, steps: [{ run: a }] }\n`)
  expect(errors(`on: push\njobs:\n${jobs.join('')}`)[0]!.message).toContain('257 jobs')
  expect(errors(`${step('run: a')}# ${'x'.repeat(1024 * 1024)}`)[0]!.message).toContain('bytes')
})

const bomb = (levels: number, width: number) =>
  `on: push\na0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: levels }, (_, level) => `a${level + 1}: &a${level + 1} [${Array(width).fill(`*a${level}`)}]`).join('\n')}\njobs: *a${levels}\n`

test.each([
  ['an alias bomb', bomb(12, 9), 'aliases'],
  [
    'an alias bomb of mappings',
    bomb(12, 9).replaceAll('[', '{ k: ').replaceAll(']', ' }').replaceAll(/, /g, ', l: '),
    '',
  ],
  ['an alias inside itself', 'on: push\njobs: &a\n  b: *a', 'contains itself'],
  ['brackets without end', `on: ${'['.repeat(200_000)}`, 'levels'],
  ['braces without end', `on: ${'{a: '.repeat(100_000)}`, 'levels'],
  ['indentation without end', Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), 'levels'],
  ['lists in lists', `on:\n${'- '.repeat(5000)}x`, ''],
  [
    'many keys',
    `on: push\njobs:\n${Array.from({ length: 60_000 }, (_, index) => `  k${index}: 1\n`).join('')}`,
    'pieces',
  ],
  ['many values', `on: [${'a,'.repeat(400_000)}]`, 'pieces'],
  ['a long expression', step(`run: \${{ ${'github.'.repeat(100_000)}x }}`), ''],
  ['many expressions', step(`run: "${'${{ 1 }} '.repeat(100_000)}"`), '100000 expressions'],
  ['many wrong expressions', step(`run: "${'${{ x }}'.repeat(5000)}"`), "'x'"],
  ['many quotes', step(`run: \${{ ${"'".repeat(500_001)} }}`), ''],
  ['a condition of parentheses', step(`run: a\nif: ${'('.repeat(300_000)}`), ''],
  [
    'many anchors',
    `on: push\n${Array.from({ length: 20_000 }, (_, index) => `a${index}: &x${index} *x${index - 1}`).join('\n')}`,
    '',
  ],
  ['a long plain text', `on: ${'a '.repeat(500_000)}`, ''],
  ['many colons', `on: ${'a: '.repeat(300_000)}`, ''],
  ['many commas', `on: [${','.repeat(29_000)}]`, ''],
  ['many closing brackets', `on: ${'] '.repeat(14_000)}`, ''],
  ['many wrong events', `on: [${'a,'.repeat(9_000)}]`, 'event'],
  [
    'many wrong keys',
    `on: push\njobs:\n${Array.from({ length: 3_000 }, (_, index) => `  k${index}: 1\n`).join('')}`,
    'jobs',
  ],
  ['many comments', `${'#\n'.repeat(500_000)}on: push`, ''],
])('%s is refused within a second', (_, text, message) => {
  // Processor time, not the clock's: other tests run at the same time.
  const start = process.cpuUsage()
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 1000).toBeLessThan(1000)
  expect(workflow).toBeNull()
  expect(problems.map((each) => each.message).join('\n')).toContain(message)
})

test('whatever the text, parsing answers', () => {
  const words = [
    'on',
    'push',
    'jobs',
    'steps',
    'run',
    'uses',
    'with',
    'if',
    'env',
    'needs',
    'strategy',
    'matrix',
    'include',
    'runs-on',
    'a',
    '1',
    'true',
    'null',
    '~',
    '${{ a }}',
    '${{',
    '}}',
    "'",
    '"',
    '&x',
    '*x',
    '!!int',
    '<<',
    '|',
    '>',
    '-',
    ':',
    ': ',
    ', ',
    '[',
    ']',
    '{',
    '}',
    '\n',
    '\n  ',
    '\n    ',
    '\n      - ',
    '#',
    '%',
    '@',
    '\t',
    '\u0000',
    '\u{1F600}',
    '\uFEFF',
    '---',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 60 }), (parts) => {
      const { workflow, problems } = parseWorkflow('f.yml', parts.join(''))
      expect(workflow === null).toBe(problems.some((each) => each.severity === 'error'))
    }),
    { numRuns: 1500 },
  )
})

test('whatever is put in the place of a value, parsing answers', () => {
  const base = `on: { push: { branches: [a] }, workflow_dispatch: { inputs: { i: { type: choice, options: [a], default: a } } } }
name: n
env: { A: b }
defaults: { run: { shell: bash } }
concurrency: { group: g }
jobs:
  j: { name: n, needs: [k], if: 'true', runs-on: [x], env: { A: b }, outputs: { o: p }, environment: { name: e, url: u }, timeout-minutes: 1, continue-on-error: true, strategy: { fail-fast: true, max-parallel: 1, matrix: { a: [1], include: [{ a: 1 }], exclude: [{ a: 2 }] } }, steps: [{ id: i, name: n, if: 'true', run: r, shell: sh, env: { A: b }, timeout-minutes: 1 }, { uses: actions/checkout@v4, with: { ref: r } }] }
  k: { runs-on: x, steps: [{ run: r }] }
`
  const places = [...base.matchAll(/: ([^ ,{}[\]]+)/g)].map((match) => match.index! + 2)
  const odd = [
    'null',
    '~',
    '[]',
    '{}',
    '[[]]',
    '{ a: { b: c } }',
    '1e400',
    '-0',
    '.nan',
    '"${{ matrix }}"',
    '"${{ github.x"',
    '!!set {}',
    '""',
    '&a x',
    '2026-01-01',
    '0x1F',
    '[1, [2, { a: b }]]',
    '"\\0"',
  ]
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.constantFrom(...odd), (place, value) => {
      const rest = base.slice(place).replace(/^[^ ,{}[\]\n]+/, value)
      const { workflow, problems } = parseWorkflow('f.yml', base.slice(0, place) + rest)
      expect(workflow === null).toBe(problems.some((each) => each.severity === 'error'))
      for (const each of problems) expect(each.message).not.toMatch(/undefined|is not a function|Cannot read/)
    }),
    { numRuns: 500 },
  )
})

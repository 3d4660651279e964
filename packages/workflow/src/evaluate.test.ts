import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { evaluateCondition, evaluateTemplate, evaluateValue } from './evaluate.ts'
import { ExpressionError } from './expressions.ts'
import type { Contexts } from './model.ts'

const contexts: Contexts = {
  github: {
    ref: 'refs/heads/main',
    event_name: 'push',
    event: { commits: [{ id: 'a', author: { name: 'Ann' } }, { id: 'b', author: { name: 'Bo' } }, { id: 'c' }], n: 0 },
    nothing: null,
    yes: true,
  },
  env: { Name: 'cased', constructor: 'plain' },
  secrets: { TOKEN: 't0p' },
  matrix: { os: 'linux', node: 22, flags: ['-a', '-b'] },
  steps: { build: { outputs: { path: 'dist' }, outcome: 'failure', conclusion: 'success' } },
  inputs: { count: 3, on: false },
}

const value = (expression: string) => evaluateValue(`\${{ ${expression} }}`, contexts)

test.each<[string, unknown]>([
  // Literals
  ['null', null],
  ['true', true],
  ['-9.2', -9.2],
  ['0xff', 255],
  ['0o17', 15],
  ['-2.99e-2', -0.0299],
  ["'It''s ''open'''", "It's 'open'"],
  ["''", ''],
  // Access
  ['github.ref', 'refs/heads/main'],
  ["GITHUB['REF']", 'refs/heads/main'],
  ['github.event.commits[1].id', 'b'],
  ["github.event.commits['1'].id", 'b'],
  ['github.event.commits[9].id', null],
  ['github.event.commits.*.id', ['a', 'b', 'c']],
  ['github.event.commits.*.author.name', ['Ann', 'Bo']],
  ['github.missing.deeper.still', null],
  ['matrix.flags[0]', '-a'],
  ['env.Name', 'cased'],
  ['env.name', null],
  ['env.constructor', 'plain'],
  ['vars.anything', null],
  ['secrets.token', 't0p'],
  ['steps.build.outputs.path', 'dist'],
  ['inputs.count', 3],
  // Operators and coercions
  ["'abc' == 'ABC'", true],
  ["1 == '1'", true],
  ["1 == ' 1.0 '", true],
  ["'' == 0", true],
  ["null == ''", true],
  ['null == 0', true],
  ["true == 'true'", false],
  ["true == '1'", true],
  ["'abc' == 0", false],
  ["'b' > 'A'", true],
  ["'10' > 9", true],
  ["'x' > 1", false],
  ['github.event.commits == github.event.commits', true],
  ['github.event == github.nothing', false],
  ['!github.nothing', true],
  ["!'false'", false],
  ['1 < 2 && 2 <= 2 && 3 >= 3', true],
  ["github.nothing || 'else'", 'else'],
  ["github.yes && 'then' || 'else'", 'then'],
  ['false || false && true', false],
  ['!(true && false)', true],
  ['1 != 2 == true', true],
  // Functions
  ["contains('Hello world', 'LLO')", true],
  ["contains(github.event.commits.*.id, 'B')", true],
  ["contains(fromJSON('[1,2]'), '2')", true],
  ["contains(fromJSON('{}'), 'x')", false],
  ["startsWith('Hello', 'he')", true],
  ["endsWith('Hello', 'LO')", true],
  ["startsWith(github.event, 'x')", false],
  ["format('{0}-{1}-{0}', 'a', 2)", 'a-2-a'],
  ["format('{{x}} {0}', true)", '{x} true'],
  ["format('{0}', github.event)", 'Object'],
  ["format('{0}', github.nothing)", ''],
  ["join(matrix.flags, ' ')", '-a -b'],
  ['join(matrix.flags)', '-a,-b'],
  ["join('one')", 'one'],
  ['toJSON(matrix.flags)', '[\n  "-a",\n  "-b"\n]'],
  ["toJSON('a')", '"a"'],
  ['toJSON(github.nothing)', 'null'],
  ['fromJSON(\'{"a":{"constructor":1,"__proto__":2}}\').a.constructor', 1],
  ['fromJSON(\'{"b":1,"a":[true]}\')', { b: 1, a: [true] }],
  ["fromJSON('3') == 3", true],
  ['case(false, 1, true, 2, 3)', 2],
  ['case(false, 1, 3)', 3],
])('%s', (expression, expected) => {
  expect(value(expression)).toEqual(expected)
})

test.each([
  [1.5, '1.5'],
  [100, '100'],
  [0.1 + 0.2, '0.3'],
  [1e15, '1E+15'],
  [123456789012345, '123456789012345'],
  [1e-5, '1E-05'],
  [0.0001, '0.0001'],
  [-0, '0'],
  [1.1, '1.1'],
])('the number %s is written %s in text', (number, text) => {
  expect(evaluateTemplate('v${{ inputs.x }}', { inputs: { x: number } })).toBe(`v${text}`)
})

test('a template keeps what is not an expression', () => {
  expect(evaluateTemplate('a $b {{ c }} ${{ 1 }}}} ${{ github.ref }}!', contexts)).toBe(
    'a $b {{ c }} 1}} refs/heads/main!',
  )
  expect(evaluateTemplate("${{ '${{ not }}' }}", contexts)).toBe('${{ not }}')
  expect(evaluateTemplate('', contexts)).toBe('')
  expect(evaluateTemplate('${{ github.yes }}', contexts)).toBe('true')
})

test('what an expression yields is not evaluated again', () => {
  expect(evaluateTemplate('${{ inputs.x }}', { inputs: { x: '${{ secrets.TOKEN }}' } })).toBe('${{ secrets.TOKEN }}')
})

test('a sole expression keeps its type, and a list has no text', () => {
  expect(evaluateValue('${{ matrix.flags }}', contexts)).toEqual(['-a', '-b'])
  expect(evaluateValue('x${{ inputs.count }}', contexts)).toBe('x3')
  expect(evaluateValue(5, contexts)).toBe(5)
  expect(() => evaluateTemplate('${{ matrix.flags }}', contexts)).toThrow('toJSON')
})

test.each([
  ['', 'success', true],
  ['', 'failure', false],
  ['true', 'failure', false],
  ['false', 'success', false],
  ["github.ref == 'refs/heads/main'", 'success', true],
  ["${{ github.ref == 'refs/heads/main' }}", 'success', true],
  ['always()', 'cancelled', true],
  ['failure()', 'failure', true],
  ['failure()', 'cancelled', false],
  ['cancelled()', 'cancelled', true],
  ['!cancelled()', 'failure', true],
  ['SUCCESS()', 'success', true],
  ["failure() && steps.build.outcome == 'failure'", 'failure', true],
  ["'always()'", 'failure', false],
  ['secrets.TOKEN', 'success', true],
  ['github.nothing', 'success', false],
  ['0', 'success', false],
  // Text beside the braces makes a text that is not empty.
  ['${{ false }} && true', 'success', true],
  ['${{ false }}\n', 'success', true],
  ['${{ false }}\n', 'failure', false],
] as const)('the condition %j of a step after %s', (condition, job, expected) => {
  expect(evaluateCondition(condition, contexts, { status: { job } })).toBe(expected)
})

test.each([
  ['', { a: 'success', b: 'success' }, true],
  ['', { a: 'success', b: 'skipped' }, false],
  ['', {}, true],
  ['always()', { a: 'failure' }, true],
  ['failure()', { a: 'failure', b: 'skipped' }, true],
  ['failure()', { a: 'skipped' }, false],
  ["failure('a')", { a: 'failure', b: 'success' }, true],
  ["failure('b')", { a: 'failure', b: 'success' }, false],
  ["success('b')", { a: 'failure', b: 'success' }, true],
  ['!failure()', { a: 'skipped' }, true],
  ['cancelled()', { a: 'cancelled' }, true],
] as const)('the condition %j of a job that needs %j', (condition, needsStatus, expected) => {
  expect(evaluateCondition(condition, {}, { needsStatus })).toBe(expected)
})

test('a cancelled run is seen by the condition of a job', () => {
  expect(evaluateCondition('', {}, { needsStatus: {}, status: { job: 'cancelled' } })).toBe(false)
  expect(evaluateCondition('cancelled()', {}, { needsStatus: {}, status: { job: 'cancelled' } })).toBe(true)
})

test.each([
  ['foo.bar', "no context 'foo'"],
  ['nope()', "no function 'nope'"],
  ['github.', 'cannot be read'],
  ["'open", 'not closed'],
  ['1 +', 'cannot be read'],
  ['contains(1)', 'Too few'],
  ["fromJSON('')", 'empty text'],
  ["fromJSON('{')", 'not JSON'],
  [`fromJSON('"a\\u0000"')`, 'a NUL'],
  [`fromJSON('{"a":[{"\\ud83d":1}]}')`, 'half of a surrogate pair'],
  ["format('{1}', 1)", "'{1}'"],
  ["format('{')", 'brace'],
  ["case('x', 1, 2)", 'true or false'],
  ["hashFiles('x')", 'steps only'],
])('%s is refused with a reason', (expression, message) => {
  expect(() => value(expression)).toThrow(ExpressionError)
  expect(() => value(expression)).toThrow(message)
})

test('an error names the file and never a value', () => {
  const run = () => evaluateValue('${{ fromJSON(secrets.TOKEN) }}', contexts, { file: 'ci.yml' })
  expect(run).toThrow(/^ci\.yml: /)
  expect(run).not.toThrow('t0p')
})

test('an expression that would grow without end is stopped', () => {
  const start = performance.now()
  const doubled = (depth: number): string => (depth === 0 ? "'0123456789'" : `format('{0}{0}', ${doubled(depth - 1)})`)
  expect(() => value(doubled(40))).toThrow('10 MiB')
  const escaped = (depth: number): string => (depth === 0 ? `'"'` : `toJSON(${escaped(depth - 1)})`)
  expect(() => value(escaped(40))).toThrow('10 MiB')
  expect(() => value(`${'1 == '.repeat(4000)}1`)).not.toThrow(RangeError)
  expect(() => value('!'.repeat(10_000))).toThrow(ExpressionError)
  expect(performance.now() - start).toBeLessThan(2000)
})

test('hashFiles looks into the workspace', () => {
  const workspace = mkdtempSync(join(tmpdir(), 'juanie-evaluate-'))
  try {
    writeFileSync(join(workspace, 'lock'), 'x')
    const hash = evaluateTemplate("${{ hashFiles('lock', '!other') }}", {}, { workspace })
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(evaluateTemplate("${{ hashFiles('none') }}", {}, { workspace })).toBe('')
  } finally {
    rmSync(workspace, { recursive: true })
  }
})

test('whatever the text, the evaluator answers or throws an ExpressionError', () => {
  const pieces = [
    '${{',
    '}}',
    "'",
    '(',
    ')',
    '[',
    ']',
    '.',
    '*',
    ',',
    '!',
    '==',
    '&&',
    '||',
    '<',
    'github',
    'event',
    'format',
    'toJSON',
    '1',
    '-',
    ' ',
    'fromJSON',
    'x',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 25 }), (parts) => {
      for (const text of [parts.join(''), `\${{ ${parts.join('')} }}`]) {
        for (const evaluate of [evaluateTemplate, evaluateValue, evaluateCondition]) {
          try {
            evaluate(text, contexts)
          } catch (error) {
            expect(error).toBeInstanceOf(ExpressionError)
          }
        }
      }
    }),
    { numRuns: 2000 },
  )
})

import { expect, test } from 'vitest'
import { ProblemMatchers, readMatchers } from './problem-matchers.ts'

const file = (...problemMatcher: object[]) => JSON.stringify({ problemMatcher })

const tsc = {
  owner: 'tsc',
  pattern: [
    {
      regexp: '^([^\\s].*)[\\(:](\\d+)[,:](\\d+)(?:\\):\\s+|\\s+-\\s+)(error|warning|info)\\s+TS(\\d+)\\s*:\\s*(.*)$',
      file: 1,
      line: 2,
      column: 3,
      severity: 4,
      code: 5,
      message: 6,
    },
  ],
}
const eslint = {
  owner: 'eslint-stylish',
  pattern: [
    { regexp: '^([^\\s].*)$', file: 1 },
    {
      regexp: '^\\s+(\\d+):(\\d+)\\s+(error|warning|info)\\s+(.*)\\s\\s+(.*)$',
      line: 1,
      column: 2,
      severity: 3,
      message: 4,
      code: 5,
      loop: true,
    },
  ],
}

function all(lines: string[], ...matchers: object[]) {
  const running = new ProblemMatchers()
  running.add(readMatchers(file(...matchers)))
  return lines.flatMap((line) => running.push(line) ?? [])
}

test('one line is one problem, colours or not', () => {
  const expected = { level: 'error', file: 'src/a.ts', line: 3, column: 7, code: '2322', message: 'Type is wrong.' }
  expect(all(['src/a.ts(3,7): error TS2322: Type is wrong.'], tsc)).toMatchObject([expected])
  expect(all(['\u001b[96msrc/a.ts\u001b[0m:3:7 - \u001b[91merror\u001b[0m TS2322: Type is wrong.'], tsc)).toMatchObject(
    [expected],
  )
  expect(all(['nothing of the kind'], tsc)).toEqual([])
})

test('a pattern that loops takes the file of the line above for all that follow', () => {
  const lines = [
    'a.js',
    '  1:2  error  Missing  semi',
    '  3:4  warning  Unused  no-unused',
    '',
    '  5:6  error  Lost  semi',
  ]
  expect(all(lines, eslint)).toMatchObject([
    { file: 'a.js', line: 1, column: 2, level: 'error', message: 'Missing', code: 'semi' },
    { file: 'a.js', line: 3, column: 4, level: 'warning', message: 'Unused', code: 'no-unused' },
  ])
})

test('a problem over several lines needs all of them, one after the other', () => {
  const rust = {
    owner: 'rust',
    pattern: [
      { regexp: '^(warning|error)(?:\\[(.*)\\])?: (.*)$', severity: 1, code: 2, message: 3 },
      { regexp: '^\\s+--> (.*):(\\d+):(\\d+)$', file: 1, line: 2, column: 3, message: 0 },
    ],
  }
  // GitHub's rule: what a later pattern finds counts.
  expect(all(['error[E1]: bad', '  --> src/m.rs:1:2', '  --> src/m.rs:3:4'], rust)).toMatchObject([
    { level: 'error', code: 'E1', file: 'src/m.rs', line: 1 },
  ])
  expect(all(['error[E1]: bad', 'between', '  --> src/m.rs:1:2'], rust)).toEqual([])
})

test('the message may stand on an earlier line than the place', () => {
  const tap = {
    owner: 'tap',
    pattern: [
      { regexp: '^\\s*not ok \\d+ - (.*)', message: 1 },
      { regexp: '^\\s*line:\\s*(\\d+)', line: 1 },
      { regexp: '^\\s*file:\\s*(.*)', file: 1 },
    ],
  }
  expect(all(['not ok 3 - compares', '  line: 12', '  file: test/compare.js'], tap)).toMatchObject([
    { level: 'error', message: 'compares', line: 12, file: 'test/compare.js' },
  ])
})

test('the latest matcher is asked first, one owner has one matcher, and a removed one finds nothing', () => {
  const of = (owner: string, severity: string) => ({ owner, severity, pattern: [{ regexp: '^x (.*)$', message: 1 }] })
  expect(all(['x y'], of('a', 'error'), of('b', 'warning'))).toMatchObject([{ level: 'warning' }])
  expect(all(['x y'], of('a', 'error'), of('a', 'notice'))).toMatchObject([{ level: 'notice' }])
  const running = new ProblemMatchers()
  running.add(readMatchers(file(of('a', 'error'))))
  running.remove('a')
  expect([running.isEmpty, running.push('x y')]).toEqual([true, null])
})

test.each([
  ['not JSON', '{'],
  ['no list', '{}'],
  ['too many', file(...Array.from({ length: 51 }, (_, index) => ({ ...tsc, owner: `o${index}` })))],
  ['no owner', file({ pattern: tsc.pattern })],
  ['no pattern', file({ owner: 'a', pattern: [] })],
  ['no message', file({ owner: 'a', pattern: [{ regexp: 'x' }] })],
  [
    'a loop without a message',
    file({
      owner: 'a',
      pattern: [
        { regexp: 'x', message: 0 },
        { regexp: 'y', line: 0, loop: true },
      ],
    }),
  ],
  ['a wrong expression', file({ owner: 'a', pattern: [{ regexp: '(', message: 0 }] })],
  [
    'a loop that is not last',
    file({
      owner: 'a',
      pattern: [
        { regexp: 'x', loop: true },
        { regexp: 'y', message: 0 },
      ],
    }),
  ],
  ['a group that is none', file({ owner: 'a', pattern: [{ regexp: 'x', message: -1 }] })],
])('a file with %s is refused', (_what, text) => {
  expect(() => readMatchers(text)).toThrow()
})

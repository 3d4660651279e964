import { expect, test } from 'vitest'
import { around } from './failure.ts'

const log = (...texts: string[]) => texts.map((text, index) => ({ number: 41 + index, text }))
const pointOf = (...texts: string[]) => {
  const { point } = around(log(...texts))
  return point === null ? null : texts[point - 41]
}

test.each([
  ['a compiler', ['building', 'src/a.ts(3,1): error TS2304: Cannot find name x.', 'Found 1 error.'], 1],
  ['a test runner with colours', ['\x1b[32m✓\x1b[39m one', '\x1b[31mFAIL\x1b[39m two', 'expected 1 to be 2'], 1],
  ['a shell', ['+ make', 'sh: 1: make: not found'], 1],
  ['Python', ['ok', 'Traceback (most recent call last):', '  File "a.py"', 'ValueError: no'], 3],
  ['Node', ['starting', 'TypeError: x is not a function', '    at a.js:1'], 1],
  ['npm', ['> test', 'npm ERR! missing script: test'], 1],
])('the line of %s that says why is pointed at', (_name, texts, index) => {
  expect(pointOf(...texts)).toBe(texts[index])
})

test('a line that only counts nothing wrong is no complaint', () => {
  expect(pointOf('lint: 0 errors', 'Failures: 0', 'no failures', 'AssertionError: 1 is not 2')).toBe(
    'AssertionError: 1 is not 2',
  )
})

test('where nothing complains, the last lines are shown, and the last that says something is pointed at', () => {
  const texts = Array.from({ length: 100 }, (_, index) => `line ${index}`)
  const shown = around(log(...texts, '', '##[error]The command ended with exit code 3.'))
  expect(shown.lines.at(-1)?.text).toBe('')
  expect(shown.lines).toHaveLength(12)
  expect(shown.point).toBe(41 + 99)
})

test('a step that printed nothing has nothing to point at', () => {
  expect(around([])).toEqual({ lines: [], point: null })
  expect(around(log('##[error]The command ended with exit code 3.'))).toEqual({ lines: [], point: null })
})

test('only a few lines around the place are shown', () => {
  const texts = Array.from({ length: 150 }, (_, index) => (index === 70 ? 'fatal: it broke' : `line ${index}`))
  const shown = around(log(...texts))
  expect(shown.lines.map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, index) => 41 + 67 + index))
})

/** What the programs really print, with a test or a package that is only named after an error. */
const outputs: Record<string, { output: string; says: string }> = {
  'node --test, as TAP': {
    output: `TAP version 13
# Subtest: handles a missing file
ok 1 - handles a missing file
  ---
  duration_ms: 1.004552
  ...
# Subtest: handles error input
not ok 2 - handles error input
  ---
  duration_ms: 0.822211
  location: '/work/a.test.mjs:3:1'
  failureType: 'testCodeFailure'
  error: '2 == 3'
  code: 'ERR_ASSERTION'
  ...
1..2
# tests 2
# pass 1
# fail 1`,
    says: "  error: '2 == 3'",
  },
  'node --test': {
    output: `✔ fails on an error (4.56654ms)
✖ handles error input (7.58411ms)
  AssertionError [ERR_ASSERTION]: 2 == 3
      at TestContext.<anonymous> (file:///work/a.test.mjs:3:40)
      at Test.runInAsyncScope (node:async_hooks:206:9)

ℹ tests 2
ℹ fail 1

✖ failing tests:

test at a.test.mjs:3:1
✖ handles error input (7.58411ms)`,
    says: '  AssertionError [ERR_ASSERTION]: 2 == 3',
  },
  vitest: {
    output: ` RUN  v4.1.12 /work

 \x1b[31m❯\x1b[39m b.test.ts \x1b[2m(\x1b[22m2 tests | \x1b[31m1 failed\x1b[39m) 12ms
   \x1b[32m✓\x1b[39m no error on empty 3ms
\x1b[31m   \x1b[31m×\x1b[31m adds\x1b[39m 7ms

⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯

 FAIL  b.test.ts > adds
\x1b[31m\x1b[1mAssertionError\x1b[22m: expected 2 to be 3 // Object.is equality\x1b[39m

- Expected
+ Received`,
    says: '\x1b[31m\x1b[1mAssertionError\x1b[22m: expected 2 to be 3 // Object.is equality\x1b[39m',
  },
  jest: {
    output: `FAIL ./sum.test.js
  ✓ no error on empty (12 ms)
  ✕ adds (14 ms)

  ● adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 3
    Received: 2

Test Suites: 1 failed, 1 total`,
    says: '    expect(received).toBe(expected) // Object.is equality',
  },
  pytest: {
    output: `============================= test session starts ==============================
collected 2 items

test_a.py::test_ok_error PASSED                                          [ 50%]
test_a.py::test_sum FAILED                                               [100%]

=================================== FAILURES ===================================
___________________________________ test_sum ___________________________________

    def test_sum():
        total = 1 + 1
>       assert total == 3
E       assert 2 == 3

test_a.py:6: AssertionError
=========================== short test summary info ============================
FAILED test_a.py::test_sum - assert 2 == 3`,
    says: 'E       assert 2 == 3',
  },
  'go test': {
    output: `--- FAIL: TestSum (0.00s)
    x_test.go:9: got 2, want 3
FAIL
FAIL	x	0.004s
FAIL`,
    says: '    x_test.go:9: got 2, want 3',
  },
  'go test -v': {
    output: `=== RUN   TestOkError
    x_test.go:5: an error is fine here
--- PASS: TestOkError (0.00s)
=== RUN   TestSum
    x_test.go:9: got 2, want 3
--- FAIL: TestSum (0.00s)
FAIL`,
    says: '    x_test.go:9: got 2, want 3',
  },
  'go vet': {
    output: '# x\n# [x]\nvet: ./x.go:3:12: undefined: undefinedName',
    says: 'vet: ./x.go:3:12: undefined: undefinedName',
  },
  'npm ci': {
    output: `npm warn deprecated error-stack@1.0.0: this package is missing its maintainer
npm error code EUSAGE
npm error
npm error \`npm ci\` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync. Please update your lock file with \`npm install\` before continuing.
npm error
npm error Missing: left-pad@1.3.0 from lock file
npm error
npm error A complete log of this run can be found in: /root/.npm/_logs/2026-11-22T01_32_30_800Z-debug-0.log`,
    says: 'npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync. Please update your lock file with `npm install` before continuing.',
  },
  bash: {
    output: '+ deploy-tool --fail-fast\nbuilding\nbash: line 1: deploy-tool: command not found',
    says: 'bash: line 1: deploy-tool: command not found',
  },
  tsc: {
    output: "\n> tsc --noErrorTruncation\n\nt.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.",
    says: "t.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.",
  },
  'tsc with colours': {
    output: `\x1b[96mt.ts\x1b[0m:\x1b[93m1\x1b[0m:\x1b[93m7\x1b[0m - \x1b[91merror\x1b[0m\x1b[90m TS2322: \x1b[0mType 'string' is not assignable to type 'number'.

\x1b[7m1\x1b[0m const a: number = "x"

Found 1 error in t.ts\x1b[90m:1\x1b[0m`,
    says: `\x1b[96mt.ts\x1b[0m:\x1b[93m1\x1b[0m:\x1b[93m7\x1b[0m - \x1b[91merror\x1b[0m\x1b[90m TS2322: \x1b[0mType 'string' is not assignable to type 'number'.`,
  },
}

test.each(Object.entries(outputs))('what %s prints is pointed at where it says why', (_name, { output, says }) => {
  expect(pointOf(...output.split('\n'))).toBe(says)
})

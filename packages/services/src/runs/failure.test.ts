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
  ['Python', ['ok', 'Traceback (most recent call last):', '  File "a.py"', 'ValueError: no'], 1],
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

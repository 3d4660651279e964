import { expect, test } from 'vitest'
import { splitWords } from './words.ts'

test.each([
  ['node server.js', ['node', 'server.js']],
  ['  a\t b\n c ', ['a', 'b', 'c']],
  [`sh -c "echo 'a b'"`, ['sh', '-c', "echo 'a b'"]],
  [`echo 'a "b" c' d`, ['echo', 'a "b" c', 'd']],
  ['a\\ b "c\\"d"', ['a b', 'c"d']],
  [`x "" ''`, ['x', '', '']],
  ['--name=$HOME/*', ['--name=$HOME/*']],
  ['echo $(date +%s) `id -u`', ['echo', '$(date +%s)', '`id -u`']],
  ['', []],
])('%j is read as words, and nothing is expanded', (line, argv) => {
  expect(splitWords(line)).toEqual({ argv, cutAt: null })
})

test.each(['npm run migrate && npm start', 'cat a | wc', 'a; b', 'a > b', 'a & b'])(
  'the reading of %j ends at the operator, as in Compose',
  (line) => {
    expect(splitWords(line)?.cutAt).toBe(line.search(/[;&|>]/))
  },
)

test('a digit before > belongs to the operator', () => {
  expect(splitWords('run 2> log')).toEqual({ argv: ['run'], cutAt: 5 })
})

test.each(['say "hello', "it's", 'a \\', '(subshell)', 'x)', '$(open', '`open'])('%j is no command line', (line) => {
  expect(splitWords(line)).toBeNull()
})

import { expect, test } from 'vitest'
import { finder, markOf, withoutEscapes } from './log-lines.ts'

const stored = (...texts: string[]) => texts.map((text, index) => JSON.stringify([index, text])).join('\n')

test('a line stands out by the word that the agent put before it, and by no other', () => {
  expect(markOf('##[group]Install')).toBe('group')
  expect(markOf('##[endgroup]')).toBe('endgroup')
  expect(markOf('##[error]it broke')).toBe('error')
  expect(markOf('##[warning]')).toBe('warning')
  for (const text of ['', '##[', '##[notice]x', '##[errors]x', ' ##[error]x', '##error', '##[constructor]']) {
    expect(markOf(text)).toBeNull()
  }
})

test('escapes are taken out of a text, and what is not one stays', () => {
  expect(withoutEscapes('\x1b[31mred\x1b[0m \x1b[1;38;5;9mbold\x1b[m')).toBe('red bold')
  expect(withoutEscapes('\x1b]8;;https://example.com\x07link\x1b]8;;\x1b\\ \x1b(B\x1b[2K\x1b[?25lend')).toBe('link end')
  expect(withoutEscapes('\x1b]0;no end')).toBe('\x1b]0;no end')
  expect(withoutEscapes('[31mno escape')).toBe('[31mno escape')
})

test.each([
  ['npm err', ['npm ERR! code 1'], [0]],
  ['ERR', ['none', 'an error', 'terror'], [1, 2]],
  ['"a\\b"', ['say "A\\B" now', 'a\\b'], [0]],
  ['tab\there', ['Tab\tHere', 'tab here'], [0]],
  ['错误', ['发生错误', '错 误'], [0]],
  ['über', ['ÜBER', 'uber'], [0]],
  ['😀', ['smile 😀', '\ud83d'], [0]],
  ['failed', ['\x1b[31mFai\x1b[1mled\x1b[0m', '\x1b[31mok'], [0]],
  ['[31m', ['\x1b[31mred', 'plain [31m'], [1]],
  ['\\u001b[31m', ['\\u001b[31m as text', '\x1b[31mred'], [0]],
  ['.*', ['a.*b', 'ab'], [0]],
  ['%_', ['100%_', '100'], [0]],
  [',"', ['x', 'a,"b'], [1]],
  ['0', ['none', '0'], [1]],
])('%j is found in the lines that hold it', (wanted, lines, places) => {
  expect(finder(wanted)(stored(...lines))).toEqual(places)
})

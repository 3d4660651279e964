import { expect, test } from 'vitest'
import { linesThatDiffer } from './diff.ts'

const shown = (from: string, to: string) =>
  linesThatDiffer(from, to).hunks.map(({ lines }) => lines.map(({ kind, number, text }) => `${kind} ${number} ${text}`))

test('lines that differ are shown with some around them, numbered as in their text', () => {
  const from = Array.from({ length: 20 }, (_, i) => `line ${i + 1}`).join('\n')
  const to = from.replace('line 10', 'line ten\nand more')
  expect(shown(`${from}\n`, `${to}\n`)).toEqual([
    [
      'same 7 line 7',
      'same 8 line 8',
      'same 9 line 9',
      'removed 10 line 10',
      'added 10 line ten',
      'added 11 and more',
      'same 12 line 11',
      'same 13 line 12',
      'same 14 line 13',
    ],
  ])
})

test('a file that is new or gone is all added or removed, and the sign of a missing last break is not shown', () => {
  expect(shown('', 'a\nb')).toEqual([['added 1 a', 'added 2 b']])
  expect(shown('a\n', '')).toEqual([['removed 1 a']])
  expect(linesThatDiffer('a', 'a\n')).toMatchObject({ added: 1, removed: 1 })
})

test('hostile text stays text, and a very long difference is cut and counted', () => {
  expect(shown('', '<script>alert(1)</script>\n+++ b\n\\ x\n')).toEqual([
    ['added 1 <script>alert(1)</script>', 'added 2 +++ b', 'added 3 \\ x'],
  ])
  const long = linesThatDiffer('', Array.from({ length: 5_000 }, (_, i) => `l${i}`).join('\n'))
  expect(long).toMatchObject({ added: 5_000, isCut: true })
  expect(long.hunks.flatMap(({ lines }) => lines)).toHaveLength(2_000)
})

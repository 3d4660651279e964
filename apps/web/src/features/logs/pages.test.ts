import { expect, test } from 'vitest'
import { spansOf } from './ansi.ts'
import { Pages, pageLines } from './pages.ts'
import type { Part } from './source.ts'

const part = (first: number, texts: string[]): Part => ({
  first,
  lines: texts.map((text) => ({ at: 0, text, length: text.length })),
})
const numbered = (first: number, count: number) =>
  part(
    first,
    Array.from({ length: count }, (_, index) => `line ${first + index}`),
  )
const lookOf = (pages: Pages, line: number) => spansOf('x', pages.lookAt(line))[0]!.look

test('lines are found by their number, over the borders of pages', () => {
  const pages = new Pages()
  pages.put(numbered(pageLines - 1, 4))
  expect([498, 499, 500, 501, 502, 503].map((line) => pages.line(line)?.text)).toEqual([
    undefined,
    'line 499',
    'line 500',
    'line 501',
    'line 502',
    undefined,
  ])
})

test('what is missing is asked for in stretches of one page', () => {
  const pages = new Pages()
  expect(pages.missing(1, 10)).toEqual({ from: 1, count: 10 })
  expect(pages.missing(490, 1_200)).toEqual({ from: 490, count: 11 })
  pages.put(numbered(1, 495))
  expect(pages.missing(1, 495)).toBeNull()
  expect(pages.missing(1, 800)).toEqual({ from: 496, count: 5 })
  pages.put(numbered(496, 5))
  pages.put(numbered(600, 10))
  expect(pages.missing(1, 800)).toEqual({ from: 501, count: 99 })
  expect(pages.missing(600, 609)).toBeNull()
  expect(pages.missing(600, 620)).toEqual({ from: 610, count: 11 })
})

test('pages that were not looked at for long are forgotten, and the newest are not', () => {
  const pages = new Pages()
  pages.put(numbered(1, pageLines))
  for (let page = 1; page < 400; page++) {
    pages.put(numbered(page * pageLines + 1, pageLines))
    expect(pages.missing(1, 10)).toBeNull()
  }
  expect(pages.line(pageLines + 1)).toBeUndefined()
  expect(pages.line(400 * pageLines)?.text).toBe(`line ${400 * pageLines}`)
})

test('a colour that is not reset colours the lines after it, over pages, and also when the first page is forgotten', () => {
  const pages = new Pages()
  pages.put(numbered(1, pageLines))
  pages.put(part(pageLines - 1, ['on \x1b[31m', 'still']))
  pages.put(numbered(pageLines + 1, pageLines))
  pages.put(part(pageLines + 3, ['\x1b[0moff']))
  expect([499, 500, 501, 503, 504].map((line) => lookOf(pages, line))).toEqual([
    '',
    'ansi-red',
    'ansi-red',
    'ansi-red',
    '',
  ])
  for (let page = 10; page < 300; page++) {
    pages.put(numbered(page * pageLines + 1, pageLines))
    pages.missing(pageLines + 1, pageLines + 2)
  }
  expect(pages.line(1)).toBeUndefined()
  expect(lookOf(pages, 501)).toBe('ansi-red')
})

test('what a cut line does to colours is not guessed', () => {
  const pages = new Pages()
  pages.put({
    first: 1,
    lines: [
      { at: 0, text: '\x1b[31mlong', length: 9_000 },
      { at: 0, text: 'next', length: 4 },
    ],
  })
  expect([1, 2].map((line) => lookOf(pages, line))).toEqual(['', ''])
})

test('lines that come later change the looks after them', () => {
  const pages = new Pages()
  pages.put(part(2, ['b']))
  expect(lookOf(pages, 2)).toBe('')
  pages.put(part(1, ['\x1b[32ma']))
  expect(lookOf(pages, 2)).toBe('ansi-green')
})

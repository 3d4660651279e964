import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { contrast, readTokens, type Theme } from '../../testing/contrast.ts'
import { colours, lookAfter, spansOf, withoutEscapes } from './ansi.ts'

const looks = (text: string, before = 0) => spansOf(text, before).map(({ text: part, look }) => [part, look])

test('text is split where its look changes', () => {
  expect(looks('plain')).toEqual([['plain', '']])
  expect(looks('')).toEqual([])
  expect(looks('a\x1b[31mb\x1b[1mc\x1b[0md')).toEqual([
    ['a', ''],
    ['b', 'ansi-red'],
    ['c', 'ansi-red font-semibold'],
    ['d', ''],
  ])
  expect(looks('\x1b[1;4;3;9mx\x1b[22;24;23;29my')).toEqual([
    ['x', 'font-semibold italic ansi-both-lines underline line-through'],
    ['y', ''],
  ])
  expect(looks('\x1b[97;41mx\x1b[39my\x1b[49mz')).toEqual([
    ['x', 'ansi-bright-white ansi-on-red'],
    ['y', 'ansi-on-red'],
    ['z', ''],
  ])
})

test('reversed text swaps its colours, and hidden text is seen', () => {
  expect(looks('\x1b[7mx')).toEqual([['x', 'ansi-on-plain']])
  expect(looks('\x1b[31;7mx\x1b[27my')).toEqual([
    ['x', 'ansi-on-red'],
    ['y', 'ansi-red'],
  ])
  expect(looks('\x1b[8msecret\x1b[5mblink')).toEqual([['secretblink', '']])
})

test('a colour stays on over lines until it is reset', () => {
  let look = 0
  const lines = ['before \x1b[33m', 'still yellow', '\x1b[1mbold too', 'then \x1b[mnothing', 'plain']
  const begins = lines.map((line) => {
    const [first] = spansOf('x', look)
    look = lookAfter(line, look)
    return first!.look
  })
  expect(begins).toEqual([
    '',
    'ansi-yellow',
    'ansi-yellow',
    'font-semibold ansi-yellow'.split(' ').reverse().join(' '),
    '',
  ])
})

test.each([
  ['38;5;1', 'ansi-red'],
  ['38;5;9', 'ansi-bright-red'],
  ['38;5;196', 'ansi-red'],
  ['38;5;46', 'ansi-green'],
  ['38;5;27', 'ansi-blue'],
  ['38;5;208', 'ansi-yellow'],
  ['38;5;232', 'ansi-black'],
  ['38;5;255', 'ansi-bright-white'],
  ['38;2;255;0;255', 'ansi-magenta'],
  ['38;2;0;200;200', 'ansi-cyan'],
  ['38:2:255:0:0', 'ansi-red'],
  ['48;5;21', 'ansi-on-blue'],
  ['38;5', 'ansi-black'],
  ['38', ''],
  ['999', ''],
  ['38;2;;;', 'ansi-black'],
])('the colour %s is the nearest of those with a known contrast', (code, look) => {
  expect(looks(`\x1b[${code}mx`)).toEqual([['x', look]])
})

test('what is no colour is left out, and a broken escape is not', () => {
  expect(looks('\x1b[2K\x1b[1Gdone\x1b[?25h\x1b]0;title\x07!')).toEqual([['done!', '']])
  expect(withoutEscapes('a\x1b[31mb\x1b]8;;http://x\x1b\\c')).toBe('abc')
  expect(looks('\x1b]0;no end')).toEqual([['\x1b]0;no end', '']])
  expect(looks('\x1b')).toEqual([['\x1b', '']])
})

test('a line of escapes only costs no more than another', () => {
  const hostile = '\x1b[1mx\x1b[31my'.repeat(20_000)
  const spans = spansOf(hostile, 0)
  expect(spans.length).toBeLessThanOrEqual(2_000)
  expect(spans.map(({ text }) => text).join('')).toBe('xy'.repeat(20_000))
  expect(spansOf(`\x1b[${'1;'.repeat(50_000)}mx`, 0).at(-1)!.text).toBe('x')
  expect(spansOf('\x1b]'.repeat(50_000), 0)).toHaveLength(1)
})

const css = readFileSync(new URL('logs.css', import.meta.url), 'utf8')
const own = (selector: string): Record<string, string> => {
  const start = css.indexOf(`${selector} {`)
  const body = css.slice(start, css.indexOf('}', start))
  return Object.fromEntries(
    [...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!]),
  )
}
const themes: [Theme, Record<string, string>][] = [
  ['light', { ...readTokens().light, ...own(':root') }],
  ['dark', { ...readTokens().dark, ...own(':root.dark') }],
]

test.each(themes)('every text of a log in the %s theme has a contrast of 4.5 at least', (_, token) => {
  const lines = ['surface', 'hover', 'bad-soft', 'warn-soft', 'accent-soft']
  const grounds = [...lines, ...colours.map((name) => `ansi-on-${name}`)]
  const pairs = [
    ...grounds.flatMap((ground) => [...colours.map((name) => [`ansi-${name}`, ground]), ['text', ground]]),
    ...lines.map((ground) => ['muted', ground]),
    ['bad', 'bad-soft'],
    ['warn', 'warn-soft'],
    ['live', 'hover'],
    ['surface', 'accent'],
  ]
  const low = pairs.filter(([front, ground]) => contrast(token[front!]!, token[ground!]!) < 4.5)
  expect(
    low.map(([front, ground]) => `${front} on ${ground}: ${contrast(token[front!]!, token[ground!]!).toFixed(2)}`),
  ).toEqual([])
})

test('both themes name the same colours, and each has its class', () => {
  expect(Object.keys(own(':root.dark'))).toEqual(Object.keys(own(':root')))
  for (const name of colours) {
    for (const selector of [`.ansi-${name}`, `.ansi-bright-${name}`, `.ansi-on-${name}`, `.ansi-on-bright-${name}`]) {
      expect(css).toMatch(new RegExp(`\\${selector}[,\\s]`))
    }
  }
})

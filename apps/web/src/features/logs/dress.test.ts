import { expect, test } from 'vitest'
import { columnsOf, dress } from './dress.ts'
import { frameReader } from './frames.ts'
import { lineAsked, readHash } from './places.ts'

const line = (text: string, length = text.length) => ({ at: 0, text, length })
const dressed = (text: string, query = '', isWhole = false) => dress(line(text), 0, { query, isWhole })
const textOf = (text: string, isWhole = false) =>
  dressed(text, '', isWhole)
    .pieces.map((piece) => piece.text)
    .join('')
const hits = (text: string, query: string) =>
  dressed(text, query)
    .pieces.filter(({ isHit }) => isHit)
    .map((piece) => piece.text)

test('marks are taken off a line and say what it is', () => {
  expect(dressed('##[error]it broke')).toMatchObject({ kind: 'error', pieces: [{ text: 'it broke' }] })
  expect(dressed('##[group]Install')).toMatchObject({ kind: 'group', pieces: [{ text: 'Install' }] })
  expect(dressed('##[group]')).toMatchObject({ kind: 'group', pieces: [] })
  expect(dressed('##[something]x')).toMatchObject({ kind: 'text', pieces: [{ text: '##[something]x' }] })
})

test('what is no text is written out, so that it can do nothing', () => {
  expect(textOf('bell\x07 nul\x00 del\x7f tab\t.')).toBe('bell^G nul^@ del^? tab\t.')
  expect(textOf('\u202eevil\u202c \u2066x\u2069 \x9b31m')).toBe('⟨U+202E⟩evil⟨U+202C⟩ ⟨U+2066⟩x⟨U+2069⟩ ⟨U+009B⟩31m')
  expect(textOf('<script>alert(1)</script>')).toBe('<script>alert(1)</script>')
  expect(textOf('broken \x1b]0;escape')).toBe('broken ^[]0;escape')
})

test('of a line that overwrote itself the last state is shown, and the others on request', () => {
  expect(dressed('10%\r20%\r\x1b[32m100%')).toMatchObject({
    overwritten: 2,
    pieces: [{ text: '100%', look: 'ansi-green' }],
  })
  expect(dressed('\x1b[31m10%\rdone').pieces).toEqual([{ text: 'done', look: 'ansi-red' }])
  expect(textOf('windows\r')).toBe('windows')
  expect(textOf('10%\r20%', true)).toBe('10%^M20%')
})

test('a line that is longer than what was read says by how much', () => {
  expect(dress(line('abc', 10), 0, { query: '', isWhole: false }).rest).toBe(7)
  expect(dress(line('abc'), 0, { query: '', isWhole: true }).rest).toBe(0)
})

test('what is searched for is lit up, whatever its case and colours', () => {
  expect(hits('An Error, an ERROR', 'error')).toEqual(['Error', 'ERROR'])
  expect(hits('a\x1b[31mb\x1b[0mc', 'abc')).toEqual(['a', 'b', 'c'])
  expect(hits('aaaa', 'aa')).toEqual(['aa', 'aa'])
  expect(hits('none', 'x')).toEqual([])
  expect(hits('a.b(c', '.b(')).toEqual(['.b('])
  expect(dressed('İ error', 'error').pieces).toEqual([{ text: 'İ error', look: '' }])
  const split = dressed('one \x1b[31mtwo\x1b[0m three', 'two t').pieces
  expect(split.map(({ text, look, isHit }) => [text, look, isHit ?? false])).toEqual([
    ['one ', '', false],
    ['two', 'ansi-red', true],
    [' t', '', true],
    ['hree', '', false],
  ])
  expect(hits('x'.repeat(4_000), 'x').length).toBeLessThanOrEqual(500)
})

test('columns are those of a terminal', () => {
  expect(columnsOf('abc')).toBe(3)
  expect(columnsOf('\x1b[31mabc\x1b[0m')).toBe(3)
  expect(columnsOf('中文')).toBe(4)
  expect(columnsOf('😀')).toBeGreaterThanOrEqual(2)
  expect(columnsOf('\t')).toBe(8)
})

test('an address names a line or several, and nothing else', () => {
  expect(readHash('#L12')).toEqual({ from: 12, to: 12 })
  expect(readHash('#L20-L12')).toEqual({ from: 12, to: 20 })
  for (const hash of ['', '#', '#L', '#L0', '#l12', '#L12-', '#L-1', '#L12-20', '#L1e3', '#L9999999999']) {
    expect(readHash(hash)).toBeNull()
  }
  expect([':120', ' :7 ', ':0', '120', ':', ':x', ':1.5'].map(lineAsked)).toEqual([120, 7, 1, null, null, null, null])
})

test('frames of a stream are told once they are whole, however they arrive', () => {
  const text =
    'retry: 1000\n\n: ping\n\nid: 2\nevent: lines\ndata: [1,"a"]\ndata: [2,"b"]\n\nevent: end\ndata: {}\n\nid: 3\ndata: half'
  const expected = [
    { event: 'lines', data: '[1,"a"]\n[2,"b"]', id: '2' },
    { event: 'end', data: '{}', id: '' },
  ]
  for (const size of [1, 2, 7, 1_000]) {
    const heard: object[] = []
    const read = frameReader((frame) => heard.push(frame))
    for (let from = 0; from < text.length; from += size) read(text.slice(from, from + size))
    expect(heard).toEqual(expected)
  }
})

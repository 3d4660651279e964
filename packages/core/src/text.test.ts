import { expect, test } from 'vitest'
import { plain, storable, unstorableText, whyUnstorable } from './text.ts'

test('a text without a NUL and with whole characters can be stored', () => {
  expect(whyUnstorable('')).toBeNull()
  expect(whyUnstorable('plain, 汉字 and \u{1f600}\n\t\u0001')).toBeNull()
})

test('a NUL and half of a surrogate pair cannot', () => {
  expect(whyUnstorable('a\0b')).toContain('NUL')
  for (const text of ['\ud83d', 'a\ud83d\ud83d\ude00', '\ude00', '\u{1f600}\ude00']) {
    expect(whyUnstorable(text), JSON.stringify(text)).toContain('surrogate')
  }
})

test('the field of a text that cannot be stored is named, at any depth and in names too', () => {
  expect(unstorableText({ a: [1, true, null, 'fine'], b: { c: 'fine' } })).toBeNull()
  expect(unstorableText('\0')).toBe('input: must not hold a NUL character.')
  expect(unstorableText({ config: { follows: [{ branch: 'a\0' }] } })).toMatch(/^config\.follows\.0\.branch: .*NUL/)
  expect(unstorableText({ files: { 'a\0': 'text' } })).toMatch(/^files: a name in it .*NUL/)
})

test('what is nested without end is refused before it is walked', () => {
  let value: unknown = 'x'
  for (let depth = 0; depth < 100_000; depth++) value = [value]
  expect(unstorableText({ input: value })).toContain('input.0.0: is nested too deeply')
})

test('what cannot be stored is shown as the replacement character, and the rest stays as it is', () => {
  const kept = { at: 1, list: ['fine \u{1f600}', null, true] }
  expect(storable(kept)).toEqual(kept)
  expect(storable({ 'a\0': ['b\0c', 'd\ud83d', '\ude00\u{1f600}'] })).toEqual({
    'a\ufffd': ['b\ufffdc', 'd\ufffd', '\ufffd\u{1f600}'],
  })
})

test('a name from outside neither moves the cursor of a terminal nor turns its text around', () => {
  expect(plain('\u001b[31mred\u0007\r \u202etxt.exe\u2066 \u009b2J')).toBe(
    '\ufffd[31mred\ufffd\ufffd \ufffdtxt.exe\ufffd \ufffd2J',
  )
  expect(plain('a\u200fb\u061cc\u200e')).toBe('a\ufffdb\ufffdc\ufffd')
  const fine = 'naïve 名字 💩 العربية\tone\ntwo'
  expect(plain(fine)).toBe(fine)
})

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { contrast, readTokens, shapePairs, type Theme, textPairs } from '../testing/contrast.ts'

const tokens = readTokens()
const themes: Theme[] = ['light', 'dark']
const of = (theme: Theme, [front, ground]: readonly [string, string]) =>
  contrast(tokens[theme][front]!, tokens[theme][ground]!)

test('contrast is computed as WCAG defines it', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
  expect(contrast('#ffffff', '#767676')).toBeCloseTo(4.54, 2)
})

test('both themes name the same colours', () => {
  expect(Object.keys(tokens.dark).sort()).toEqual(Object.keys(tokens.light).sort())
  expect(Object.keys(tokens.light).length).toBeGreaterThan(20)
})

test.each(themes)('every text of the %s theme has a contrast of 4.5 at least', (theme) => {
  const low = textPairs.filter((pair) => of(theme, pair) < 4.5)
  expect(low.map((pair) => `${pair.join(' on ')}: ${of(theme, pair).toFixed(2)}`)).toEqual([])
})

test.each(themes)('every border, ring and mark of the %s theme has a contrast of 3 at least', (theme) => {
  const low = shapePairs.filter((pair) => of(theme, pair) < 3)
  expect(low.map((pair) => `${pair.join(' on ')}: ${of(theme, pair).toFixed(2)}`)).toEqual([])
})

test('the design language says each contrast as it is', () => {
  const doc = readFileSync(new URL('../../../../docs/design-language.md', import.meta.url), 'utf8')
  const rows = new Map(
    [...doc.matchAll(/^\| `([\w-]+)` on `([\w-]+)` \| ([\d.]+) \| ([\d.]+) \|$/gm)].map(
      ([, front, ground, light, dark]) => [`${front} ${ground}`, `${light} ${dark}`],
    ),
  )
  const pairs = new Map([...textPairs, ...shapePairs].map((pair) => [pair.join(' '), pair]))
  const expected = [...pairs].map(
    ([name, pair]) => [name, themes.map((theme) => of(theme, pair).toFixed(1)).join(' ')] as const,
  )
  expect([...rows].sort()).toEqual(expected.sort())
})

import { expect, test } from 'vitest'
import { Folds, groupsOf } from './folds.ts'
import type { Mark } from './source.ts'

const marks = (...all: [number, 'group' | 'endgroup' | 'error'][]): Mark[] =>
  all.map(([line, kind]) => ({ line, kind }))

test('a group ends at its mark, at the next group, or not yet', () => {
  const { groups, ends } = groupsOf(
    marks(
      [2, 'group'],
      [5, 'endgroup'],
      [6, 'error'],
      [7, 'group'],
      [9, 'group'],
      [11, 'endgroup'],
      [12, 'endgroup'],
      [20, 'group'],
    ),
  )
  expect(groups).toEqual([
    { start: 2, end: 5, lines: 2 },
    { start: 7, end: 8, lines: 1 },
    { start: 9, end: 11, lines: 1 },
    { start: 20, end: null, lines: 0 },
  ])
  expect(ends).toEqual([5, 11, 12])
})

const shownOf = (folds: Folds, total: number) =>
  Array.from({ length: folds.shownUpTo(total) }, (_, index) => folds.lineAt(index + 1))

test('lines of folded groups and the marks of ends are not shown', () => {
  const all = marks([2, 'group'], [5, 'endgroup'], [7, 'group'], [8, 'endgroup'], [9, 'group'])
  expect(shownOf(new Folds(all, () => true), 11)).toEqual([1, 2, 6, 7, 9, 10, 11])
  expect(shownOf(new Folds(all, () => false), 11)).toEqual([1, 2, 3, 4, 6, 7, 9, 10, 11])
  expect(shownOf(new Folds(all, ({ start }) => start === 7), 11)).toEqual([1, 2, 3, 4, 6, 7, 9, 10, 11])
  expect(shownOf(new Folds([], () => true), 3)).toEqual([1, 2, 3])
})

test('places and lines are each other’s way back, whatever is folded', () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  for (let round = 0; round < 200; round++) {
    const total = 1 + random(60)
    const all: Mark[] = []
    for (let line = 1; line <= total; line++) {
      const kind = ['group', 'endgroup', 'error'][random(8)] as Mark['kind'] | undefined
      if (kind) all.push({ line, kind })
    }
    const folds = new Folds(all, ({ start }) => start % 2 === 0)
    const shown = shownOf(folds, total)
    const expected = Array.from({ length: total }, (_, index) => index + 1).filter((line) => !folds.isHidden(line))
    expect(shown).toEqual(expected)
    for (let line = 1; line <= total; line++) {
      expect(folds.shownUpTo(line)).toBe(expected.filter((one) => one <= line).length)
    }
  }
})

test('the group of a line is known, also of one that opens it', () => {
  const folds = new Folds(marks([2, 'group'], [5, 'endgroup'], [7, 'group']), () => true)
  expect([1, 2, 4, 5, 6, 7, 99].map((line) => folds.groupOf(line)?.start ?? null)).toEqual([null, 2, 2, 2, null, 7, 7])
  expect([1, 2, 3, 7].map((line) => folds.opensAt(line)?.start ?? null)).toEqual([null, 2, null, 7])
})

test('a hundred thousand marks are folded at once', () => {
  const many: Mark[] = Array.from({ length: 100_000 }, (_, index) => ({
    line: index * 10 + 1,
    kind: index % 2 === 0 ? 'group' : 'endgroup',
  }))
  const folds = new Folds(many, () => true)
  expect(folds.shownUpTo(1_000_000)).toBe(50_000 * 10)
  expect(folds.lineAt(250_000)).toBeGreaterThan(400_000)
})

import { expect, test } from 'vitest'
import { Geometry, maxHeight } from './geometry.ts'

const screen = 600
const usual = 20

const even = (count: number) => {
  const state = { count }
  const geometry = new Geometry({
    count: () => state.count,
    heightOf: () => usual,
    usual: () => usual,
    screen: () => screen,
    isEven: () => true,
  })
  return Object.assign(geometry, { state })
}

const uneven = (heights: number[]) =>
  new Geometry({
    count: () => heights.length,
    heightOf: (row) => heights[row]!,
    usual: () => usual,
    screen: () => screen,
    isEven: () => false,
  })

test('a log that fits is not scrolled', () => {
  const geometry = even(10)
  expect(geometry.height).toBe(screen)
  geometry.moveBy(1_000)
  expect([geometry.row, geometry.above, geometry.isAtEnd, geometry.scrollTop]).toEqual([0, 0, true, 0])
  expect(geometry.seen()).toEqual({ from: 0, to: 10 })
})

test('a log below the limit is scrolled pixel by pixel', () => {
  const geometry = even(1_000)
  expect(geometry.height).toBe(20_000)
  for (const top of [0, 1, 19, 20, 21, 5_555, 19_399, 19_400]) {
    geometry.scrolled(0, top)
    expect([geometry.row, geometry.above]).toEqual([Math.floor(top / 20), expect.closeTo(top % 20, 6)])
    expect(geometry.scrollTop).toBeCloseTo(top, 6)
  }
  expect(geometry.isAtEnd).toBe(true)
  expect(geometry.seen()).toEqual({ from: 970, to: 1_000 })
})

test('a million lines are all reached through a lower bar, and wheels move by pixels', () => {
  const geometry = even(1_000_000)
  const span = maxHeight - screen
  expect(geometry.height).toBe(maxHeight)
  expect(geometry.isExact).toBe(false)
  geometry.scrolled(0, span)
  expect(geometry.seen().to).toBe(1_000_000)
  expect(geometry.scrollTop).toBeCloseTo(span, 3)
  geometry.scrolled(span, 0)
  expect([geometry.row, geometry.above]).toEqual([0, 0])
  geometry.scrolled(0, span / 2)
  expect(geometry.row).toBeGreaterThan(499_900)
  expect(geometry.row).toBeLessThan(500_000)
  const { row, above } = geometry
  geometry.scrolled(span / 2, span / 2 + 130)
  expect((geometry.row - row) * usual + geometry.above - above).toBeCloseTo(130, 6)
  // The bar goes to where the row is, not to where the wheel left it.
  expect(geometry.scrollTop).toBeCloseTo(span / 2 + 130 * (span / (1_000_000 * usual - screen)), 1)
})

test('every line of ten million can be shown by its number', () => {
  const geometry = even(10_000_000)
  for (const row of [0, 1, 29, 4_999_999, 9_999_970, 9_999_999]) {
    geometry.show(row)
    const { from, to } = geometry.seen()
    expect(row).toBeGreaterThanOrEqual(from)
    expect(row).toBeLessThan(to)
    const top = geometry.scrollTop
    geometry.jump(top)
    // From what the bar says one comes back near it: a pixel of the bar is worth some lines.
    expect(Math.abs(geometry.row - from)).toBeLessThan(30)
  }
})

test('rows of different heights are walked by their heights', () => {
  const heights = Array.from({ length: 500 }, (_, index) => (index % 7 === 0 ? 100 : 20))
  const geometry = uneven(heights)
  const top = (row: number) => heights.slice(0, row).reduce((sum, height) => sum + height, 0)
  for (const by of [5, 95, 20, 300, -40, 700, -1_000, 555]) {
    const before = top(geometry.row) + geometry.above
    geometry.moveBy(by)
    const wanted = Math.max(0, before + by)
    expect(top(geometry.row) + geometry.above).toBeCloseTo(wanted, 6)
    expect(geometry.above).toBeLessThan(heights[geometry.row]!)
  }
  geometry.toEnd()
  expect(top(geometry.row) + geometry.above + screen).toBe(top(500))
  expect(geometry.isAtEnd).toBe(true)
  geometry.moveBy(10_000)
  expect(top(geometry.row) + geometry.above + screen).toBe(top(500))
})

test('a row higher than the screen is scrolled through', () => {
  const geometry = uneven([20, 5_000, 20])
  geometry.moveBy(2_000)
  expect([geometry.row, geometry.above]).toEqual([1, 1_980])
  expect(geometry.seen()).toEqual({ from: 1, to: 2 })
  geometry.toEnd()
  expect([geometry.row, geometry.above]).toEqual([1, 4_420])
})

test('where one reads stays when lines are added, and the end is left only by moving up', () => {
  const geometry = even(1_000)
  geometry.show(500)
  const { row, above } = geometry
  geometry.state.count = 5_000
  expect([geometry.row, geometry.above]).toEqual([row, above])
  geometry.toEnd()
  expect(geometry.isAtEnd).toBe(true)
  geometry.state.count = 5_001
  expect(geometry.isAtEnd).toBe(false)
  geometry.state.count = 10
  geometry.clamp()
  expect([geometry.row, geometry.isAtEnd]).toEqual([0, true])
})

test('an empty log has nowhere to go', () => {
  const geometry = even(0)
  geometry.moveBy(50)
  geometry.toEnd()
  geometry.jump(500)
  geometry.show(3)
  expect([geometry.row, geometry.above, geometry.scrollTop, geometry.isAtEnd]).toEqual([0, 0, 0, true])
  expect(geometry.seen()).toEqual({ from: 0, to: 0 })
})

/** Turns the wheel as a browser does, which never scrolls beyond what it thinks is the end. */
function wheel(geometry: Geometry, by: number): number {
  const top = geometry.scrollTop
  const to = Math.max(0, Math.min(geometry.height - screen, top + by))
  const { row, above } = geometry
  geometry.scrolled(top, to)
  return (geometry.row - row) * usual + geometry.above - above
}

test('wheels reach both ends of a million lines as if there were no scale', () => {
  const geometry = even(1_000_000)
  geometry.show(400, 0)
  for (let left = 8_000; left > 0; left -= 100) expect(wheel(geometry, -100)).toBeCloseTo(-100, 3)
  expect([geometry.row, geometry.above]).toEqual([0, expect.closeTo(0, 3)])
  geometry.toEnd()
  for (let turn = 0; turn < 80; turn++) expect(wheel(geometry, -100)).toBeCloseTo(-100, 3)
  for (let turn = 0; turn < 80; turn++) expect(wheel(geometry, 100)).toBeCloseTo(100, 3)
  expect(geometry.isAtEnd).toBe(true)
})

test('a short list of high rows is as high as they are', () => {
  const geometry = uneven([20, 20, 5_000, 20, 20])
  expect(geometry.height).toBe(5_080)
  geometry.jump(2_000)
  expect([geometry.row, geometry.above]).toEqual([2, 1_960])
  expect(geometry.scrollTop).toBe(2_000)
  geometry.jump(4_480)
  expect(geometry.isAtEnd).toBe(true)
})

test('in a long list of high rows wheels come to the ends as well', () => {
  const geometry = uneven(Array.from({ length: 3_000 }, (_, index) => (index % 10 === 0 ? 200 : 20)))
  geometry.show(150)
  for (let turn = 0; turn < 200; turn++) wheel(geometry, -100)
  expect([geometry.row, geometry.above]).toEqual([0, 0])
  geometry.show(2_800)
  for (let turn = 0; turn < 200; turn++) wheel(geometry, 100)
  expect(geometry.isAtEnd).toBe(true)
})

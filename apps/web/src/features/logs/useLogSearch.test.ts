import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, ref } from 'vue'
import type { Found } from './source.ts'
import { mostMatches, useLogSearch } from './useLogSearch.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A log of numbered lines on a server that looks at so many of them in one call. */
function open(options: { total: number; perCall: number; top?: number; isAtEnd?: boolean }) {
  const size = ref(options.total)
  const shown: number[] = []
  const calls: object[] = []
  const search = async (text: string, from: { after: number } | { before: number }): Promise<Found> => {
    calls.push(from)
    const isBack = 'before' in from
    const low = isBack ? Math.max(1, from.before - options.perCall) : from.after + 1
    const high = isBack ? from.before - 1 : Math.min(size.value, from.after + options.perCall)
    const matches: number[] = []
    for (let line = low; line <= high; line++) if (`${line}`.includes(text)) matches.push(line)
    return { matches, reached: isBack ? low : high, isDone: isBack ? low <= 1 : high >= size.value }
  }
  const top = options.top ?? 1
  const scope = effectScope()
  const found = scope.run(() =>
    useLogSearch(
      { search, size },
      {
        top: () => top,
        bottom: () => top + 20,
        isAtEnd: ref(options.isAtEnd ?? false),
        show: async (line) => {
          shown.push(line)
        },
      },
      String,
    ),
  )!
  const type = async (text: string) => {
    found.text.value = text
    await vi.advanceTimersByTimeAsync(2_000)
  }
  const settle = () => vi.advanceTimersByTimeAsync(2_000)
  return { ...found, size, shown, calls, type, settle, [Symbol.dispose]: () => scope.stop() }
}

test('matches are counted to the end, and the first one from what is seen is shown', async () => {
  using search = open({ total: 5_000, perCall: 700, top: 900 })
  await search.type('77')
  expect(search.matches.value).toHaveLength(95)
  expect([search.isCounted.value, search.isBusy.value]).toEqual([true, false])
  expect(search.shown).toEqual([977])
  expect(search.place.value).toBe(search.matches.value.indexOf(977) + 1)
})

test('next and previous go through all matches and around the ends', async () => {
  using search = open({ total: 1_000, perCall: 100 })
  await search.type('99')
  const all = [99, 199, 299, 399, 499, 599, 699, 799, 899, 990, 991, 992, 993, 994, 995, 996, 997, 998, 999]
  expect(search.matches.value).toEqual(all)
  for (let turn = 0; turn < all.length; turn++) {
    search.next()
    await search.settle()
  }
  expect(search.shown).toEqual([...all, 99])
  search.previous()
  await search.settle()
  expect(search.current.value).toBe(999)
  expect(search.place.value).toBe(all.length)
})

test('at the end of a log the last match is shown first', async () => {
  using search = open({ total: 1_000, perCall: 100, top: 980, isAtEnd: true })
  await search.type('12')
  expect(search.shown).toEqual([912])
})

test('beyond those that are counted the next match is asked for where one is', async () => {
  using search = open({ total: 200_000, perCall: 5_000, top: 150_000 })
  await search.type('1')
  expect(search.isFull.value).toBe(true)
  expect(search.matches.value.length).toBeGreaterThanOrEqual(mostMatches)
  expect(search.matches.value.length).toBeLessThan(mostMatches + 5_000)
  expect(search.isBusy.value).toBe(false)
  expect(search.shown).toEqual([150_000])
  expect(search.place.value).toBeNull()
  search.next()
  await search.settle()
  search.previous()
  await search.settle()
  search.previous()
  await search.settle()
  expect(search.shown).toEqual([150_000, 150_001, 150_000, 149_999])
})

test('nothing is found once everything was looked at, and no call is made for nothing', async () => {
  using search = open({ total: 1_000, perCall: 300 })
  await search.type('x')
  expect([search.matches.value, search.isCounted.value, search.shown]).toEqual([[], true, []])
  const before = search.calls.length
  await search.type('')
  await search.type(':250')
  expect(search.calls).toHaveLength(before)
  search.next()
  expect(search.shown).toEqual([250])
})

test('what is typed later is what is searched for', async () => {
  using search = open({ total: 1_000, perCall: 10 })
  search.text.value = '5'
  await vi.advanceTimersByTimeAsync(160)
  search.text.value = '55'
  await search.settle()
  expect(search.query.value).toBe('55')
  expect(search.matches.value).toEqual([
    55, 155, 255, 355, 455, 550, 551, 552, 553, 554, 555, 556, 557, 558, 559, 655, 755, 855, 955,
  ])
})

test('lines that come are searched as well', async () => {
  using search = open({ total: 100, perCall: 50 })
  await search.type('42')
  expect(search.matches.value).toEqual([42])
  search.size.value = 150
  await search.settle()
  expect(search.matches.value).toEqual([42, 142])
})

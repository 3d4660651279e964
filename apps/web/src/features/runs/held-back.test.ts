import { expect, test } from 'vitest'
import { heldBack } from './held-back.ts'

const rows = [5, 4, 3].map((number) => ({ number }))

test('what is newer than what is read is counted and not shown', () => {
  expect(heldBack(rows, 4)).toEqual({ shown: [{ number: 4 }, { number: 3 }], fresh: 1 })
  expect(heldBack(rows, 5).fresh).toBe(0)
})

test('everything is shown at first, and where nothing of what was shown is left', () => {
  expect(heldBack(rows, null)).toEqual({ shown: rows, fresh: 0 })
  expect(heldBack(rows, 2)).toEqual({ shown: rows, fresh: 0 })
  expect(heldBack([], 2)).toEqual({ shown: [], fresh: 0 })
})

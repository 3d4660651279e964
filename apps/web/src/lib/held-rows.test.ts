import { expect, test } from 'vitest'
import { nextTick, ref } from 'vue'
import { heldRows, useHeldRows } from './held-rows.ts'

const rowsOf = (...numbers: number[]) => numbers.map((number) => ({ number, isLate: false }))
const placeOf = ({ number }: { number: number }) => number
const listOf = (...first: number[]) => {
  const now = ref(rowsOf(...first))
  const key = ref('all')
  return { now, key, ...useHeldRows(now, { key: () => key.value, placeOf }) }
}
const numbers = (rows: { number: number }[] | undefined) => rows?.map(placeOf)

test('what is newer than what is read is left out, what changed or is gone is told', () => {
  expect(heldRows(rowsOf(4, 3), rowsOf(5, 4, 3), placeOf)).toEqual(rowsOf(4, 3))
  expect(heldRows(rowsOf(4, 3), [{ number: 4, isLate: true }], placeOf)).toEqual([
    { number: 4, isLate: true },
    { number: 3, isLate: false },
  ])
  expect(heldRows(rowsOf(5, 4, 3), rowsOf(5, 3), placeOf)).toEqual(rowsOf(5, 3))
  expect(heldRows(rowsOf(5, 4, 3), [], placeOf)).toEqual([])
})

test('rows that slid off the first page stay, older ones are added', () => {
  expect(heldRows(rowsOf(5, 4), rowsOf(8, 7, 6), placeOf)).toEqual(rowsOf(5, 4))
  expect(heldRows(rowsOf(5, 4), rowsOf(6, 5, 4, 3), placeOf)).toEqual(rowsOf(5, 4, 3))
})

test('a list that nobody reads follows, one that is read says how many wait', async () => {
  const { now, rows, fresh, isRead, showFresh } = listOf(5, 4)
  now.value = rowsOf(6, 5, 4)
  await nextTick()
  expect(numbers(rows.value)).toEqual([6, 5, 4])
  isRead.value = true
  await nextTick()
  now.value = rowsOf(7, 6, 5, 4)
  await nextTick()
  expect(numbers(rows.value)).toEqual([6, 5, 4])
  expect(fresh.value).toBe(1)
  showFresh()
  expect(numbers(rows.value)).toEqual([7, 6, 5, 4])
  expect(fresh.value).toBe(0)
  now.value = rowsOf(8, 7)
  await nextTick()
  isRead.value = false
  await nextTick()
  expect(numbers(rows.value)).toEqual([8, 7])
})

test('another list is shown whole, also to somebody who reads', async () => {
  const { now, key, rows, isRead } = listOf(5, 4)
  isRead.value = true
  await nextTick()
  key.value = 'failed'
  now.value = rowsOf(9, 2)
  await nextTick()
  expect(numbers(rows.value)).toEqual([9, 2])
})

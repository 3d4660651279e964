import { computed, type Ref, ref, shallowRef, watch } from 'vue'

/**
 * What is shown of a list, newest first, once `now` has come while somebody reads `shown`: nothing newer, and of the rest
 * what is still there. Rows that only slid off the pages that were asked again stay.
 */
export function heldRows<T>(shown: readonly T[], now: readonly T[], placeOf: (row: T) => number): T[] {
  const [newest] = shown
  const last = now.at(-1)
  if (newest === undefined || last === undefined) return [...now]
  const slidOff = shown.filter((row) => placeOf(row) < placeOf(last))
  return [...now.filter((row) => placeOf(row) <= placeOf(newest)), ...slidOff]
}

/**
 * Keeps a list still while somebody reads it: new rows, which come on top, wait until they are asked for or nobody
 * reads any more. `placeOf` is larger for what is newer; another `key` is another list. `isRead` is set by FreshRows.
 */
export function useHeldRows<T>(
  rows: Readonly<Ref<T[] | undefined>>,
  { key, placeOf }: { key: () => unknown; placeOf: (row: T) => number },
) {
  const shown = shallowRef<T[]>()
  const isRead = ref(false)
  let isAnother = false
  const show = () => {
    shown.value = rows.value
  }
  watch(
    () => JSON.stringify(key()),
    () => {
      isAnother = true
    },
  )
  watch(
    rows,
    (now) => {
      if (isRead.value && !isAnother && shown.value?.length && now) shown.value = heldRows(shown.value, now, placeOf)
      else show()
      isAnother = false
    },
    { immediate: true },
  )
  watch(isRead, (isStill) => isStill || show())
  const fresh = computed(() => {
    const newest = shown.value?.[0]
    return newest === undefined ? 0 : (rows.value ?? []).filter((row) => placeOf(row) > placeOf(newest)).length
  })
  return { rows: shown, fresh, isRead, showFresh: show }
}

import { computed, type Ref, ref, shallowRef, watch } from 'vue'

/**
 * Keeps a list still while somebody reads it: rows that never change, newest first, of which new ones wait until they
 * are asked for. `placeOf` is larger for what is newer; another `key` is another list.
 */
export function useHeldRows<T>(
  rows: Readonly<Ref<T[] | undefined>>,
  { key, placeOf }: { key: () => unknown; placeOf: (row: T) => number },
) {
  const shown = shallowRef<T[]>()
  const wantsNew = ref(false)
  const show = () => {
    shown.value = rows.value
  }
  watch(
    () => JSON.stringify(key()),
    () => {
      wantsNew.value = true
    },
  )
  watch(
    rows,
    (now) => {
      const isEmpty = !shown.value?.length
      const hasOlder = isEmpty || (now?.length ? placeOf(now.at(-1)!) < placeOf(shown.value!.at(-1)!) : true)
      // Nobody reads in a tab that nobody sees.
      if (isEmpty || hasOlder || wantsNew.value || document.hidden) show()
      wantsNew.value = false
    },
    { immediate: true },
  )
  const fresh = computed(() => {
    const newest = shown.value?.[0]
    return newest === undefined ? 0 : (rows.value ?? []).filter((row) => placeOf(row) > placeOf(newest)).length
  })
  return { rows: shown, fresh, showFresh: show }
}

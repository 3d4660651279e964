import { type Ref, ref, watch } from 'vue'

/** A choice that this browser remembers. */
export function useKept(key: string, otherwise: boolean): Ref<boolean> {
  const kept = ref((localStorage.getItem(key) ?? `${otherwise}`) === 'true')
  watch(kept, (now) => localStorage.setItem(key, `${now}`))
  return kept
}

import { type Ref, ref, watch } from 'vue'
import { keep, readKept } from '@/lib/storage.ts'

/** A choice that this browser remembers. */
export function useKept(key: string, otherwise: boolean): Ref<boolean> {
  const kept = ref((readKept(key) ?? `${otherwise}`) === 'true')
  watch(kept, (now) => keep(key, `${now}`))
  return kept
}

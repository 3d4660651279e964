import { ref } from 'vue'

/** Whether anything was ever said: the part that shows it is loaded only then. */
export const hasToasts = ref(false)

let show: () => void = () => {}
const isShown = new Promise<void>((resolve) => {
  show = resolve
})

/** Called by the part that shows what is said, once it listens: what is said before would be heard by nobody. */
export const toastsAreShown = (): void => show()

/**
 * Says in a corner that something was done, for a few seconds. What failed is said where it was asked for; only where
 * that is gone, as the palette is, it is said here.
 */
export async function say(sentence: string, kind: 'success' | 'error' = 'success'): Promise<void> {
  hasToasts.value = true
  const [{ toast }] = await Promise.all([import('vue-sonner'), isShown])
  toast[kind](sentence)
}

import { ref } from 'vue'

/** Whether anything was ever said: the part that shows it is loaded only then. */
export const hasToasts = ref(false)

/** Says in a corner that something was done, for a few seconds. What failed is said where it was asked for. */
export async function say(sentence: string): Promise<void> {
  hasToasts.value = true
  const { toast } = await import('vue-sonner')
  toast.success(sentence)
}

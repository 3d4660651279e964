import { ref } from 'vue'

/** The address of a page whose code could not be loaded, because the server does not answer. */
export const latePage = ref<string | null>(null)

const lookMs = 2_000

const answers = (): Promise<boolean> =>
  fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(lookMs) }).then(
    ({ ok }) => ok,
    () => false,
  )

/** Opens a page by loading everything anew: at once, or as soon as the server answers, unless another is opened before. */
export async function openWhenAnswered(path: string): Promise<void> {
  if (await answers()) return location.assign(path)
  latePage.value = path
  const timer = setInterval(async () => {
    if (latePage.value === path && !(await answers())) return
    clearInterval(timer)
    if (latePage.value === path) location.assign(path)
  }, lookMs)
}

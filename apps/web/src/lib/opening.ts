import { ref } from 'vue'
import type { Router } from 'vue-router'

/** Whether a page that was asked for is still on its way, and has been for as long as people notice. */
export const isOpening = ref(false)

const noticedMs = 250

/** Says so while the files of a page come; what is shown stays until then. */
export function watchOpening(router: Router): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = () => {
    clearTimeout(timer)
    isOpening.value = false
  }
  router.beforeEach((to, from) => {
    clearTimeout(timer)
    if (to.path === from.path) return
    timer = setTimeout(() => {
      isOpening.value = true
    }, noticedMs)
  })
  router.afterEach(end)
  router.onError(end)
}

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { isOpening, watchOpening } from './opening.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a page that takes longer than a moment says that it comes, and a fast one says nothing', async () => {
  let give: (page: object) => void = () => {}
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/', component: {} },
      { path: '/slow', component: () => new Promise<object>((resolve) => (give = resolve)) },
      { path: '/broken', component: () => Promise.reject(new Error('gone')) },
    ],
  })
  watchOpening(router)
  await router.push('/')
  vi.advanceTimersByTime(1_000)
  expect(isOpening.value).toBe(false)

  const opened = router.push('/slow')
  await vi.advanceTimersByTimeAsync(100)
  expect(isOpening.value).toBe(false)
  await vi.advanceTimersByTimeAsync(200)
  expect(isOpening.value).toBe(true)
  give({})
  await opened
  expect(isOpening.value).toBe(false)

  await router.push('/broken').catch(() => {})
  vi.advanceTimersByTime(1_000)
  expect(isOpening.value).toBe(false)
})

import { afterEach, expect, test, vi } from 'vitest'
import { keep, readKept } from './storage.ts'

afterEach(() => vi.unstubAllGlobals())

test('where a browser forbids storage, choices last as long as the page', () => {
  vi.stubGlobal('localStorage', {
    getItem: () => {
      throw new DOMException('denied', 'SecurityError')
    },
    setItem: () => {
      throw new DOMException('denied', 'SecurityError')
    },
    removeItem: () => {
      throw new DOMException('denied', 'SecurityError')
    },
  })
  expect(readKept('theme')).toBeNull()
  keep('theme', 'dark')
  expect(readKept('theme')).toBe('dark')
  keep('theme', null)
  expect(readKept('theme')).toBeNull()
})

test('what is kept is read back from the browser', () => {
  const kept = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  })
  keep('theme', 'dark')
  expect(kept.get('theme')).toBe('dark')
  expect(readKept('theme')).toBe('dark')
  keep('theme', null)
  expect(readKept('theme')).toBeNull()
})

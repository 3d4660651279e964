import { expect, test } from 'vitest'
import { pathOf } from './names.ts'

test('names that turn the direction of text turn only their own', () => {
  expect(pathOf('build', 'test')).toBe('\u2068build\u2069 › \u2068test\u2069')
  expect(pathOf('a\u202e\u2069b', null, undefined, '')).toBe('\u2068ab\u2069')
  expect(pathOf(null, null)).toBe('')
})

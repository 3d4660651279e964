import { Slug } from '@juanie/services/organizations/contract'
import { expect, test } from 'vitest'
import { slugOf } from './slug.ts'

test.each([
  ['Shop', 'shop'],
  ['My  fine Shop!', 'my-fine-shop'],
  ['Café Zürich', 'cafe-zurich'],
  ['--a__b--', 'a-b'],
  ['x'.repeat(60), 'x'.repeat(40)],
  [`${'x'.repeat(39)} y`, 'x'.repeat(39)],
])('%s becomes %s', (name, slug) => {
  expect(slugOf(name)).toBe(slug)
  expect(Slug.safeParse(slug).success).toBe(true)
})

test('a name without Latin letters leaves the address to be written', () => {
  expect(slugOf('商店')).toBe('')
})

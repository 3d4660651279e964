import { templates as made } from '@juanie/services/templates'
import { templateNames } from '@juanie/services/templates/contract'
import { expect, test } from 'vitest'
import { templateOrder, templates } from './templates.ts'

test('every template is offered', () => {
  expect([...templateOrder].sort()).toEqual([...templateNames].sort())
})

test.each(templateNames)('the files that are named for %s are in its first commit', (name) => {
  const files = Object.keys(made[name]('shop'))
  expect(files).toEqual(expect.arrayContaining([...templates[name]]))
  expect(templates[name].length > 0).toBe(files.length > 0)
})

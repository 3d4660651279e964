import { expect, test } from 'vitest'
import { z } from 'zod'
import * as mini from 'zod/mini'
import { fieldSentence } from './field-sentence.ts'

const said = (schema: z.core.$ZodType, input: unknown) => {
  const { error } = z.core.safeParse(schema, input)
  return error ? fieldSentence(error.issues) : null
}

test.each([
  [z.object({ days: z.int().min(1) }), { days: 0 }, 'days: must be at least 1'],
  [mini.object({ n: mini.int().check(mini.maximum(100)) }), { n: 500 }, 'n: must be at most 100'],
  [z.object({ id: z.uuid() }), { id: 'abc' }, 'id: is not an id'],
  [z.object({ name: z.string().min(1) }), { name: '' }, 'name: must not be empty'],
  [z.object({ name: z.string().max(3) }), { name: 'long' }, 'name: must have at most 3 characters'],
  [z.object({ name: z.string().min(1, 'say a name') }), { name: '' }, 'name: say a name'],
])('a refused input names its field and says what it must be: %#', (schema, input, sentence) => {
  expect(said(schema, input)).toBe(sentence)
})

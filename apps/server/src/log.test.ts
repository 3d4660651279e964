import { DrizzleQueryError } from 'drizzle-orm/errors'
import { expect, test } from 'vitest'
import { withoutParameters } from './log.ts'

test('the log of a failed query holds its text and its cause, and none of its values', () => {
  const cause = new Error('duplicate key value violates unique constraint')
  const error = new DrizzleQueryError(
    'insert into "users" values ($1, $2)',
    ['ada@example.com', 'multi\nline secret'],
    cause,
  )
  const outer = new Error('outer', { cause: error })
  for (const shown of [withoutParameters(error), withoutParameters(outer)]) {
    const text = JSON.stringify(shown)
    expect(text).not.toMatch(/ada@example|line secret|params/)
    expect(text).toContain('insert into')
    expect(text).toContain('duplicate key')
  }
})

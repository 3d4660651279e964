import { afterEach, expect, test, vi } from 'vitest'
import { CommandError, exitCodes, explain } from './exit.ts'

afterEach(() => vi.restoreAllMocks())

test('what a stranger named cannot steer the terminal out of an error', () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const signIn = () => 'Sign in.'
  expect(explain(new CommandError('there is "\u001b[2Jx"'), signIn)).toBe(exitCodes.failed)
  expect(explain(new Error('\u001b]0;y\u0007\nsecond line'), signIn)).toBe(exitCodes.failed)
  expect(written.mock.calls.flat()).toEqual(['there is "\uFFFD[2Jx"\n', '\uFFFD]0;y\uFFFD\nsecond line\n'])
})

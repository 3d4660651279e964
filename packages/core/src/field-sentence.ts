import type { z } from 'zod'

/** What is wrong with an input, with the name of each field in front. */
export const fieldSentence = (issues: readonly z.core.$ZodIssue[]): string =>
  issues.map((issue) => `${issue.path.join('.') || 'input'}: ${sentenceOf(issue)}`).join('; ')

/** A schema's own words as they are; zod's own for the commonest refusals in the words of a person. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  if (!/^(Too (small|big)|Invalid)\b/.test(issue.message)) return issue.message
  if (issue.code === 'too_small') {
    if (issue.origin === 'number' || issue.origin === 'int') return `must be at least ${issue.minimum}`
    if (issue.origin === 'string' && issue.minimum === 1) return 'must not be empty'
  }
  if (issue.code === 'too_big') {
    if (issue.origin === 'number' || issue.origin === 'int') return `must be at most ${issue.maximum}`
    if (issue.origin === 'string') return `must have at most ${issue.maximum} characters`
  }
  if (issue.code === 'invalid_format' && issue.format === 'uuid') return 'is not an id'
  return issue.message
}

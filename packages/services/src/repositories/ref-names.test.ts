import { expect, test } from 'vitest'
import { refFault } from './ref-names.ts'

test.each([
  'refs/heads/main',
  'refs/heads/feature/x',
  'refs/heads/$(touch x)',
  'refs/heads/a;b&c',
  'refs/tags/v1.0',
  'refs/notes/commits',
])('%s may be pushed', (ref) => {
  expect(refFault(ref)).toBeNull()
})

test.each([
  ['refs/juanie/runs/1', 'kept for Juanie'],
  ['refs/heads/--upload-pack=x', 'begins with a dash'],
  ['refs/heads/feature/-x', 'begins with a dash'],
  ['HEAD', 'begins with refs/'],
  ['refs/heads', 'not complete'],
  [`refs/heads/${'é'.repeat(120)}`, 'longer than 240 bytes'],
])('%s may not be pushed', (ref, why) => {
  expect(refFault(ref)).toContain(why)
})

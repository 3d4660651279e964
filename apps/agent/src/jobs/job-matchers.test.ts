import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { JobMatchers } from './job-matchers.ts'

let root: string
let workspace: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'juanie-matchers-'))
  workspace = join(root, 'workspace')
  mkdirSync(workspace)
})
afterEach(() => rmSync(root, { recursive: true }))

const matcher = (owner: string, regexp: string, more: object = {}) =>
  JSON.stringify({ problemMatcher: [{ owner, pattern: [{ regexp, file: 1, message: 2 }], ...more }] })

function open(content: string): JobMatchers {
  writeFileSync(join(workspace, 'matcher.json'), content)
  const matchers = new JobMatchers({ workspace, readable: [workspace] })
  expect(matchers.add('matcher.json')).toBeNull()
  return matchers
}

test('files are named as they lie in the workspace', () => {
  const matchers = open(matcher('a', '^(\\S+): (.*)$', { fromPath: 'pkg/project.json' }))
  const lines = [`${workspace}/src/a.c: bad`, 'b.c: worse', '/usr/include/c.h: foreign']
  expect(matchers.turn(lines.map((text, index) => ({ text, number: index + 4 }))).problems).toMatchObject([
    { file: 'src/a.c', message: 'bad', logLine: 4, level: 'error' },
    { file: 'pkg/b.c', message: 'worse', logLine: 5 },
    { file: '/usr/include/c.h', message: 'foreign', logLine: 6 },
  ])
})

test('an expression that never ends is stopped, and the others go on', () => {
  const matchers = open(matcher('good', '^(\\S+): (.*)$'))
  writeFileSync(join(workspace, 'evil.json'), matcher('evil', '^(a+)+(b)$'))
  expect(matchers.add('evil.json')).toBeNull()
  const lines = ['one: first', `${'a'.repeat(40)}: x`, 'two: second']
  const began = performance.now()
  const { problems, warnings } = matchers.turn(lines.map((text, number) => ({ text, number })))
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(warnings).toEqual(['The problem matcher "evil" took too long and is no longer used.'])
  expect(problems.map(({ message }) => message)).toEqual(['first', 'x', 'second'])
})

test('a file outside of the job, a link to one, and one that is too large are not read', () => {
  const outside = join(root, 'outside.json')
  writeFileSync(outside, matcher('a', '^(x)(y)$'))
  symlinkSync(outside, join(workspace, 'link.json'))
  symlinkSync(root, join(workspace, 'folder'))
  writeFileSync(join(workspace, 'large.json'), ' '.repeat(300_000))
  mkdirSync(join(workspace, 'dir'))
  const matchers = new JobMatchers({ workspace, readable: [workspace] })
  for (const file of [outside, '../outside.json', 'link.json', 'folder/outside.json', 'large.json', 'dir', 'none']) {
    expect(matchers.add(file), file).toContain('are not used')
  }
  expect(matchers.isIdle).toBe(true)
})

import { expect, test } from 'vitest'
import type { PushTrigger } from './model.ts'
import { filterFault, matchPush } from './push-filter.ts'

const branch = (push: PushTrigger, name: string, changedPaths: string[] | null = ['a']) =>
  matchPush(push, { ref: `refs/heads/${name}`, changedPaths }).matches
const tag = (push: PushTrigger, name: string) => matchPush(push, { ref: `refs/tags/${name}`, changedPaths: [] }).matches

// The rows of GitHub's cheat sheet of filter patterns, and what it says they do not match.
test.each([
  ['feature/*', ['feature/my-branch'], ['feature/beta-a/my-branch', 'feature', 'xfeature/a']],
  ['feature/**', ['feature/beta-a/my-branch', 'feature/x'], ['feature']],
  ['main', ['main'], ['main2', 'my/main']],
  ['releases/mona-the-octocat', ['releases/mona-the-octocat'], ['releases/mona']],
  ['*', ['main', 'releases'], ['all/the/branches']],
  ['**', ['all/the/branches', 'every/tag', 'x'], []],
  ['*feature', ['mona-feature', 'feature', 'ver-10-feature'], ['a/feature']],
  ['v2*', ['v2', 'v2.0', 'v2.9'], ['v3']],
  ['v[12].[0-9]+.[0-9]+', ['v1.10.1', 'v2.0.0'], ['v3.0.0', 'v1.0', 'v1.x.0']],
  ['*.jsx?', ['page.js', 'page.jsx'], ['a/page.js', 'page.jsxx']],
  ['**.js', ['index.js', 'js/index.js', 'src/js/app.js'], ['index.jsx']],
  ['docs/*', ['docs/README.md', 'docs/file.txt'], ['docs/a/b.md']],
  ['docs/**/*.md', ['docs/README.md', 'docs/mona/hello-world.md', 'docs/a/markdown/file.md'], ['x/docs/a.md']],
  ['**/docs/**', ['docs/hello.md', 'dir/docs/my-file.txt', 'space/docs/plan/space.doc'], ['mydocs/a']],
  ['**/README.md', ['README.md', 'js/README.md'], ['xREADME.md']],
  ['**/*src/**', ['a/src/app.js', 'my-src/code/js/app.js'], ['src.js']],
  ['**/*-post.md', ['my-post.md', 'path/their-post.md'], ['post.md']],
  ['**/migrate-*.sql', ['migrate-10909.sql', 'db/migrate-v1.0.sql', 'db/sept/migrate-v1.sql'], ['migrate.sql']],
  ['a\\*b', ['a*b'], ['axb']],
  ['c\\+\\+', ['c++'], ['c', 'cc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['+x', ['+x'], ['x']],
])('the pattern %s', (pattern, yes, no) => {
  for (const name of yes) expect(branch({ branches: [pattern] }, name), name).toBe(true)
  for (const name of no) expect(branch({ branches: [pattern] }, name), name).toBe(false)
})

test.each<[string, PushTrigger, boolean, boolean]>([
  ['no filter', {}, true, true],
  ['branches only', { branches: ['**'] }, true, false],
  ['ignored branches only', { branchesIgnore: ['nothing'] }, true, false],
  ['tags only', { tags: ['**'] }, false, true],
  ['ignored tags only', { tagsIgnore: ['nothing'] }, false, true],
  ['branches and tags', { branches: ['**'], tags: ['**'] }, true, true],
  ['other branches, all tags', { branches: ['other'], tags: ['v*'] }, false, true],
  ['an ignored branch', { branchesIgnore: ['v1'] }, false, false],
  ['paths only', { paths: ['a'] }, true, true],
  ['paths that did not change', { paths: ['b'] }, false, true],
])('with %s', (_, push, onBranch, onTag) => {
  expect(branch(push, 'v1')).toBe(onBranch)
  expect(tag(push, 'v1')).toBe(onTag)
})

test('negated patterns count in their order', () => {
  const push = { branches: ['releases/**', '!releases/**-alpha', 'releases/keep-alpha'] }
  expect(branch(push, 'releases/10')).toBe(true)
  expect(branch(push, 'releases/10-alpha')).toBe(false)
  expect(branch(push, 'releases/keep-alpha')).toBe(true)
  expect(branch({ branches: ['!main'] }, 'other')).toBe(false)
})

test('path filters look at every changed path', () => {
  expect(branch({ paths: ['sub/**', '!sub/docs/**'] }, 'm', ['sub/docs/a', 'x'])).toBe(false)
  expect(branch({ paths: ['sub/**', '!sub/docs/**'] }, 'm', ['sub/docs/a', 'sub/b'])).toBe(true)
  expect(branch({ pathsIgnore: ['docs/**'] }, 'm', ['docs/a', 'docs/b'])).toBe(false)
  expect(branch({ pathsIgnore: ['docs/**'] }, 'm', ['docs/a', 'src/b'])).toBe(true)
  expect(branch({ paths: ['x'] }, 'm', null)).toBe(true)
  expect(branch({ branches: ['other'], paths: ['x'] }, 'm', null)).toBe(false)
})

const reasons: [PushTrigger, string, string][] = [
  [{}, 'refs/notes/x', "'refs/notes/x' is neither a branch nor a tag."],
  [{}, 'refs/heads/main', 'The workflow runs on every push.'],
  [{ branches: ['main'] }, 'refs/heads/main', "Branch 'main' matches 'branches'."],
  [{ branches: ['v*'] }, 'refs/heads/main', "Branch 'main' does not match 'branches'."],
  [{ branchesIgnore: ['main'] }, 'refs/heads/main', "Branch 'main' matches 'branches-ignore'."],
  [{ branchesIgnore: ['v*'] }, 'refs/heads/main', "Branch 'main' is not in 'branches-ignore'."],
  [{ tags: ['v*'] }, 'refs/heads/main', 'The workflow lists tags only, and a branch was pushed.'],
  [{ tags: ['v*'] }, 'refs/tags/v1', "Tag 'v1' matches 'tags'."],
  [{ tags: ['v*'] }, 'refs/tags/x', "Tag 'x' does not match 'tags'."],
  [{ tagsIgnore: ['v*'] }, 'refs/tags/v1', "Tag 'v1' matches 'tags-ignore'."],
  [{ tagsIgnore: ['v*'] }, 'refs/tags/x', "Tag 'x' is not in 'tags-ignore'."],
  [{ branches: ['v*'] }, 'refs/tags/v1', 'The workflow lists branches only, and a tag was pushed.'],
]
test.each(reasons)('every refusal and match has a reason: %j with %s', (push, ref, reason) => {
  expect(matchPush(push, { ref, changedPaths: [] }).reason).toBe(reason)
})

test('patterns that cannot be read are named', () => {
  expect(filterFault('a[b')).toEqual({ key: 'patternBracket', values: { pattern: 'a[b' } })
  expect(filterFault('')).toMatchObject({ key: 'patternEmpty' })
  expect(filterFault('!')).toMatchObject({ key: 'patternEmpty' })
  expect(filterFault('x'.repeat(2000))).toEqual({ key: 'patternLong', values: { most: 1000 } })
  expect(filterFault('!v[0-9]+')).toBeNull()
})

test('a pattern made to stall a matcher takes no time', () => {
  const start = performance.now()
  expect(branch({ branches: [`${'**a'.repeat(300)}`] }, 'a'.repeat(299))).toBe(false)
  expect(branch({ branches: [`${'a?'.repeat(400)}${'a'.repeat(150)}`] }, 'a'.repeat(250))).toBe(true)
  expect(branch({ branches: ['**/'.repeat(300)] }, 'a/'.repeat(200))).toBe(true)
  expect(performance.now() - start).toBeLessThan(500)
})

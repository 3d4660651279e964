import { expect, test } from 'vitest'
import { cacheScopes } from './plan.ts'

const main = { defaultBranch: 'main', baseRef: null }

test.each([
  [{ event: 'push', ref: 'refs/heads/main', ...main }, 'refs/heads/main', ['refs/heads/main']],
  [{ event: 'push', ref: 'refs/heads/fix', ...main }, 'refs/heads/fix', ['refs/heads/fix', 'refs/heads/main']],
  [{ event: 'push', ref: 'refs/tags/v1', ...main }, 'refs/tags/v1', ['refs/tags/v1', 'refs/heads/main']],
  [
    { event: 'pull_request', ref: 'refs/pull/7/merge', baseRef: 'next', defaultBranch: 'main' },
    'refs/pull/7/merge',
    ['refs/pull/7/merge', 'refs/heads/next', 'refs/heads/main'],
  ],
  [{ event: 'pull_request_target', ref: 'refs/heads/main', ...main }, null, ['refs/heads/main']],
  [{ event: 'push', ref: 'refs/heads/a', baseRef: null, defaultBranch: null }, 'refs/heads/a', ['refs/heads/a']],
])('%o writes %s and reads %o', (origin, write, read) => {
  expect(cacheScopes(origin)).toEqual({ write, read })
})

test('no pull request writes what the default branch reads', () => {
  const readByMain = cacheScopes({ event: 'push', ref: 'refs/heads/main', ...main }).read
  for (const event of ['pull_request', 'pull_request_target']) {
    for (const ref of ['refs/pull/7/merge', 'refs/heads/main']) {
      if (event === 'pull_request' && ref === 'refs/heads/main') continue
      expect(readByMain).not.toContain(cacheScopes({ event, ref, baseRef: 'main', defaultBranch: 'main' }).write)
    }
  }
})

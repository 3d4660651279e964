import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { copyWorkTree } from './work-tree.ts'

let folder: string
let tree: string
let count = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-tree-'))
  tree = join(folder, 'shop')
  git(folder, 'init', '-q', '-b', 'main', tree)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const git = (where: string, ...args: string[]): string =>
  execFileSync('git', ['-C', where, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
    encoding: 'utf8',
  }).trim()

function write(files: Record<string, string>, root = tree): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}
function commit(files: Record<string, string>, root = tree): string {
  write(files, root)
  git(root, 'add', '-A')
  git(root, 'commit', '-qm', 'Say hello')
  return git(root, 'rev-parse', 'HEAD')
}
const copy = (root = tree) => copyWorkTree(root, join(folder, `copy-${++count}.git`))
const filesOf = ({ repository, commit: id }: Awaited<ReturnType<typeof copy>>) =>
  git(repository, 'ls-tree', '-r', '--name-only', id).split('\n')
const contentOf = ({ repository, commit: id }: Awaited<ReturnType<typeof copy>>, path: string) =>
  git(repository, 'show', `${id}:${path}`)

/** Everything in a folder with the moment of its last change. */
const moments = (root: string) =>
  Object.fromEntries(
    (readdirSync(root, { recursive: true }) as string[]).map((path) => [path, statSync(join(root, path)).mtimeMs]),
  )

test('a tree without changes is its own commit', async () => {
  const before = commit({ 'a.txt': 'one' })
  const head = commit({ 'a.txt': 'two' })
  git(tree, 'remote', 'add', 'origin', 'git@github.com:acme/shop.git')
  expect(await copy()).toMatchObject({
    commit: head,
    head,
    before,
    isDirty: false,
    ref: 'refs/heads/main',
    owner: 'acme',
    name: 'shop',
    message: 'Say hello',
    author: { name: 'Ada', email: 'ada@example.com' },
  })
})

test('changed, new and removed files are in the copy, ignored ones are not, and nothing of the tree is written', async () => {
  const head = commit({ '.gitignore': '*.log\n', 'a.txt': 'one', 'gone.txt': 'x', 'sub/b.txt': 'b', 'run.sh': 'echo' })
  write({ 'a.txt': 'changed', 'new/c.txt': 'new', 'noise.log': 'noise', 'own.tmp': 'x' })
  write({ info: '' }, folder)
  writeFileSync(join(tree, '.git/info/exclude'), '*.tmp\n')
  rmSync(join(tree, 'gone.txt'))
  chmodSync(join(tree, 'run.sh'), 0o755)
  symlinkSync('a.txt', join(tree, 'link'))
  const before = moments(tree)
  const copied = await copy()
  expect(moments(tree)).toEqual(before)
  expect(filesOf(copied)).toEqual(['.gitignore', 'a.txt', 'link', 'new/c.txt', 'run.sh', 'sub/b.txt'])
  expect(contentOf(copied, 'a.txt')).toBe('changed')
  expect(git(copied.repository, 'ls-tree', copied.commit, 'run.sh')).toMatch(/^100755 /)
  expect(copied).toMatchObject({ isDirty: true, head })
  expect(git(copied.repository, 'rev-parse', `${copied.commit}^`)).toBe(head)
  expect(git(copied.repository, 'rev-parse', 'refs/heads/main')).toBe(copied.commit)
})

test('an index in pieces, and one of another working tree of the same repository, are understood', async () => {
  commit({ 'a.txt': 'one', 'b.txt': 'b' })
  git(tree, 'update-index', '--split-index')
  write({ 'a.txt': 'two' })
  expect(contentOf(await copy(), 'a.txt')).toBe('two')
  git(tree, 'worktree', 'add', '-q', '-b', 'side', join(folder, 'side'))
  write({ 'c.txt': 'c' }, join(folder, 'side'))
  const side = await copy(join(folder, 'side'))
  expect(side.ref).toBe('refs/heads/side')
  expect(filesOf(side)).toEqual(['a.txt', 'b.txt', 'c.txt'])
})

test('a tree without a commit, a tag, and no branch at all', async () => {
  write({ 'a.txt': 'one' })
  const fresh = await copy()
  expect(fresh).toMatchObject({ ref: 'refs/heads/main', before: null, isDirty: false, owner: 'local', name: 'shop' })
  expect(fresh.head).toBe(fresh.commit)
  commit({ 'a.txt': 'one' })
  git(tree, 'checkout', '-q', '--detach')
  expect((await copy()).ref).toBe('refs/juanie/detached')
  git(tree, 'tag', 'v1')
  expect((await copy()).ref).toBe('refs/tags/v1')
})

test('neither hooks nor filters of the repository run for the copy', async () => {
  commit({ 'a.txt': 'one', '.gitattributes': '*.txt filter=spy\n' })
  const spy = join(folder, 'spied')
  git(tree, 'config', 'filter.spy.clean', `touch ${spy}; cat`)
  git(tree, 'config', 'core.fsmonitor', `touch ${spy}`)
  write({ 'a.txt': 'two', '.git/hooks/post-index-change': `#!/bin/sh\ntouch ${spy}\n` })
  chmodSync(join(tree, '.git/hooks/post-index-change'), 0o755)
  await copy()
  expect(readdirSync(folder)).not.toContain('spied')
})

test.each([
  ['https://user:password@github.com/acme/shop.git', 'acme', 'shop', 'https://github.com/acme/shop.git'],
  ['ssh://git@example.com:2222/deep/acme/shop', 'acme', 'shop', 'ssh://example.com:2222/deep/acme/shop'],
  ['https://juanie.example.com/git/acme/shop.git/', 'acme', 'shop', 'https://juanie.example.com/git/acme/shop.git/'],
])('%s is the repository of that name, and its password is not kept', async (url, owner, name, origin) => {
  commit({ 'a.txt': 'one' })
  git(tree, 'remote', 'add', 'origin', url)
  expect(await copy()).toMatchObject({ owner, name, origin })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uuidv7 } from '@juanie/core/ids'
import { expect, test } from 'vitest'
import { must, runGit } from '../testing/shop.ts'
import { LocalGitStore } from './git-store.ts'

/** A store with one repository, and a clone of it to make commits in. */
async function repository() {
  const folder = mkdtempSync(join(tmpdir(), 'juanie-git-log-'))
  const store = new LocalGitStore(folder)
  const id = uuidv7()
  await store.create(id, null)
  const clone = join(folder, 'clone')
  const git = async (...args: string[]) => (await must(runGit(clone, args))).stdout.trim()
  await must(runGit(folder, ['clone', '-q', store.localPath(id), 'clone']))
  await git('checkout', '-q', '-b', 'main')
  let count = 0
  const commit = async (message: string, ...more: string[]) => {
    writeFileSync(join(clone, 'file'), `${++count}`)
    await git('add', '-A')
    await git('commit', '-q', '--cleanup=verbatim', '-m', message, ...more)
    return git('rev-parse', 'HEAD')
  }
  return {
    store,
    id,
    git,
    commit,
    async [Symbol.asyncDispose]() {
      store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

test('the log lists what came in between two commits, newest first, up to a limit', async () => {
  await using r = await repository()
  const first = await r.commit('Begin')
  const ids: string[] = []
  for (let n = 1; n <= 5; n++) ids.unshift(await r.commit(`Change ${n}\n\nA body\nof two lines.`))
  await r.git('push', '-q', 'origin', 'main')
  const all = await r.store.log(r.id, { from: first, to: ids[0]! }, 10)
  expect(all).toMatchObject({ hasMore: false, lost: 0 })
  expect(all!.entries.map(({ id }) => id)).toEqual(ids)
  expect(all!.entries[0]).toMatchObject({ title: 'Change 5', author: 'Ada' })
  expect(Date.parse(all!.entries[0]!.committedAt)).toBeGreaterThan(Date.now() - 600_000)
  const some = await r.store.log(r.id, { from: first, to: ids[0]! }, 2)
  expect(some).toMatchObject({ hasMore: true, entries: [{ id: ids[0] }, { id: ids[1] }] })
  const whole = await r.store.log(r.id, { from: null, to: ids[0]! }, 10)
  expect(whole!.entries.at(-1)).toMatchObject({ id: first, title: 'Begin' })
  expect(await r.store.log(r.id, { from: ids[0]!, to: ids[0]! }, 10)).toEqual({ entries: [], hasMore: false, lost: 0 })
})

test('after a forced push the log counts what was lost, and the old commits can still be read', async () => {
  await using r = await repository()
  const base = await r.commit('Begin')
  await r.commit('Old 1')
  const old = await r.commit('Old 2')
  await r.git('push', '-q', 'origin', 'main')
  await r.git('reset', '-q', '--hard', base)
  const fresh = await r.commit('New')
  await r.git('push', '-q', '--force', 'origin', 'main')
  expect(await r.store.log(r.id, { from: old, to: fresh }, 10)).toMatchObject({
    entries: [{ id: fresh, title: 'New' }],
    hasMore: false,
    lost: 2,
  })
})

test('a commit that is not here, or is none, gives no log', async () => {
  await using r = await repository()
  const head = await r.commit('Begin')
  await r.git('push', '-q', 'origin', 'main')
  for (const id of ['f'.repeat(40), 'HEAD', '--all', ''])
    for (const range of [
      { from: id, to: head },
      { from: null, to: id },
    ])
      expect(await r.store.log(r.id, range, 10)).toBeNull()
  const tree = await r.git('rev-parse', 'HEAD^{tree}')
  expect(await r.store.log(r.id, { from: null, to: tree }, 10)).toBeNull()
})

test('hostile names and titles are only text, and are bounded', async () => {
  await using r = await repository()
  const title = `<img src=x onerror=alert(1)> %H %x00 \u202e 线上 ${'x'.repeat(100_000)}`
  const head = await r.commit(title, '--author', `${'A'.repeat(2_000)} <script> <a@b.c>`)
  const empty = await r.commit('\n\n', '--allow-empty-message')
  await r.git('push', '-q', 'origin', 'main')
  const log = await r.store.log(r.id, { from: null, to: empty }, 10)
  const [untitled, hostile] = log!.entries
  expect(untitled).toMatchObject({ id: empty, title: '' })
  expect(hostile!.id).toBe(head)
  expect(hostile!.title).toMatch(/^<img src=x onerror=alert\(1\)> %H %x00 \u202e 线上 x+\.\.$/)
  expect(hostile!.title.length).toBeLessThanOrEqual(500)
  expect(hostile!.author.length).toBeLessThanOrEqual(200)
})

import { noCommit, PinQueue, Pushes } from '@juanie/services/repositories'
import { pushes, repositories } from '@juanie/services/repositories/tables'
import { RunCleaning, RunStarts } from '@juanie/services/runs'
import { logChunks, pipelineRuns } from '@juanie/services/runs/tables'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { must, openShop, runGit, type Shop, workflow } from '../testing/shop.ts'
import { WireAgent } from '../testing/wire-agent.ts'
import { LocalGitStore } from './git-store.ts'

const runsOf = async (shop: Shop) =>
  (await shop.query('runs.list')).data.rows as { number: number; commit: string; branch: string; status: string }[]

async function repositoryOf(shop: Shop): Promise<{ repositoryId: string; projectId: string; folder: string }> {
  const [row] = await shop.t.db.db.select().from(repositories).where(eq(repositories.projectId, shop.projectId))
  return { repositoryId: row!.id, projectId: shop.projectId, folder: shop.t.app.get(LocalGitStore).localPath(row!.id) }
}

/** Brings a commit into the repository without the server's knowledge, as a git whose server died did. */
async function sneak(shop: Shop, ref: string): Promise<void> {
  const { folder } = await repositoryOf(shop)
  await must(shop.clone.git('push', '-q', folder, `HEAD:${ref}`))
}

test('a push whose ref moved before the server died gets its one run afterwards', async () => {
  await using shop = await openShop()
  const recovering = shop.t.app.get(Pushes)
  const commit = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await recovering.receive(await repositoryOf(shop), shop.owner.id, [
    { ref: 'refs/heads/main', before: noCommit, after: commit },
  ])
  expect(await recovering.recover()).toBe(0)
  await sneak(shop, 'refs/heads/main')
  expect(await recovering.recover()).toBe(1)
  expect(await recovering.recover()).toBe(0)
  expect(await runsOf(shop)).toMatchObject([{ number: 1, commit, status: 'queued' }])
  expect((await shop.query('repositories.view')).data.defaultBranch).toBe('main')
})

test('a push is found in the log of its ref when the ref has moved on', async () => {
  await using shop = await openShop()
  const recovering = shop.t.app.get(Pushes)
  const repository = await repositoryOf(shop)
  const first = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await recovering.receive(repository, null, [{ ref: 'refs/heads/main', before: noCommit, after: first }])
  await sneak(shop, 'refs/heads/main')
  const second = await shop.clone.commit({ a: 'a' })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  await recovering.recover()
  expect((await runsOf(shop)).map((run) => run.commit)).toEqual([first, second])
  // The branch stands where it was told last, and is not taken for one that was moved by hand.
  expect(await recovering.compareAll()).toBe(0)
  expect(await runsOf(shop)).toHaveLength(2)
})

test('a push that died before its ref moved, and is pushed again, has one run', async () => {
  await using shop = await openShop()
  const recovering = shop.t.app.get(Pushes)
  const repository = await repositoryOf(shop)
  const commit = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  const move = [{ ref: 'refs/heads/main', before: noCommit, after: commit }]
  await recovering.receive(repository, shop.owner.id, move)
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  expect(await recovering.recover()).toBe(0)
  expect(await runsOf(shop)).toHaveLength(1)

  // The other way round: the first one moved the ref, and the second one, which came to nothing, is looked at first.
  const [one] = await recovering.receive(repository, shop.owner.id, [{ ...move[0]!, ref: 'refs/heads/side' }])
  await sneak(shop, 'refs/heads/side')
  const [two] = await recovering.receive(repository, shop.owner.id, [{ ...move[0]!, ref: 'refs/heads/side' }])
  await recovering.recover()
  await recovering.recover()
  expect(await runsOf(shop)).toHaveLength(2)
  const states = await shop.t.db.db.select({ id: pushes.id, status: pushes.status }).from(pushes)
  expect(
    states
      .filter(({ id }) => id === one!.id || id === two!.id)
      .map(({ status }) => status)
      .sort(),
  ).toEqual(['handled', 'received'])
})

test('a push that never moved its ref is refused when its time is over', async () => {
  await using shop = await openShop()
  const recovering = shop.t.app.get(Pushes)
  await recovering.receive(await repositoryOf(shop), null, [
    { ref: 'refs/heads/main', before: noCommit, after: 'a'.repeat(40) },
  ])
  expect(await recovering.recover()).toBe(0)
  await shop.t.db.db.update(pushes).set({ createdAt: sql`now() - interval '1 hour'` })
  expect(await recovering.recover()).toBe(1)
  expect(await shop.t.db.db.select({ status: pushes.status }).from(pushes)).toEqual([{ status: 'refused' }])
})

test('refs that were moved by hand are told of once', async () => {
  await using shop = await openShop()
  const comparing = shop.t.app.get(Pushes)
  const commit = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  expect(await comparing.compareAll()).toBe(0)
  await sneak(shop, 'refs/heads/side')
  await sneak(shop, 'refs/tags/v1')
  expect(await comparing.compareAll()).toBe(2)
  expect(await comparing.compareAll()).toBe(0)
  expect((await runsOf(shop)).map((run) => [run.branch, run.commit])).toEqual(
    expect.arrayContaining([
      ['side', commit],
      ['main', commit],
    ]),
  )
})

test('however often and however many at once handle a push, it has one run', async () => {
  await using shop = await openShop()
  const starts = shop.t.app.get(RunStarts)
  const commit = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await sneak(shop, 'refs/heads/main')
  const rows = await shop.t.app
    .get(Pushes)
    .receive(await repositoryOf(shop), shop.owner.id, [{ ref: 'refs/heads/main', before: noCommit, after: commit }])
  const started = await Promise.all(Array.from({ length: 8 }, () => starts.handle(rows)))
  expect(started.flat()).toHaveLength(1)
  expect(await runsOf(shop)).toHaveLength(1)
})

test('a push during an outage is stored, the pusher is told so, and its run starts by itself', async () => {
  await using shop = await openShop()
  const commit = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await shop.t.db.pool.query('alter table pipelines rename to pipelines_away')
  const pushed = await must(shop.clone.git('push', 'origin', 'main'))
  expect(pushed.stderr).toContain('remote: Juanie: the push is stored.')
  expect(await shop.t.db.db.select({ status: pushes.status }).from(pushes)).toEqual([{ status: 'accepted' }])
  await shop.t.db.pool.query('alter table pipelines_away rename to pipelines')
  await shop.t.app.get(Pushes).recover()
  expect(await runsOf(shop)).toMatchObject([{ number: 1, commit }])
})

test('commits of runs stay although no branch names them, and go with their run', async () => {
  await using shop = await openShop()
  const store = shop.t.app.get(LocalGitStore)
  const { repositoryId, folder } = await repositoryOf(shop)
  const old = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  await must(shop.clone.git('commit', '-q', '--amend', '-m', 'Other'))
  await must(shop.clone.git('push', '-q', '--force', 'origin', 'main'))
  await shop.t.app.get(PinQueue).flush()
  expect(await store.pinned(repositoryId)).toHaveLength(2)
  await must(runGit(folder, ['-c', 'safe.directory=*', 'reflog', 'expire', '--expire=now', '--all']))
  await must(runGit(folder, ['-c', 'safe.directory=*', 'prune', '--expire=now']))
  expect((await store.commit(repositoryId, old))?.id).toBe(old)

  await store.unpin(repositoryId, await store.pinned(repositoryId))
  const cleaning = shop.t.app.get(RunCleaning)
  await cleaning.repin()
  expect(await store.pinned(repositoryId)).toHaveLength(2)
})

test('runs whose time is over go with their logs, the others stay', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  const lease = await agent.lease()
  await agent.logs(lease, [{ step: 0, firstSeq: 1, lines: ['a', 'b'] }])
  await agent.finish(lease)
  await shop.clone.commit({ a: 'a' })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
  await shop.t.db.db
    .update(pipelineRuns)
    .set({ finishedAt: sql`now() - interval '91 days'` })
    .where(eq(pipelineRuns.number, 1))
  const cleaning = shop.t.app.get(RunCleaning)
  // Commits are pinned a moment after their push, which here is less than 91 days before.
  await shop.t.app.get(PinQueue).flush()
  expect(await cleaning.clean()).toBe(1)
  expect(await shop.t.db.db.select().from(logChunks)).toEqual([])
  expect((await runsOf(shop)).map(({ number }) => number)).toEqual([2])
  const { repositoryId } = await repositoryOf(shop)
  expect(await shop.t.app.get(LocalGitStore).pinned(repositoryId)).toHaveLength(1)
})

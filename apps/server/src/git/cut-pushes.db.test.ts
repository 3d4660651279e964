import { Pushes } from '@juanie/services/repositories'
import { pushes, repositories } from '@juanie/services/repositories/tables'
import { pipelineRuns } from '@juanie/services/runs/tables'
import { asc, eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { must, openShop, type Shop, workflow } from '../testing/shop.ts'

/** What a server leaves that dies after it has written a push down and before it has decided it. */
async function leave(shop: Shop, move: { before: string; after: string; agoMs?: number }): Promise<void> {
  const { db } = shop.t.db
  const [repository] = await db.select().from(repositories).where(eq(repositories.projectId, shop.projectId))
  const { before, after } = move
  const createdAt = new Date(Date.now() - (move.agoMs ?? 0))
  const ref = 'refs/heads/main'
  await db
    .insert(pushes)
    .values({ repositoryId: repository!.id, projectId: shop.projectId, ref, before, after, place: 0, createdAt })
}

const commitsOfRuns = async (shop: Shop) =>
  (await shop.t.db.db.select({ commit: pipelineRuns.commit }).from(pipelineRuns).orderBy(asc(pipelineRuns.number))).map(
    ({ commit }) => commit,
  )

test('a push that was cut off and sent again makes one run, whichever of the two is looked at first', async () => {
  await using shop = await openShop()
  const first = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await must(shop.clone.git('push', 'origin', 'main'))
  const second = await shop.clone.commit({ 'a.txt': 'a' })
  await leave(shop, { before: first, after: second, agoMs: 5_000 })
  await must(shop.clone.git('push', 'origin', 'main'))
  await shop.t.app.get(Pushes).recover()
  await leave(shop, { before: first, after: second, agoMs: 4_000 })
  await shop.t.app.get(Pushes).recover()
  expect(await commitsOfRuns(shop)).toEqual([first, second])
})

test('several moves of one branch that nobody decided make their runs together', async () => {
  await using shop = await openShop()
  const zero = '0'.repeat(40)
  const first = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  const second = await shop.clone.commit({ 'a.txt': 'a' })
  // Both moved the branch, and what the server knew of it died with it.
  await must(shop.clone.git('push', 'origin', `${first}:refs/heads/main`))
  await must(shop.clone.git('push', 'origin', 'main'))
  const { db } = shop.t.db
  await db.delete(pipelineRuns)
  await db.delete(pushes)
  await leave(shop, { before: zero, after: first, agoMs: 1_500 })
  await leave(shop, { before: first, after: second, agoMs: 1_000 })
  await shop.t.app.get(Pushes).recover()
  expect(await commitsOfRuns(shop)).toEqual([first, second])
})

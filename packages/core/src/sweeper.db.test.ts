import { expect, onTestFinished, test } from 'vitest'
import { uuidv7 } from './ids.ts'
import { Sweeper } from './sweeper.ts'
import { testDb } from './testing/index.ts'

const until = (check: () => boolean) => expect.poll(check, { timeout: 15_000, interval: 20 }).toBe(true)

async function twoSweepers() {
  const t = await testDb()
  const counts = [0, 0]
  const sweepers = counts.map((_, place) => {
    const sweeper = new Sweeper({ db: t.db, owner: uuidv7() })
    sweeper.every(50, 'count', async () => {
      counts[place] = counts[place]! + 1
    })
    return sweeper
  })
  onTestFinished(async () => {
    await Promise.all(sweepers.map((sweeper) => sweeper.stop()))
    await t[Symbol.asyncDispose]()
  })
  return { t, counts, first: sweepers[0]!, second: sweepers[1]! }
}

test('of two servers one sweeps, and the other goes on when it stops', async () => {
  const { counts, first, second } = await twoSweepers()
  first.start()
  await until(() => counts[0]! > 2)
  second.start()
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  expect(counts[1]).toBe(0)
  await first.stop()
  await until(() => counts[1]! > 2)
  expect(first.isLeading).toBe(false)
})

test('a server whose lease was taken stops sweeping', async () => {
  const { t, counts, first } = await twoSweepers()
  first.start()
  await until(() => counts[0]! > 0)
  await t.pool.query(`update leases set owner = $1, fence = fence + 1, expires_at = now() + interval '1 hour'`, [
    uuidv7(),
  ])
  await until(() => !first.isLeading)
  const then = counts[0]
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(counts[0]).toBe(then)
})

test('a sweep that fails or lingers neither stops the others nor runs twice at once', async () => {
  await using t = await testDb()
  const failures: string[] = []
  const sweeper = new Sweeper({ db: t.db, owner: uuidv7(), failed: (name) => failures.push(name) })
  let lingering = 0
  let good = 0
  sweeper.every(20, 'bad', async () => {
    throw new Error('always')
  })
  const release = { now: () => {} }
  sweeper.every(20, 'slow', () => {
    lingering++
    return new Promise<void>((resolve) => {
      release.now = resolve
    })
  })
  sweeper.every(20, 'good', async () => void good++)
  sweeper.start()
  await until(() => good > 5 && failures.length > 5)
  expect(lingering).toBe(1)
  expect(new Set(failures)).toEqual(new Set(['bad']))
  release.now()
  await sweeper.stop()
})

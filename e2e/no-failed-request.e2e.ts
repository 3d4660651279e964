import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from './lib/juanie.ts'
import { conversations, requests, slowAnswers, streams, uploads } from './lib/load.ts'
import { Shop } from './lib/shop.ts'

const wanted = 25_000
const connections = 16

let shop: Shop
const first = { text: 'version 1' }

beforeAll(async () => {
  // A drain within which everything ends that is under way, on a slow machine too.
  shop = await Shop.open({ JUANIE_DEFAULT_DRAIN: '30s', JUANIE_DEFAULT_SOAK: '2s' })
  const commit = await shop.push(first)
  expect(await shop.deployed(commit)).toMatchObject({ status: 'succeeded' })
})

afterAll(async () => {
  await shop?.[Symbol.asyncDispose]()
})

/** Everything that visitors do at once, from before the change until it is over and enough was asked. */
async function underLoad(versions: string[], change: () => Promise<void>): Promise<Set<string>> {
  const at = { port: shop.juanie.edgePort, hostname: new URL(await shop.url()).hostname }
  const short = requests(at, connections, () => versions)
  const long = [slowAnswers(at, 4), uploads(at, 2, 10 * 1024 * 1024), streams(at), conversations(at)]
  try {
    await until(
      'some requests of each kind',
      () => short.tally.done > 1_000 && long.every(({ tally }) => tally.done > 0),
    )
    await change()
    await until(`${wanted} requests`, () => short.tally.done >= wanted, 240_000)
  } finally {
    const tallies = await Promise.all([short, ...long].map((each) => each.stop()))
    expect(tallies.flatMap(({ failures }) => failures)).toEqual([])
  }
  expect(short.tally.done).toBeGreaterThanOrEqual(wanted)
  for (const { tally } of long) expect(tally.done).toBeGreaterThan(0)
  return short.bodies
}

test('no request fails while a version is deployed', { timeout: 400_000 }, async () => {
  const bodies = await underLoad(['version 1', 'version 2'], async () => {
    const commit = await shop.push({ text: 'version 2' })
    expect(await shop.deployed(commit)).toMatchObject({ status: 'succeeded' })
  })
  expect(bodies).toEqual(new Set(['version 1', 'version 2']))
})

test('no request fails while it is rolled back', { timeout: 400_000 }, async () => {
  const bodies = await underLoad(['version 1', 'version 2'], async () => {
    const { number } = await shop.tell<{ number: number }>('deployments.rollback', { environment: 'dev' })
    await until(
      'the rollback',
      async () => {
        const { status } = await shop.ask<{ status: string }>('deployments.view', { deployment: number })
        return status === 'succeeded'
      },
      120_000,
    )
  })
  expect(bodies).toEqual(new Set(['version 1', 'version 2']))
})

test('no request fails when a version becomes sick in its soak', { timeout: 400_000 }, async () => {
  await shop.edit('dev', { soakMs: 120_000 })
  const bodies = await underLoad(['version 1', 'version 3'], async () => {
    const commit = await shop.push({ text: 'version 3' })
    await shop.deployed(commit, ['soaking'])
    expect(await shop.answer('/sicken')).toBe('version 3')
    expect(await shop.deployed(commit)).toMatchObject({ status: 'rolled_back' })
  })
  expect(bodies).toEqual(new Set(['version 1', 'version 3']))
})

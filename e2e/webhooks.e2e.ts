import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deliver } from './lib/deliveries.ts'
import { FarRepository } from './lib/far-repository.ts'
import { until } from './lib/juanie.ts'
import { type Run, Shop } from './lib/shop.ts'

const pushes = 1_000
const atOnce = 16
/** No agent takes it: this is about the runs, and not about what they do. */
const workflow = 'on: push\njobs:\n  build:\n    runs-on: nowhere\n    steps:\n      - run: echo hello\n'

test('a thousand signed pushes across a killed server have one run each', { timeout: 900_000 }, async () => {
  await using shop = await Shop.open({ JUANIE_ALLOW_PRIVATE_ADDRESSES: '127.0.0.0/8' })
  await using far = await FarRepository.open(join(shop.juanie.home, 'far'))
  const first = await far.change({ '.github/workflows/ci.yml': workflow }, 'First')
  const { id: organizationId } = await shop.ask<{ id: string }>('organizations.find', { slug: 'main' })
  const { id: projectId } = await shop.api.tell<{ id: string }>('projects.create', {
    organizationId,
    slug: 'far',
    template: 'empty',
  })
  const { connection, webhookSecret } = await shop.api.tell<{
    connection: { webhookUrl: string }
    webhookSecret: string
  }>('connections.connect', { projectId, url: far.url, provider: 'github' })
  const hook = { url: connection.webhookUrl, secret: webhookSecret }
  const runs = async (): Promise<string[]> => {
    const all: string[] = []
    for (let after: number | undefined; ; ) {
      const page = await shop.ask<{ rows: Run[]; next: number | null }>('runs.list', { projectId, limit: 100, after })
      all.push(...page.rows.map(({ commit }) => commit))
      if (page.next === null) return all
      after = page.next
    }
  }
  await until('the run of what was there', async () => (await runs()).length === 1)

  const commits = await far.grow(pushes)
  expect(commits).toHaveLength(pushes)
  const taken: string[] = []
  const waiting = commits.map((after, index) => ({ after, before: commits[index - 1] ?? first, id: `push-${index}` }))
  let killed = false
  const sender = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      // As a forge that somebody asks to deliver again: until it was taken.
      const told = next
      await until('an answer', async () => (await deliver(hook, told)) === 202, 60_000)
      taken.push(next.after)
      if (!killed && taken.length > pushes / 2) {
        killed = true
        await shop.juanie.stopServer('SIGKILL')
        await shop.juanie.up()
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, sender))
  expect(taken).toHaveLength(pushes)
  await until('a run of each', async () => (await runs()).length > pushes, 600_000)
  await until('every verdict', async () => {
    const { rows } = await shop.ask<{ rows: { verdict: string | null }[] }>('deliveries.list', {
      projectId,
      limit: 100,
    })
    return rows.every(({ verdict }) => verdict !== null)
  })
  expect((await runs()).sort()).toEqual([first, ...commits].sort())
})

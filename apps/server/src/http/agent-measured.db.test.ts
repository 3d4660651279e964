import { randomUUID } from 'node:crypto'
import { environments } from '@juanie/services/environments/tables'
import type { TrafficMinute } from '@juanie/services/hosts/contract'
import { hosts } from '@juanie/services/hosts/tables'
import { routes } from '@juanie/services/routes/tables'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { openShop } from '../testing/shop.ts'
import { WireAgent } from '../testing/wire-agent.ts'

const hostname = 'shop-dev.localhost'

const counted = (more: Partial<TrafficMinute> = {}): TrafficMinute => ({
  source: randomUUID(),
  hostname,
  minute: Math.floor(Date.now() / 60_000),
  requests: 4,
  statuses: [0, 3, 0, 0, 1],
  broken: 0,
  aborted: 0,
  unavailable: 0,
  latency: [[40, 4]],
  isCut: false,
  ...more,
})

async function opened() {
  const shop = await openShop()
  const agent = await WireAgent.local(shop.t)
  const [host] = await shop.t.db.db.select({ id: hosts.id }).from(hosts)
  await shop.t.db.db.update(environments).set({ hostId: host!.id })
  await shop.t.db.db.update(routes).set({ createdAt: sql`now() - interval '1 day'` })
  return {
    shop,
    agent,
    read: async () => (await shop.query('environments.traffic', { environment: 'dev' })).data,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]()
      await shop[Symbol.asyncDispose]()
    },
  }
}

test('what an agent measured is read by the project, once however often it is sent', async () => {
  await using t = await opened()
  const minute = counted()
  const send = () => t.agent.post('measured', { traffic: [minute], usage: [] })
  const answers = await Promise.all([send(), send(), send()])
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(await t.read()).toMatchObject({ total: { requests: 4, statuses: [0, 3, 0, 0, 1] }, stepMinutes: 1 })
})

test('who is no agent, and what is no count, is refused', async () => {
  await using t = await opened()
  const wrong = await t.agent.post('measured', { traffic: [{ ...counted(), latency: [[128, 1]] }], usage: [] })
  expect(wrong.status).toBe(400)
  expect(await wrong.text()).toContain('traffic.0.latency')
  const many = await t.agent.post('measured', { traffic: Array.from({ length: 1_001 }, () => counted()), usage: [] })
  expect(many.status).toBe(400)

  const nobody = new WireAgent({ url: t.shop.t.url, token: 'jag_wrong' })
  expect((await nobody.post('measured', { traffic: [counted()], usage: [] })).status).toBe(401)
  expect((await t.read()).total.requests).toBe(0)
})

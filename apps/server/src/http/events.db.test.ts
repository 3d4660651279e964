import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import { Projects } from '@juanie/services/projects'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { join, organization, type Person, person } from '../testing/people.ts'
import { type TestApp, testApp } from '../testing/test-app.ts'

let t: TestApp
let owner: Person
let organizationId: string
let shop: string
let other: string

beforeAll(async () => {
  t = await testApp()
  owner = await person(t, 'owner')
  organizationId = (await organization(t, 'main', owner)).id
  const scope = { organizationId, projectId: null, actor: { kind: 'user' as const, id: owner.id, name: 'owner' } }
  const create = async (slug: string) => (await t.app.get(Projects).create(scope, { slug, template: 'empty' })).id
  shop = await create('shop')
  other = await create('other')
})

afterAll(() => t?.[Symbol.asyncDispose]())

interface Event {
  id: string
  data: { position: number; type: string; data: { n?: number } }
}

/** A viewer that keeps every event it is told, and what else came. */
async function watch(query: string, token: string, lastEventId?: string) {
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  const answer = await fetch(`${t.url}/api/events?${query}`, {
    headers: { authorization: `Bearer ${token}`, ...(lastEventId && { 'last-event-id': lastEventId }) },
    signal: controller.signal,
  })
  const viewer = {
    answer,
    events: [] as Event[],
    text: '',
    beganAt: null as string | null,
    isOver: false,
    stop: () => controller.abort(),
  }
  if (answer.status !== 200) return viewer
  void (async () => {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of answer.body!) {
      const text = decoder.decode(chunk, { stream: true })
      viewer.text += text
      rest += text
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const block = rest.slice(0, end)
        rest = rest.slice(end + 2)
        const id = /^id: (\d+)$/m.exec(block)?.[1]
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (id && !data) viewer.beganAt = id
        if (id && data) viewer.events.push({ id, data: JSON.parse(data) })
      }
    }
    viewer.isOver = true
  })().catch(() => {
    viewer.isOver = true
  })
  await expect.poll(() => viewer.beganAt ?? viewer.isOver).toBeTruthy()
  return viewer
}

const tell = (projectId: string, n: number) =>
  t.db.db.transaction((tx) =>
    record(tx, { organizationId, projectId, actor: { kind: 'system', id: null, name: 'juanie' } }, 'thing.told', {
      subjectId: uuidv7(),
      data: { n },
    }),
  )

const numbers = (viewer: { events: Event[] }) => viewer.events.map(({ data }) => data.data.n)

test('viewers of a project and of its organization see what happens there, live', async () => {
  const [ofShop, ofAll] = [
    await watch(`projectId=${shop}`, owner.token),
    await watch(`organizationId=${organizationId}`, owner.token),
  ]
  expect(ofShop.answer.headers.get('content-type')).toContain('text/event-stream')
  expect(ofShop.answer.headers.get('x-accel-buffering')).toBe('no')
  await tell(shop, 1)
  await tell(other, 2)
  await tell(shop, 3)
  await expect.poll(() => numbers(ofAll), { timeout: 5_000 }).toEqual([1, 2, 3])
  await expect.poll(() => numbers(ofShop)).toEqual([1, 3])
  expect(ofShop.events[0]!.data).toMatchObject({ type: 'thing.told', projectId: shop, actor: { kind: 'system' } })
})

test('a viewer that comes back sees what it missed, each once and in order, while more happens', async () => {
  const first = await watch(`projectId=${shop}`, owner.token)
  await tell(shop, 100)
  await expect.poll(() => first.events.length).toBe(1)
  first.stop()
  for (let n = 101; n < 120; n++) await tell(shop, n)
  const writing = (async () => {
    for (let n = 120; n < 160; n++) await tell(shop, n)
  })()
  const again = await watch(`projectId=${shop}`, owner.token, first.events[0]!.id)
  await writing
  await expect.poll(() => again.events.length, { timeout: 10_000 }).toBe(59)
  expect(numbers(again)).toEqual(Array.from({ length: 59 }, (_, n) => 101 + n))
  const ids = again.events.map(({ id }) => Number(id))
  expect(ids).toEqual([...ids].sort((a, b) => a - b))
})

test('a viewer that comes back from before a restore, ahead of everything, goes on from now', async () => {
  await tell(shop, 300)
  const ahead = await watch(`projectId=${shop}`, owner.token, '999999999999999')
  expect(Number(ahead.beganAt)).toBeLessThan(1_000_000)
  await tell(shop, 301)
  await expect.poll(() => numbers(ahead), { timeout: 5_000 }).toContain(301)
})

test('many viewers who come and go at any moment miss and repeat nothing', async () => {
  const start = await watch(`projectId=${other}`, owner.token)
  const writing = (async () => {
    for (let n = 0; n < 150; n++) await tell(other, n)
  })()
  const viewers = await Promise.all(
    Array.from({ length: 12 }, async (_, place) => {
      const seen: (number | undefined)[] = []
      let last = start.beganAt!
      while (seen.at(-1) !== 149) {
        const viewer = await watch(`projectId=${other}`, owner.token, last)
        const wanted = 5 + place * 3
        await expect
          .poll(() => viewer.events.length >= wanted || numbers(viewer).at(-1) === 149, { timeout: 10_000 })
          .toBe(true)
        viewer.stop()
        const got = [...viewer.events]
        seen.push(...got.map(({ data }) => data.data.n))
        last = got.at(-1)!.id
      }
      return seen
    }),
  )
  await writing
  for (const seen of viewers) expect(seen).toEqual(Array.from({ length: 150 }, (_, n) => n))
})

test.each(['membership', 'token'] as const)('a viewer who loses the %s is cut off within 5 s', async (what) => {
  const guest = await person(t, `guest-${what}`)
  await join(t, organizationId, guest.id, 'viewer')
  const [viewer, stays] = [await watch(`projectId=${shop}`, guest.token), await watch(`projectId=${shop}`, owner.token)]
  const before = Date.now()
  if (what === 'membership') await t.db.pool.query('delete from organization_members where user_id = $1', [guest.id])
  else await t.db.pool.query('update access_tokens set revoked_at = now() where id = $1', [guest.tokenId])
  await expect.poll(() => viewer.isOver, { timeout: 6_000, interval: 50 }).toBe(true)
  expect(Date.now() - before).toBeLessThan(5_000)
  expect(viewer.text).toContain('event: refused')
  expect(stays.isOver).toBe(false)
  const again = await watch(`projectId=${shop}`, guest.token)
  expect(again.answer.status).toBe(what === 'membership' ? 404 : 401)
})

test.each([
  ['', 'organizationId or projectId'],
  [`projectId=${'x'.repeat(9)}`, 'projectId'],
  ['both', 'organizationId or projectId'],
])('a wrong question (%s) is refused by the name of its field', async (query, field) => {
  const text = query === 'both' ? `projectId=${shop}&organizationId=${organizationId}` : query
  const { answer } = await watch(text, owner.token)
  expect(answer.status).toBe(400)
  expect((await answer.json()).error.message).toContain(field)
})

test('a wrong Last-Event-ID is refused, and strangers see that there is nothing', async () => {
  const wrong = await watch(`projectId=${shop}`, owner.token, 'abc')
  expect(wrong.answer.status).toBe(400)
  const stranger = await person(t, 'stranger')
  expect((await watch(`projectId=${shop}`, stranger.token)).answer.status).toBe(404)
  expect((await watch(`projectId=${shop}`, 'jua_nonsense')).answer.status).toBe(401)
})

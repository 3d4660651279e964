import { randomUUID } from 'node:crypto'
import { one } from '@juanie/core/database'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { type Shop, shop } from '../deployments/testing/shop.ts'
import { environments } from '../environments/tables.ts'
import type { TrafficMinute } from '../hosts/contract.ts'
import { hosts } from '../hosts/tables.ts'
import { Traffic } from './index.ts'
import { routeMinutes, routes } from './tables.ts'

const source = randomUUID()
const hostname = 'shop-dev.localhost'

/** The minute that it is, by the clock that decides. */
const presentMinute = async ({ db }: Shop): Promise<number> => {
  const { rows } = await db.execute<{ minute: string }>(
    sql`select floor(extract(epoch from now()) / 60)::bigint as minute`,
  )
  return Number(rows[0]!.minute)
}

const counted = (minute: number, more: Partial<TrafficMinute> = {}): TrafficMinute => ({
  source,
  hostname,
  minute,
  requests: 10,
  statuses: [0, 9, 0, 0, 1],
  broken: 0,
  aborted: 0,
  unavailable: 0,
  latency: [
    [20, 9],
    [80, 1],
  ],
  isCut: false,
  ...more,
})

/** A shop whose environments run on its host since yesterday. */
async function opened() {
  const s = await shop()
  await s.db.update(environments).set({ hostId: s.hostId })
  await s.db.update(routes).set({ createdAt: sql`now() - interval '2 days'` })
  const traffic = new Traffic({ db: s.db })
  const read = (minutes = 60, more = {}) => traffic.read(s.scope, { environment: 'dev', minutes, ...more })
  return {
    s,
    traffic,
    read,
    host: { hostId: s.hostId },
    now: await presentMinute(s),
    [Symbol.asyncDispose]: () => s[Symbol.asyncDispose](),
  }
}

test('minutes become a series without holes, with percentiles of all that was counted', async () => {
  await using t = await opened()
  const { traffic, read, host, now } = t
  await traffic.store(host, [
    counted(now - 2),
    // Another edge process of the same minute adds to it.
    counted(now - 2, { source: randomUUID(), requests: 1, statuses: [0, 0, 0, 1, 0], latency: [[20, 1]], isCut: true }),
    counted(now - 1, { broken: 2, aborted: 3, unavailable: 4, latency: [] }),
  ])
  const series = await read()
  expect(series.stepMinutes).toBe(1)
  expect(series.points).toHaveLength(60)
  const times = series.points.map(({ at }) => Date.parse(at))
  expect(times.slice(1).every((time, i) => time - times[i]! === 60_000)).toBe(true)
  const at = (minute: number) => series.points.find((point) => Date.parse(point.at) === minute * 60_000)
  expect(at(now - 2)).toMatchObject({ requests: 11, statuses: [0, 9, 0, 1, 1], isCut: true })
  expect(at(now - 2)!.p50).toBeCloseTo(0.1 * 2 ** (20 / 6), 6)
  expect(at(now - 2)!.p99).toBeCloseTo(0.1 * 2 ** (80 / 6), 6)
  expect(at(now - 1)).toMatchObject({ requests: 10, broken: 2, aborted: 3, unavailable: 4, p50: null, isCut: false })
  expect(at(now - 3)).toMatchObject({ requests: 0, statuses: [0, 0, 0, 0, 0], p50: null, isCut: false })
  expect(series.total).toMatchObject({ requests: 21, broken: 2, isCut: true })
  expect(series.hostnames).toEqual([{ hostname, requests: 21 }])
})

test('a minute that is told again, or late in an earlier state, is counted once', async () => {
  await using t = await opened()
  const { traffic, read, host, now } = t
  const early = counted(now, { requests: 3, statuses: [0, 3, 0, 0, 0], latency: [[20, 3]] })
  const final = counted(now)
  await traffic.store(host, [early])
  expect((await read()).total.requests).toBe(3)
  await traffic.store(host, [final])
  await Promise.all([traffic.store(host, [final]), traffic.store(host, [early]), traffic.store(host, [final, early])])
  expect((await read()).total).toMatchObject({ requests: 10, statuses: [0, 9, 0, 0, 1] })
})

test('a host speaks for its own environments alone, and of its time alone', async () => {
  await using t = await opened()
  const { s, traffic, read, host, now } = t
  const other = await one(s.db.insert(hosts).values({ name: 'other' }).returning({ id: hosts.id }))
  await traffic.store({ hostId: other.id }, [counted(now)])
  await traffic.store(host, [
    counted(now, { hostname: 'nobody.localhost' }),
    counted(now - 25 * 60),
    counted(now + 120),
  ])
  expect((await read()).total.requests).toBe(0)
  // What an environment before it had under the same name is none of its own.
  await s.db.update(routes).set({ createdAt: sql`now() - interval '5 minutes'` })
  await traffic.store(host, [counted(now - 10), counted(now - 3)])
  expect((await read()).total.requests).toBe(10)
  await expect(traffic.read(s.scope, { environment: 'nowhere', minutes: 60 })).rejects.toMatchObject({
    code: 'not_found',
  })
  await expect(
    traffic.read({ ...s.scope, projectId: randomUUID() }, { environment: 'dev', minutes: 60 }),
  ).rejects.toMatchObject({ code: 'not_found' })
})

test('one hostname of several can be asked for, and a day comes in quarters of an hour', async () => {
  await using t = await opened()
  const { s, traffic, read, host, now } = t
  await s.db.insert(routes).values({
    projectId: s.scope.projectId,
    environmentId: s.environment.dev,
    hostname: 'api.localhost',
    isDefault: false,
    createdAt: new Date(Date.now() - 86_400_000),
  })
  const minutes = Array.from({ length: 200 }, (_, i) => counted(now - i, { requests: 1 }))
  await traffic.store(host, [...minutes, counted(now, { hostname: 'api.localhost', requests: 500 })])
  const day = await read(24 * 60)
  expect(day).toMatchObject({ stepMinutes: 15, total: { requests: 700 } })
  expect(day.points).toHaveLength(96)
  expect(day.points.reduce((sum, { requests }) => sum + requests, 0)).toBe(700)
  expect(day.hostnames).toEqual([
    { hostname: 'api.localhost', requests: 500 },
    { hostname, requests: 200 },
  ])
  const hour = await read(60, { hostname })
  expect(hour.total.requests).toBe(60)
  expect(hour.hostnames).toHaveLength(2)
  expect(await read(360)).toMatchObject({ stepMinutes: 5 })
})

test('what is older than a day is removed in small steps, and the rest stays', async () => {
  await using t = await opened()
  const { s, traffic, read, host, now } = t
  await s.db.execute(sql`
    insert into route_minutes (environment_id, minute, hostname, source, requests, statuses, broken, aborted,
                               unavailable, latency, is_cut, known)
    select ${s.environment.dev}, now() - interval '25 hours' - n * interval '1 minute', ${hostname}, ${source}, 1,
           '{0,1,0,0,0}', 0, 0, 0, '[]', false, 2
      from generate_series(1, 2500) n`)
  await traffic.store(host, [counted(now)])
  expect(await traffic.clean()).toBe(2_500)
  expect(await s.db.select({ minute: routeMinutes.minute }).from(routeMinutes)).toHaveLength(1)
  expect((await read()).total.requests).toBe(10)
  expect(await traffic.clean()).toBe(0)
  await s.db.delete(environments).where(eq(environments.id, s.environment.dev))
  expect(await s.db.select({ minute: routeMinutes.minute }).from(routeMinutes)).toHaveLength(0)
})

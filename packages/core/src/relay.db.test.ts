import { eq } from 'drizzle-orm'
import pg from 'pg'
import { expect, onTestFailed, test } from 'vitest'
import { projectEvents, record } from './events.ts'
import { uuidv7 } from './ids.ts'
import { Listener } from './listener.ts'
import { EventRelay } from './relay.ts'
import { systemScope } from './scope.ts'
import { type TestDb, testDb } from './testing/index.ts'

const scope = systemScope(uuidv7(), uuidv7())

const positions = async (t: TestDb) => {
  const rows = await t.db.select().from(projectEvents).orderBy(projectEvents.position)
  return rows.map((row) => [row.type, row.position])
}

const relayOf = (t: TestDb, listener = new Listener({ options: { connectionString: t.url } })) =>
  new EventRelay({ pool: t.pool, listener })

test('an event that was written first and committed last is not missed by who has read the other', async () => {
  await using t = await testDb()
  const relay = relayOf(t)
  let commitFirst = () => {}
  const isWritten = new Promise<void>((written) => {
    void t.db.transaction(async (tx) => {
      await record(tx, scope, 'slow.written', { subjectId: uuidv7() })
      written()
      await new Promise<void>((resolve) => {
        commitFirst = resolve
      })
    })
  })
  await isWritten
  onTestFailed(() => commitFirst())
  await t.db.transaction((tx) => record(tx, scope, 'quick.written', { subjectId: uuidv7() }))

  expect(await relay.placeAll()).toBe(1)
  expect(await positions(t)).toEqual([['quick.written', 1]])
  commitFirst()
  await expect.poll(() => relay.placeAll()).toBe(1)
  expect(await positions(t)).toEqual([
    ['quick.written', 1],
    ['slow.written', 2],
  ])
})

test('several relays at once give every event one position, without a gap that a reader could pass', async () => {
  await using t = await testDb()
  const relays = Array.from({ length: 4 }, () => relayOf(t))
  const seen: number[] = []
  let last = 0
  let isOver = false
  const reader = (async () => {
    while (!isOver) {
      const { rows } = await t.pool.query(
        'select position::int from project_events where position > $1 order by position',
        [last],
      )
      for (const { position } of rows) {
        seen.push(position)
        last = position
      }
    }
  })()
  await Promise.all(
    Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; n < 25; n++) {
        await t.db.transaction((tx) => record(tx, scope, 'thing.written', { subjectId: uuidv7(), data: { writer, n } }))
        await relays[(writer + n) % relays.length]!.placeAll()
      }
    }),
  )
  await relays[0]!.placeAll()
  await expect.poll(() => seen.length).toBe(200)
  isOver = true
  await reader
  const rows = await t.db.select().from(projectEvents)
  expect(new Set(rows.map((row) => row.position)).size).toBe(200)
  expect(seen).toEqual(rows.map((row) => row.position!).sort((a, b) => a - b))
})

test('a relay wakes when events are committed, and also when its connection was cut', async () => {
  await using t = await testDb()
  const losses: unknown[] = []
  const listener = new Listener({ options: { connectionString: t.url }, failed: (error) => losses.push(error) })
  await listener.start()
  const relay = relayOf(t, listener)
  relay.start()
  const write = async () => {
    const subjectId = uuidv7()
    await t.db.transaction((tx) => record(tx, scope, 'thing.written', { subjectId }))
    return async () => {
      const [row] = await t.db.select().from(projectEvents).where(eq(projectEvents.subjectId, subjectId))
      return row!.position
    }
  }
  const first = await write()
  await expect.poll(first, { timeout: 900, interval: 5 }).toBe(1)

  await using outside = await connect(t.url)
  await outside.client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'juanie listener' and datname = current_database()`,
  )
  await expect.poll(() => losses.length).toBeGreaterThan(0)
  const second = await write()
  await expect.poll(second, { timeout: 3_000, interval: 5 }).toBe(2)
  await expect.poll(() => listener.isConnected, { timeout: 5_000 }).toBe(true)
  await relay.stop()
  await listener.close()
})

async function connect(url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

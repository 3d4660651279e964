import { expect, test } from 'vitest'
import { Listener } from './listener.ts'
import { testDb } from './testing/index.ts'

test('every callback of a channel hears a message, and none after it left', async () => {
  await using t = await testDb({ isEmpty: true })
  const listener = new Listener({ options: { connectionString: t.url } })
  const heard: [string, string | null][] = []
  listener.on('one', (payload) => heard.push(['early', payload]))
  await listener.start()
  const leave = listener.on('one', (payload) => heard.push(['second', payload]))
  listener.on('two', (payload) => heard.push(['late', payload]))
  await expect.poll(() => heard).toContainEqual(['late', null])
  heard.length = 0
  await t.pool.query(`select pg_notify('one', 'a')`)
  await expect.poll(() => heard.length).toBe(2)
  leave()
  await t.pool.query(`select pg_notify('one', 'b')`)
  await t.pool.query(`select pg_notify('two', 'c')`)
  await expect.poll(() => heard.length).toBe(4)
  expect(heard).toEqual([
    ['early', 'a'],
    ['second', 'a'],
    ['early', 'b'],
    ['late', 'c'],
  ])
  await listener.close()
})

test('after a lost connection callbacks are told that they may have missed something', async () => {
  await using t = await testDb({ isEmpty: true })
  const listener = new Listener({ options: { connectionString: t.url } })
  const heard: (string | null)[] = []
  await listener.start()
  listener.on('one', (payload) => heard.push(payload))
  await expect.poll(() => heard).toEqual([null])
  await t.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'juanie listener' and datname = current_database()`,
  )
  await expect.poll(() => heard, { timeout: 5_000 }).toEqual([null, null])
  await t.pool.query(`select pg_notify('one', 'again')`)
  await expect.poll(() => heard).toEqual([null, null, 'again'])
  await listener.close()
})

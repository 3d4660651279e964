import pg from 'pg'
import { expect, test } from 'vitest'
import { PreparedClient } from './prepared-client.ts'
import { testDb } from './testing/index.ts'

const kept = async (client: pg.Client): Promise<string[]> =>
  (await client.query('select statement from pg_prepared_statements order by name')).rows.map((row) => row.statement)

test('a statement with values is parsed once from its second use on, and answers as before', async () => {
  await using t = await testDb({ isEmpty: true })
  const client = new PreparedClient({ connectionString: t.url })
  await client.connect()
  try {
    const twice = async (value: number) => (await client.query('select $1::int * 2 as twice', [value])).rows[0].twice
    expect(await twice(1)).toBe(2)
    expect(await kept(client)).toEqual([])
    expect([await twice(2), await twice(3)]).toEqual([4, 6])
    expect(await kept(client)).toEqual(['select $1::int * 2 as twice'])

    const arrays = { text: 'select $1::text as a, $2::text as b', rowMode: 'array' as const }
    for (let i = 0; i < 3; i++) {
      expect((await client.query({ ...arrays, values: ['x', String(i)] })).rows).toEqual([['x', String(i)]])
    }
    expect(await kept(client)).toHaveLength(2)
  } finally {
    await client.end()
  }
})

test('a statement without values, one with a name of its own, and callbacks go through as they are', async () => {
  await using t = await testDb({ isEmpty: true })
  await using pool = Object.assign(new pg.Pool({ connectionString: t.url, Client: PreparedClient, max: 1 }), {
    [Symbol.asyncDispose]: () => pool.end(),
  })
  for (let i = 0; i < 3; i++) await pool.query('select 1; select 2')
  for (let i = 0; i < 3; i++) await pool.query({ name: 'mine', text: 'select $1::text as c', values: ['x'] })
  const { rows } = await pool.query('select name from pg_prepared_statements')
  expect(rows).toEqual([{ name: 'mine' }])
  const answer = await new Promise((resolve, reject) =>
    pool.query('select $1::text as d', ['y'], (error, result) => (error ? reject(error) : resolve(result.rows))),
  )
  expect(answer).toEqual([{ d: 'y' }])
})

test('a statement that fails does so each time, and the connection goes on', async () => {
  await using t = await testDb({ isEmpty: true })
  const client = new PreparedClient({ connectionString: t.url })
  await client.connect()
  try {
    for (let i = 0; i < 3; i++)
      await expect(client.query('select 1 / $1::int', [0])).rejects.toThrow('division by zero')
    for (let i = 0; i < 3; i++) await expect(client.query('select nothing($1)', [0])).rejects.toThrow('nothing')
    expect((await client.query('select 1 / $1::int as one', [1])).rows).toEqual([{ one: 1 }])
  } finally {
    await client.end()
  }
})

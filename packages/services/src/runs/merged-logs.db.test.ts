import { one } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { type TestDb, testDb } from '@juanie/core/testing/index'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { organizations } from '../organizations/tables.ts'
import { projects } from '../projects/tables.ts'
import { LogReads } from './log-reads.ts'
import { MergedLogs, type Position, type StreamEnd } from './merged-logs.ts'
import { logChunks } from './tables.ts'

/** Stores lines in chunks of the sizes given, over and over. */
async function store(t: TestDb, lines: [number, string][], sizes: number[]): Promise<StreamEnd> {
  const id = uuidv7()
  const organization = await one(
    t.db
      .insert(organizations)
      .values({ slug: `o-${id}`, name: 'o' })
      .returning({ id: organizations.id }),
  )
  const project = await one(
    t.db
      .insert(projects)
      .values({ organizationId: organization.id, slug: 'p', name: 'p' })
      .returning({ id: projects.id }),
  )
  const rows: (typeof logChunks.$inferInsert)[] = []
  for (let from = 0, turn = 0; from < lines.length; turn++) {
    const some = lines.slice(from, from + sizes[turn % sizes.length]!)
    rows.push({
      streamId: id,
      projectId: project.id,
      firstSeq: from + 1,
      lastSeq: from + some.length,
      lines: some.map((line) => JSON.stringify(line)).join('\n'),
    })
    from += some.length
  }
  if (rows.length > 0) await t.db.insert(logChunks).values(rows)
  return { id, lines: lines.length }
}

async function openStreams(t: TestDb) {
  const web = Array.from({ length: 900 }, (_, index): [number, string] => [index * 10, `web ${index + 1}`])
  const worker = Array.from({ length: 250 }, (_, index): [number, string] => [3_000 + index * 7, `worker ${index + 1}`])
  const late: [number, string][] = [[1_000_000, 'late NEEDLE']]
  const streams = [
    await store(t, web, [1, 7, 100]),
    await store(t, worker, [60]),
    await store(t, late, [1]),
    await store(t, [], [1]),
  ]
  const inOrder = [...web, ...worker, ...late]
    .map(([at, text], index) => ({ at, text, index }))
    .sort((a, b) => a.at - b.at || a.index - b.index)
    .map(({ text }) => text)
  return { streams, inOrder, merged: new MergedLogs({ reads: new LogReads({ db: t.db }) }) }
}

const endOf = (streams: StreamEnd[]): Position => new Map(streams.map(({ id, lines }) => [id, lines]))
const sumOf = (position: Position): number => [...position.values()].reduce((sum, count) => sum + count, 0)

test.each([1, 13, 500, 5_000])(
  'pages of %i lines from either end tell each line once and in its order',
  async (limit) => {
    await using t = await testDb()
    const { streams, inOrder, merged } = await openStreams(t)
    const back: string[] = []
    // One line at a time would be a thousand queries: enough of them show it.
    const most = limit === 1 ? 60 : 10_000
    for (let before: Position = endOf(streams), isEnd = false; !isEnd && back.length < most; ) {
      const page = await merged.page(streams, { before, limit })
      back.unshift(...page.lines.map(([, , , text]) => text))
      expect(page.lines.length).toBeLessThanOrEqual(limit)
      expect(sumOf(page.position) + back.length).toBe(inOrder.length)
      before = page.position
      isEnd = page.isEnd
    }
    expect(back).toEqual(inOrder.slice(-back.length))
    const forth: string[] = []
    for (let after: Position = new Map(), isEnd = false; !isEnd && forth.length < most; ) {
      const page = await merged.page(streams, { after, limit })
      forth.push(...page.lines.map(([, , , text]) => text))
      expect(sumOf(page.position)).toBe(forth.length)
      after = page.position
      isEnd = page.isEnd
    }
    expect(forth).toEqual(inOrder.slice(0, forth.length))
    if (limit > 1) expect([back.length, forth.length]).toEqual([inOrder.length, inOrder.length])
  },
)

test('a stream of huge lines ends a page early, and nothing is told before its time', async () => {
  await using t = await testDb()
  const huge = 'x'.repeat(200_000)
  const streams = [
    await store(
      t,
      Array.from({ length: 40 }, (_, index): [number, string] => [index * 100, `${index} ${huge}`]),
      [1],
    ),
    await store(
      t,
      Array.from({ length: 400 }, (_, index): [number, string] => [index * 10, `small ${index}`]),
      [50],
    ),
  ]
  const merged = new MergedLogs({ reads: new LogReads({ db: t.db }) })
  const times: number[] = []
  let calls = 0
  for (let after: Position = new Map(), isEnd = false; !isEnd; calls++) {
    const page = await merged.page(streams, { after, limit: 1_000, cut: 5 })
    times.push(...page.lines.map(([, , at]) => at))
    after = page.position
    isEnd = page.isEnd
  }
  expect(times).toHaveLength(440)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(calls).toBeGreaterThan(2)
})

test('a search over several streams counts the lines before each match, from either end', async () => {
  await using t = await testDb()
  const { streams, inOrder, merged } = await openStreams(t)
  for (const text of ['needle', 'WORKER 2', 'web 1', 'nothing of it', 'web 900']) {
    const wanted = inOrder.flatMap((line, index) => (line.toLowerCase().includes(text.toLowerCase()) ? [index] : []))
    const forth = await merged.search(streams, { text, after: new Map() })
    expect(forth).toMatchObject({ matches: wanted, isDone: true })
    const back = await merged.search(streams, { text, before: endOf(streams) })
    expect(back).toMatchObject({ matches: wanted, isDone: true })
    // From a place that was passed the match is read.
    const match = wanted.at(-1)
    const place = forth.places.findLast(({ before }) => match !== undefined && before <= match)
    if (match === undefined || !place) continue
    const page = await merged.page(streams, { after: place.position, limit: match - place.before + 1 })
    expect(page.lines.at(-1)![3].toLowerCase()).toContain(text.toLowerCase())
  }
})

test('of one stream the places are its numbers', async () => {
  await using t = await testDb()
  const lines = Array.from({ length: 3_000 }, (_, index): [number, string] => [index, `line ${index + 1}`])
  const stream = await store(t, lines, [1_000])
  const merged = new MergedLogs({ reads: new LogReads({ db: t.db }) })
  const found = await merged.search([stream], { text: 'line 29', after: new Map([[stream.id, 2_950]]) })
  expect(found.matches).toEqual(Array.from({ length: 49 }, (_, index) => 2_950 + index))
  const back = await merged.search([stream], { text: 'line 3', before: new Map([[stream.id, 39]]) })
  expect(back).toMatchObject({ matches: [2, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38], isDone: true })
})

test('a page in the middle of a long log reads only the chunks that it shows', async () => {
  await using t = await testDb()
  const lines = Array.from({ length: 50_000 }, (_, index): [number, string] => [index, `line ${index + 1}`])
  const stream = await store(t, lines, [10])
  await t.db.execute(sql`analyze log_chunks`)
  const reads = new LogReads({ db: t.db })
  const seen = async () => {
    await t.db.execute(sql`select pg_stat_force_next_flush()`)
    const rows = await t.db.execute<{ scans: number; rows: number; all: number }>(
      sql`select idx_scan::int as scans, idx_tup_fetch::int as rows, seq_tup_read::int as all
            from pg_stat_user_tables where relname = 'log_chunks'`,
      'objects',
    )
    return rows[0]!
  }
  const before = await seen()
  const page = await reads.lines(stream.id, { after: 30_000, limit: 300 })
  expect(page[0]).toEqual([30_001, 30_000, 'line 30001'])
  expect(page).toHaveLength(300)
  const after = await seen()
  expect(after.all - before.all).toBe(0)
  // 30 chunks hold them.
  expect(after.rows - before.rows).toBeLessThan(40)
})

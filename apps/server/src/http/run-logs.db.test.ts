import { request } from 'node:http'
import { expect, test } from 'vitest'
import { person } from '../testing/people.ts'
import { must, openShop, type Shop } from '../testing/shop.ts'
import { type LeaseFrame, WireAgent } from '../testing/wire-agent.ts'

const file = (count: number) =>
  `on: push\njobs:\n${Array.from({ length: count }, (_, index) => `  j${index}:\n    runs-on: linux\n    steps:\n      - run: seq 200000\n`).join('')}`

async function push(shop: Shop, jobs = 1): Promise<void> {
  await shop.clone.commit({ '.juanie/workflows/ci.yml': file(jobs) })
  await must(shop.clone.git('push', '-q', 'origin', 'main'))
}

const logUrl = (shop: Shop, jobId: string, what = 'log') =>
  `${shop.t.url}/api/projects/${shop.projectId}/runs/1/jobs/${jobId}/steps/0/${what}`

interface Seen {
  lines: string[]
  ids: number[]
  end: { lines: number; status: string } | null
}

/** Reads a log as a viewer does, until its end or until `stop` says so. */
async function watch(
  shop: Shop,
  url: string,
  options: { lastEventId?: number; stop?: (seen: Seen) => boolean; onLine?: (line: string) => void } = {},
): Promise<Seen> {
  const abort = new AbortController()
  const answer = await fetch(url, {
    signal: abort.signal,
    headers: {
      authorization: `Bearer ${shop.owner.token}`,
      ...(options.lastEventId !== undefined && { 'last-event-id': String(options.lastEventId) }),
    },
  })
  if (answer.status !== 200) throw new Error(`the log answered ${answer.status}: ${await answer.text()}`)
  const seen: Seen = { lines: [], ids: [], end: null }
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of answer.body!) {
      rest += decoder.decode(chunk, { stream: true })
      const frames = rest.split('\n\n')
      rest = frames.pop()!
      for (const frame of frames) take(frame, seen, options.onLine)
      if (seen.end || options.stop?.(seen)) break
    }
  } finally {
    abort.abort()
  }
  return seen
}

function take(frame: string, seen: Seen, onLine?: (line: string) => void): void {
  const rows = frame.split('\n')
  const values = (name: string) =>
    rows.flatMap((row) => (row.startsWith(`${name}: `) ? [row.slice(name.length + 2)] : []))
  const [event] = values('event')
  if (event === 'lines') {
    for (const value of values('data')) {
      const text = JSON.parse(value)[1] as string
      seen.lines.push(text)
      onLine?.(text)
    }
    seen.ids.push(Number(values('id')[0]))
  } else if (event === 'end') seen.end = JSON.parse(values('data')[0]!)
}

const endStep = (agent: WireAgent, lease: LeaseFrame, lines: number) => {
  const at = new Date().toISOString()
  return agent.report(lease, [
    { kind: 'job.started', at },
    { kind: 'step.started', step: 0, at, name: 'seq' },
    { kind: 'step.ended', step: 0, at, outcome: 'success', conclusion: 'success', exitCode: 0, reason: null, lines },
  ])
}

test('a viewer gets lines as they come, every kind of text as it was, and the end after the last one', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  const url = logUrl(shop, lease.job.jobId)
  const watching = watch(shop, url)
  const odd = [
    'plain',
    '',
    'nul \0 and \r and \u2028',
    'line\ttab "quotes" \\ 中文 😀',
    '\ud800 alone',
    'data: x',
    'id: 9',
  ]
  await agent.logs(lease, [{ step: 0, firstSeq: 1, lines: odd.slice(0, 3) }])
  await agent.logs(lease, [{ step: 0, firstSeq: 4, lines: odd.slice(3) }])
  await endStep(agent, lease, odd.length)
  const seen = await watching
  expect(seen.lines).toEqual(odd)
  expect(seen.end).toEqual({ lines: odd.length, status: 'succeeded' })
})

test('a viewer resumes exactly after the line it saw last', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  const url = logUrl(shop, lease.job.jobId)
  const numbered = Array.from({ length: 3_500 }, (_, index) => `line ${index + 1}`)
  await agent.logs(lease, [{ step: 0, firstSeq: 1, lines: numbered }])
  await endStep(agent, lease, numbered.length)
  const whole = await watch(shop, url)
  expect(whole.lines).toEqual(numbered)
  for (const after of [0, 1, 999, 1000, 1001, 2_500, 3_499, 3_500]) {
    const resumed = await watch(shop, url, { lastEventId: after })
    expect(resumed.lines).toEqual(numbered.slice(after))
  }
  const tail = await watch(shop, `${url}?tail=2`)
  expect(tail.lines).toEqual(numbered.slice(-2))
  const headers = { authorization: `Bearer ${shop.owner.token}` }
  const text = await fetch(logUrl(shop, lease.job.jobId, 'log.txt'), { headers })
  expect(await text.text()).toBe(`${numbered.join('\n')}\n`)
  const page = await (await fetch(`${logUrl(shop, lease.job.jobId, 'lines')}?after=998&limit=3`, { headers })).json()
  expect(page).toMatchObject({
    lines: [
      [999, expect.any(Number), 'line 999'],
      [1000, expect.any(Number), 'line 1000'],
      [1001, expect.any(Number), 'line 1001'],
    ],
    total: 3_500,
    isOver: true,
  })
})

test('four jobs that print 200,000 lines at once: each line is stored and delivered once, in order', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t, { slots: 4 })
  await push(shop, 4)
  const total = 200_000
  const size = 10_000
  const jobs = await Promise.all([0, 1, 2, 3].map((index) => agent.lease(`j${index}`)))
  using _kept = agent.keep(jobs)
  let speaking = Promise.resolve()
  await Promise.all(
    jobs.map(async (lease) => {
      let expected = 0
      let wrong = 0
      const watching = watch(shop, logUrl(shop, lease.job.jobId), {
        stop: (seen) => {
          for (const line of seen.lines) if (line !== `number ${++expected} of this job`) wrong++
          seen.lines.length = 0
          return false
        },
      })
      for (let from = 0; from < total; from += size) {
        const lines = Array.from({ length: size }, (_, index) => `number ${from + index + 1} of this job`)
        const batch = { step: 0, firstSeq: from + 1, lines }
        const sent = agent.logs(lease, [batch])
        // Every third batch is sent twice at the same time, as after a reconnect.
        if ((from / size) % 3 === 0) await agent.logs(lease, [batch])
        expect(await sent).toEqual([from + size])
      }
      // One agent says one thing after the other.
      speaking = speaking.then(async () => {
        expect((await endStep(agent, lease, total)).lost).toEqual([])
      })
      await speaking
      const { end, ids } = await watching
      expect({ expected, wrong, end }).toEqual({
        expected: total,
        wrong: 0,
        end: { lines: total, status: 'succeeded' },
      })
      expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    }),
  )
}, 60_000)

test('a viewer that does not read costs no memory and misses nothing when it reads again', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  using _kept = agent.keep([lease])
  const long = 'x'.repeat(2_000)
  const reading = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const asked = request(
      logUrl(shop, lease.job.jobId),
      { headers: { authorization: `Bearer ${shop.owner.token}` } },
      resolve,
    )
    asked.once('error', reject)
    asked.end()
  })
  reading.pause()
  const lines = 40_000
  for (let from = 0; from < lines; from += 1_000) {
    const batch = Array.from({ length: 1_000 }, (_, index) => `${from + index + 1} ${long}`)
    await agent.logs(lease, [{ step: 0, firstSeq: from + 1, lines: batch }])
  }
  // 80 MB were printed; what waits for this viewer is a few chunks.
  const sockets = await new Promise<number>((resolve) => setTimeout(() => resolve(process.memoryUsage().external), 200))
  expect(sockets).toBeLessThan(80 * 1024 * 1024)
  await endStep(agent, lease, lines)
  let text = ''
  let seen = 0
  for await (const chunk of reading) {
    text += chunk
    const parts = text.split('\ndata: [')
    text = parts.pop()!
    seen += parts.length
    if (text.includes('event: end')) break
  }
  reading.destroy()
  expect(seen).toBe(lines)
}, 60_000)

test('a log is shown to those who may see the run, and to nobody else', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  expect((await fetch(logUrl(shop, lease.job.jobId))).status).toBe(401)
  const headers = { authorization: `Bearer ${shop.owner.token}` }
  expect((await fetch(logUrl(shop, crypto.randomUUID()), { headers })).status).toBe(404)
  const wrong = await fetch(logUrl(shop, lease.job.jobId), { headers: { ...headers, 'last-event-id': 'x' } })
  expect([wrong.status, (await wrong.json()).error.message]).toEqual([
    400,
    'Last-Event-ID: must be the number of a line.',
  ])
})

test('lines reach a viewer within milliseconds', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  const seenAt = new Map<string, number>()
  const watching = watch(shop, logUrl(shop, lease.job.jobId), { onLine: (line) => seenAt.set(line, performance.now()) })
  const delays: number[] = []
  for (let index = 1; index <= 40; index++) {
    await new Promise((resolve) => setTimeout(resolve, 30))
    const sent = performance.now()
    await agent.logs(lease, [{ step: 0, firstSeq: index, lines: [`${index}`] }])
    for (const end = Date.now() + 2_000; !seenAt.has(`${index}`) && Date.now() < end; ) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    delays.push(seenAt.get(`${index}`)! - sent)
  }
  await endStep(agent, lease, 40)
  await watching
  const median = delays.sort((a, b) => a - b)[20]!
  // Far above what it takes, far below what a lost notification would cost.
  expect(median).toBeLessThan(200)
})

const getJson = async (shop: Shop, url: string) => {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${shop.owner.token}` } })
  return { status: answer.status, body: await answer.json() }
}

interface FoundBody {
  matches: number[]
  reached: number
  isDone: boolean
}

/** Every match, as a viewer collects them, and how many calls that took. */
async function searchAll(shop: Shop, url: string, q: string): Promise<{ matches: number[]; calls: number }> {
  const matches: number[] = []
  for (let calls = 1, after = 0; ; calls++) {
    const { body } = await getJson(shop, `${url}?${new URLSearchParams({ q, after: String(after) })}`)
    const found = body as FoundBody
    matches.push(...found.matches)
    if (found.isDone) return { matches, calls }
    expect(found.reached).toBeGreaterThan(after)
    after = found.reached
  }
}

test('a search finds lines in every chunk, in both directions, from any line on', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  const lines = Array.from(
    { length: 4_200 },
    (_, index) => `line ${index + 1}${index % 1_000 === 999 ? ' Needle' : ''}`,
  )
  lines[1_000] = 'a \u001b[31mnee\u001b[0mdle in colours'
  lines[4_199] = '"needle" 针 \\ 100%_'
  await agent.logs(lease, [{ step: 0, firstSeq: 1, lines: lines.slice(0, 2_500) }])
  // Chunks of one line each, as from a step that prints slowly.
  for (let from = 2_501; from <= 2_560; from++) {
    await agent.logs(lease, [{ step: 0, firstSeq: from, lines: [lines[from - 1]!] }])
  }
  await agent.logs(lease, [{ step: 0, firstSeq: 2_561, lines: lines.slice(2_560) }])
  const url = logUrl(shop, lease.job.jobId, 'search')
  const ask = async (query: Record<string, string>) =>
    (await getJson(shop, `${url}?${new URLSearchParams(query)}`)).body as FoundBody

  const all = [1_000, 1_001, 2_000, 3_000, 4_000, 4_200]
  expect((await searchAll(shop, url, 'nEEdle')).matches).toEqual(all)
  expect((await searchAll(shop, url, 'line 25')).matches).toEqual([
    25,
    250,
    251,
    252,
    253,
    254,
    255,
    256,
    257,
    258,
    259,
    ...Array.from({ length: 100 }, (_, index) => 2_500 + index),
  ])
  for (const edge of [0, 999, 1_000, 1_001, 2_501, 3_999, 4_000, 4_200, 9_999]) {
    expect(await ask({ q: 'needle', after: String(edge) })).toMatchObject({
      matches: all.filter((line) => line > edge),
      isDone: true,
    })
    expect(await ask({ q: 'needle', before: String(edge) })).toMatchObject({
      matches: all.filter((line) => line < edge),
      isDone: true,
    })
  }
  for (const q of ['"NEEDLE"', '针', '\\', '100%_', ' 针 ']) {
    expect((await ask({ q })).matches).toEqual([4_200])
  }
  for (const q of ['[31m', '.*', "' or 1=1 --", '%', '\ud800']) {
    expect((await ask({ q })).matches).toEqual(q === '%' ? [4_200] : [])
  }
})

test('one search looks at a part of a long log only, and the next goes on there', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  using _kept = agent.keep([lease])
  const total = 30_000
  const long = 'x'.repeat(900)
  for (let from = 0; from < total; from += 2_000) {
    const lines = Array.from({ length: 2_000 }, (_, index) => `${from + index + 1} ${long}`)
    await agent.logs(lease, [{ step: 0, firstSeq: from + 1, lines }])
  }
  const url = logUrl(shop, lease.job.jobId, 'search')
  // 27 MB: a search of 8 MB and some.
  const { body } = await getJson(shop, `${url}?q=nothing`)
  expect(body).toMatchObject({ matches: [], isDone: false })
  expect(body.reached).toBeGreaterThan(5_000)
  expect(body.reached).toBeLessThan(12_000)
  const none = await searchAll(shop, url, 'nothing')
  expect(none.matches).toEqual([])
  expect(none.calls).toBeGreaterThan(2)
  // Where every line is a match, an answer holds about a thousand of them.
  const many = await getJson(shop, `${url}?q=x`)
  expect(many.body.matches.length).toBeGreaterThanOrEqual(1_000)
  expect(many.body.matches.length).toBeLessThan(4_000)
  expect(many.body.matches).toEqual(Array.from({ length: many.body.reached }, (_, index) => index + 1))
  const back = await getJson(shop, `${url}?q=x&before=${total + 1}`)
  expect(back.body.matches.at(-1)).toBe(total)
  expect(back.body.matches[0]).toBe(back.body.reached)
  const { matches } = await searchAll(shop, url, '0 x')
  expect(matches).toEqual(Array.from({ length: total / 10 }, (_, index) => (index + 1) * 10))
}, 60_000)

test('lines that stand out are listed by number, and long texts are cut where that is asked for', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  const lines = Array.from({ length: 2_600 }, (_, index) => `line ${index + 1}`)
  lines[0] = '##[group]Install'
  lines[999] = '##[endgroup]'
  lines[1_000] = '##[error]it broke'
  lines[2_599] = '##[warning]almost'
  lines[4] = 'y'.repeat(100_000)
  await agent.logs(lease, [{ step: 0, firstSeq: 1, lines: lines.slice(0, 1_500) }])
  await agent.logs(lease, [{ step: 0, firstSeq: 1_501, lines: lines.slice(1_500) }])
  const marks = logUrl(shop, lease.job.jobId, 'marks')
  const every = [
    [1, 'group'],
    [1_000, 'endgroup'],
    [1_001, 'error'],
    [2_600, 'warning'],
  ]
  for (const after of [0, 1, 999, 1_000, 1_001, 2_599, 2_600]) {
    expect((await getJson(shop, `${marks}?after=${after}`)).body).toEqual({
      marks: every.filter(([line]) => (line as number) > after),
      next: null,
    })
  }
  const page = logUrl(shop, lease.job.jobId, 'lines')
  const { body } = await getJson(shop, `${page}?after=3&limit=3&cut=10`)
  expect(body.lines).toEqual([
    [4, expect.any(Number), 'line 4'],
    [5, expect.any(Number), 'y'.repeat(10), 100_000],
    [6, expect.any(Number), 'line 6'],
  ])
  expect((await getJson(shop, `${page}?after=4&limit=1`)).body.lines[0][2]).toHaveLength(100_000)
  expect((await getJson(shop, `${page}?after=2598&limit=500`)).body.lines.map(([line]: [number]) => line)).toEqual([
    2_599, 2_600,
  ])
  expect((await getJson(shop, `${page}?after=2600&limit=500`)).body.lines).toEqual([])
})

test('a page of very long lines ends early and goes on, so that no answer is huge', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  using _kept = agent.keep([lease])
  const long = 'z'.repeat(120_000)
  for (let from = 0; from < 60; from += 20) {
    const lines = Array.from({ length: 20 }, (_, index) => `${from + index + 1} ${long}`)
    await agent.logs(lease, [{ step: 0, firstSeq: from + 1, lines }])
  }
  const seen: number[] = []
  let calls = 0
  while (seen.length < 60) {
    const url = `${logUrl(shop, lease.job.jobId, 'lines')}?after=${seen.at(-1) ?? 0}&limit=500&cut=100`
    const { body } = await getJson(shop, url)
    expect(body.lines.length).toBeGreaterThan(0)
    expect(body.lines.length).toBeLessThan(30)
    seen.push(...body.lines.map(([line]: [number]) => line))
    calls++
  }
  expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
  expect(calls).toBeGreaterThan(2)
})

test('searching and what stands out are refused like the log itself', async () => {
  await using shop = await openShop()
  await using agent = await WireAgent.local(shop.t)
  await push(shop)
  const lease = await agent.lease()
  const stranger = await person(shop.t, 'eve')
  for (const what of ['search?q=x', 'marks', 'lines']) {
    const url = logUrl(shop, lease.job.jobId, what)
    expect((await fetch(url)).status).toBe(401)
    expect((await fetch(url, { headers: { authorization: `Bearer ${stranger.token}` } })).status).toBe(404)
    expect((await getJson(shop, logUrl(shop, crypto.randomUUID(), what))).status).toBe(404)
  }
  for (const query of [
    '',
    'q=',
    `q=${'x'.repeat(201)}`,
    'q=x&after=-1',
    'q=x&before=x',
    'q=x&q=y',
    'q=x&after=99999999999',
  ]) {
    expect((await getJson(shop, `${logUrl(shop, lease.job.jobId, 'search')}?${query}`)).status).toBe(400)
  }
})

import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Hosts } from '@juanie/services/hosts'
import type { Desired, Observed } from '@juanie/services/hosts/contract'
import { expect, test } from 'vitest'
import { organization, person } from '../testing/people.ts'
import { openShop, type Shop } from '../testing/shop.ts'
import { WireAgent } from '../testing/wire-agent.ts'

const digestOf = (content: Buffer | string) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const description = { Procfile: 'web: node server.js\n' }
const listing = ['Procfile', 'server.js']

const bundleUrl = (s: Shop, digest: string, projectId = s.projectId) =>
  `${s.t.url}/api/projects/${projectId}/bundles/${digest}`

const upload = (
  s: Shop,
  content: Buffer | string,
  options: { digest?: string; token?: string; projectId?: string } = {},
) =>
  fetch(bundleUrl(s, options.digest ?? digestOf(content), options.projectId), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.token ?? s.owner.token}`,
      'content-type': 'application/octet-stream',
    },
    body: content as never,
  })

async function release(s: Shop, content: string): Promise<number> {
  expect((await upload(s, content)).status).toBe(201)
  const made = await s.mutate('releases.create', { bundle: digestOf(content), description, listing })
  expect(made.message).toBeNull()
  return made.data.number
}

async function localAgent(s: Shop): Promise<{ agent: WireAgent; token: string } & AsyncDisposable> {
  const { token } = await s.t.app.get(Hosts).ensureLocal(null)
  const agent = new WireAgent({ url: s.t.url, token })
  await agent.connect()
  return { agent, token, [Symbol.asyncDispose]: () => agent.disconnect() }
}

test('a person uploads a bundle once, and what is not what its digest says is refused', async () => {
  await using s = await openShop()
  const content = Buffer.alloc(300_000, 'bundle')
  const head = () =>
    fetch(bundleUrl(s, digestOf(content)), { method: 'HEAD', headers: { authorization: `Bearer ${s.owner.token}` } })
  expect((await head()).status).toBe(404)
  expect(await (await upload(s, content)).json()).toEqual({ digest: digestOf(content), bytes: 300_000 })
  expect((await head()).status).toBe(200)
  const wrong = await upload(s, content, { digest: digestOf('other') })
  expect(wrong.status).toBe(400)
  expect(await wrong.json()).toMatchObject({ error: { reason: 'blob.digest_mismatch' } })
  const nonsense = await upload(s, content, { digest: 'sha256:..%2F..%2Fetc' })
  expect(nonsense.status).toBe(400)
})

test('bundles are only for those who may release, and a foreign project looks like none', async () => {
  await using s = await openShop()
  const stranger = await person(s.t, 'eve')
  await organization(s.t, 'other', stranger)
  expect((await upload(s, 'x', { token: 'wrong' })).status).toBe(401)
  const foreign = await upload(s, 'x', { token: stranger.token })
  const missing = await upload(s, 'x', { projectId: randomUUID() })
  expect([foreign.status, missing.status]).toEqual([404, 404])
  expect((await foreign.json()).error.reason).toBe((await missing.json()).error.reason)
})

test('a bundle above the limit is refused in words', async () => {
  await using s = await openShop({ JUANIE_BUNDLE_MAX_BYTES: '1048576' })
  const answer = await upload(s, Buffer.alloc(1_500_000, 'x'))
  expect(answer.status).toBe(400)
  expect((await answer.json()).error.message).toMatch(/larger than 1 MiB.*JUANIE_BUNDLE_MAX_BYTES/)
})

test('a bundle that was damaged on the disk never reaches an agent whole', async () => {
  await using s = await openShop()
  const content = 'x'.repeat(2_000_000)
  const number = await release(s, content)
  await using local = await localAgent(s)
  const { agent } = local
  await s.mutate('deployments.start', { environment: 'dev', release: number })
  const hex = digestOf(content).slice(7)
  const file = join(s.t.home.path, 'blobs', hex.slice(0, 2), hex)
  const damaged = readFileSync(file)
  damaged[1_000_000] = 0
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, damaged)
  await agent.frame('desired', ({ desired }) => desired.instances.length > 0)
  const { token } = local
  const reading = fetch(`${s.t.url}/api/agent/blobs/${digestOf(content)}`, {
    headers: { authorization: `Bearer ${token}` },
  }).then((answer) => answer.arrayBuffer())
  await expect(reading).rejects.toThrow()
})

/** What an agent would say of its host once everything that is wanted is so. */
function truth(desired: Desired, seq: number, change: { incarnation: string; soak?: 'running' | 'passed' }): Observed {
  const at = new Date().toISOString()
  return {
    incarnation: change.incarnation,
    seq,
    revision: desired.revision,
    instances: desired.instances.map(({ id, want, health }) => ({
      id,
      state: want === 'running' ? 'healthy' : 'stopped',
      reason: null,
      port: 41_000,
      pid: 4711,
      startedAt: at,
      restarts: 0,
      exit: null,
      probes: Array.from({ length: health.healthy }, (_, index) => ({
        seq: index + 1,
        at,
        good: true,
        status: 200,
        latencyMs: 1,
        body: 'ok\0',
      })),
      notHonoured: [],
    })),
    tasks: [],
    routes: desired.routes.map(({ hostname, generation, serving, soak }) => ({
      hostname,
      generation,
      serving: serving?.deploymentId ?? null,
      since: at,
      drained: true,
      soak:
        soak && serving
          ? { deploymentId: serving.deploymentId, state: change.soak ?? 'passed', elapsedMs: 10, reason: null }
          : null,
    })),
    edge: { state: 'serving', host: '127.0.0.1', port: 18_080, problem: null },
  }
}

test('a folder becomes a release, the agent is told at once, and what it observes ends the deployment', async () => {
  await using s = await openShop({ EDGE_PORT: '18080' })
  const number = await release(s, 'v1')
  await using local = await localAgent(s)
  const { agent } = local
  const { token } = local
  const incarnation = randomUUID()
  const started = await s.mutate('deployments.start', { environment: 'dev', release: number })
  expect(started.data).toMatchObject({ number: 1, status: 'queued', release: { number: 1, commit: null } })
  const { desired } = await agent.frame('desired', (frame) => frame.desired.instances.length === 1)
  expect(desired.instances[0]).toMatchObject({
    bundle: digestOf('v1'),
    command: { kind: 'shell', line: 'node server.js' },
    hostname: 'shop-dev.localhost',
    want: 'running',
    health: { probe: { kind: 'default' }, healthy: 3 },
  })
  const bundle = await fetch(`${s.t.url}/api/agent/blobs/${digestOf('v1')}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(await bundle.text()).toBe('v1')
  const answer = await agent.post('observed', truth(desired, 1, { incarnation }))
  expect(await answer.json()).toEqual({ probes: { [desired.instances[0]!.id]: 3 } })
  const switched = await agent.frame('desired', (frame) => frame.desired.routes.some(({ soak }) => soak !== null))
  expect(switched.desired.routes).toMatchObject(
    [
      { hostname: 'shop-dev.localhost', serving: { deploymentId: started.data.id }, soak: { standby: null } },
      { serving: null },
      { serving: null },
    ].filter((_, index) => index < switched.desired.routes.length),
  )
  await agent.post('observed', truth(switched.desired, 2, { incarnation }))
  await agent.frame('desired', (frame) => frame.desired.revision > switched.desired.revision)
  const view = await s.query('deployments.view', { deployment: 1 })
  expect(view.data).toMatchObject({
    status: 'succeeded',
    url: 'http://shop-dev.localhost:18080',
    evidence: [{ good: true, body: 'ok\uFFFD' }, { good: true }, { good: true }],
    instances: [{ state: 'healthy', port: 41_000 }],
  })
  const environments = await s.query('deployments.environments')
  expect(environments.data[0]).toMatchObject({
    name: 'dev',
    health: 'healthy',
    release: { number: 1, digest: digestOf('v1') },
    deployment: { number: 1, status: 'succeeded' },
    last: { number: 1, status: 'succeeded', reason: null },
  })
})

test('an agent is who its token says, and a word that cannot be read is refused with its field', async () => {
  await using s = await openShop()
  await using local = await localAgent(s)
  const { agent } = local
  const nobody = await fetch(`${s.t.url}/api/agent/observed`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  expect(nobody.status).toBe(401)
  const bad = await agent.post('observed', { incarnation: 'x' })
  expect(bad.status).toBe(400)
  expect((await bad.json()).error.message).toMatch(/^incarnation: /)
  const { token } = local
  const none = await fetch(`${s.t.url}/api/agent/blobs/${digestOf('v1')}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(none.status).toBe(404)
  const put = await fetch(`${s.t.url}/api/agent/blobs/${digestOf('v1')}?job=${randomUUID()}`, {
    method: 'PUT',
    body: 'v1',
    headers: { authorization: `Bearer ${token}` },
  })
  expect(put.status).toBe(409)
})

interface Line {
  instanceId: string
  firstSeq: number
  lines: [number, string][]
}

async function readLogs(s: Shop, query: string, lastEventId?: string): Promise<{ lines: Line[]; lastId: string }> {
  const answer = await fetch(`${s.t.url}/api/projects/${s.projectId}/environments/dev/logs${query}`, {
    headers: { authorization: `Bearer ${s.owner.token}`, ...(lastEventId && { 'last-event-id': lastEventId }) },
  })
  expect(answer.status).toBe(200)
  const text = await answer.text()
  const frames = text.split('\n\n').filter((frame) => frame.includes('data: {"instanceId"'))
  return {
    lines: frames.map((frame) => JSON.parse(frame.slice(frame.indexOf('data: ') + 6)) as Line),
    lastId: /^id: (.+)$/m.exec(frames.at(-1) ?? '')?.[1] ?? '',
  }
}

test('lines of an environment are read by its people, and go on where they were', async () => {
  await using s = await openShop()
  const number = await release(s, 'v1')
  await using local = await localAgent(s)
  const { agent } = local
  await s.mutate('deployments.start', { environment: 'dev', release: number })
  const { desired } = await agent.frame('desired', (frame) => frame.desired.instances.length === 1)
  const [instance] = desired.instances
  const say = (firstSeq: number, lines: string[]) =>
    agent.post('logs', {
      batches: [
        {
          stream: { kind: 'instance', instanceId: instance!.id },
          firstSeq,
          lines: lines.map((line) => [1_700_000_000_000, line]),
        },
      ],
    })
  expect(await (await say(1, ['one', 'two', 'three'])).json()).toEqual({ acknowledged: [3] })
  const first = await readLogs(s, '')
  expect(first.lines.flatMap(({ lines }) => lines.map(([, text]) => text))).toEqual(['one', 'two', 'three'])
  expect((await readLogs(s, '?tail=1')).lines.flatMap(({ lines }) => lines.map(([, text]) => text))).toEqual(['three'])
  await say(4, ['four'])
  const next = await readLogs(s, '', first.lastId)
  expect(next.lines).toMatchObject([{ instanceId: instance!.id, firstSeq: 4, lines: [[1_700_000_000_000, 'four']] }])
  const merged = async (path: string) => {
    const answer = await fetch(`${s.t.url}/api/projects/${s.projectId}/environments/dev/logs${path}`, {
      headers: { authorization: `Bearer ${s.owner.token}` },
    })
    return { status: answer.status, text: await answer.text() }
  }
  const last = JSON.parse((await merged('/lines?limit=3&cut=4')).text)
  expect(last).toMatchObject({
    sources: [{ instanceId: instance!.id, service: 'web', index: 0, deployment: 1 }],
    lines: [
      [0, 2, 1_700_000_000_000, 'two'],
      [0, 3, 1_700_000_000_000, 'thre', 5],
      [0, 4, 1_700_000_000_000, 'four'],
    ],
    position: `${instance!.id}:1`,
    end: `${instance!.id}:4`,
    isEnd: false,
  })
  expect(JSON.parse((await merged(`/lines?before=${last.position}`)).text)).toMatchObject({
    lines: [[0, 1, 1_700_000_000_000, 'one']],
    isEnd: true,
  })
  expect(JSON.parse((await merged('/search?q=O')).text)).toMatchObject({ matches: [0, 1, 3], isDone: true })
  expect((await merged('.txt')).text.split('\n')[1]).toBe('2023-11-14T22:13:20.000Z web.0 two')
  for (const path of ['/search', '/search?q=x&before=nonsense', '/lines?before=x', '/lines?limit=0']) {
    expect((await merged(path)).status).toBe(400)
  }
  const stranger = await person(s.t, 'eve')
  for (const path of ['logs', 'logs/lines', 'logs/search?q=x', 'logs.txt']) {
    const foreign = await fetch(`${s.t.url}/api/projects/${s.projectId}/environments/dev/${path}`, {
      headers: { authorization: `Bearer ${stranger.token}` },
    })
    expect(foreign.status).toBe(404)
  }
  const bad = await fetch(`${s.t.url}/api/projects/${s.projectId}/environments/dev/logs`, {
    headers: { authorization: `Bearer ${s.owner.token}`, 'last-event-id': 'nonsense' },
  })
  expect(bad.status).toBe(400)
})

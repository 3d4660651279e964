import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { IdTokens } from '@juanie/services/identity'
import { Reports } from '@juanie/services/reports'
import { JobPasses } from '@juanie/services/runs'
import { Secrets } from '@juanie/services/secrets'
import { StoredFiles } from '@juanie/services/storage'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { must, openShop, type Shop } from '../testing/shop.ts'
import { type LeaseFrame, WireAgent } from '../testing/wire-agent.ts'

/** The real clients, as actions have them. They read the environment of their process at each call. */
const { DefaultArtifactClient } = await import('@actions/artifact')
const cache = await import('@actions/cache')
const core = await import('@actions/core')

const workflow = `on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: make \${{ secrets.TOKEN }}
`

const before = { ...process.env }
let shop: Shop
let agent: WireAgent
let keeping: Disposable[]

beforeEach(async () => {
  // The clients speak to a runner.
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  shop = await openShop({ JUANIE_CACHE_MAX_BYTES: String(4 * 1024 * 1024) })
  agent = await WireAgent.local(shop.t, { slots: 16 })
  keeping = []
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const each of keeping) each[Symbol.dispose]()
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  await agent[Symbol.asyncDispose]()
  await shop[Symbol.asyncDispose]()
})

/** A job of this branch that runs until the test is over; `as` makes its clients those of this process. */
async function job(branch = 'main'): Promise<LeaseFrame> {
  const known = new Set(agent.frames)
  const commit = await shop.clone.commit({
    '.juanie/workflows/ci.yml': workflow,
    'n.txt': randomBytes(8).toString('hex'),
  })
  await must(shop.clone.git('push', '-q', 'origin', `${commit}:refs/heads/${branch}`))
  const lease = await agent.frame('lease', (frame) => !known.has(frame))
  keeping.push(agent.keep([lease]))
  return lease
}

function as(lease: LeaseFrame, options: { server?: string } = {}): string {
  const workspace = join(shop.folder, `workspace-${lease.job.jobId}`)
  mkdirSync(join(workspace, 'temp'), { recursive: true })
  Object.assign(process.env, {
    ACTIONS_RUNTIME_TOKEN: lease.job.services!.runtimeToken,
    ACTIONS_RESULTS_URL: `${shop.t.url}/`,
    ACTIONS_CACHE_URL: `${shop.t.url}/`,
    ACTIONS_CACHE_SERVICE_V2: 'True',
    GITHUB_SERVER_URL: options.server ?? 'http://juanie.localhost:1/git',
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: join(workspace, 'temp'),
  })
  return workspace
}

function fill(folder: string, files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

const pieces = () =>
  readdirSync(join(shop.t.home.path, 'pieces'), { recursive: true }).filter((name) =>
    /[0-9a-f]{64}$/.test(String(name)),
  )

test('the client of artifacts uploads, lists, downloads and deletes', async () => {
  const first = await job()
  const folder = as(first)
  // More than one block, and nothing that packing makes smaller.
  const big = randomBytes(20 * 1024 * 1024)
  fill(folder, { 'out/big.bin': big, 'out/deep/a b.txt': 'hello' })
  const client = new DefaultArtifactClient()
  const made = await client.uploadArtifact(
    'all of it',
    [join(folder, 'out/big.bin'), join(folder, 'out/deep/a b.txt')],
    join(folder, 'out'),
    { compressionLevel: 0, retentionDays: 5 },
  )
  expect(made.size).toBeGreaterThan(big.length)
  const { artifact } = await client.getArtifact('all of it')
  expect(artifact).toMatchObject({ id: made.id, size: made.size, digest: `sha256:${made.digest}` })

  const { downloadPath, digestMismatch } = await client.downloadArtifact(made.id!, {
    path: join(folder, 'back'),
    expectedHash: `sha256:${made.digest}`,
  })
  expect(digestMismatch).toBe(false)
  expect(readFileSync(join(downloadPath!, 'big.bin')).equals(big)).toBe(true)
  expect(readFileSync(join(downloadPath!, 'deep/a b.txt'), 'utf8')).toBe('hello')

  await expect(client.uploadArtifact('all of it', [join(folder, 'out/deep/a b.txt')], folder)).rejects.toThrow(
    /already exists/,
  )
  const { artifacts } = await client.listArtifacts()
  expect(artifacts.map(({ name }) => name)).toEqual(['all of it'])

  const { rows } = await listed(first.job.runNumber)
  expect(rows).toMatchObject([{ name: 'all of it', bytes: made.size, job: 'test' }])
  expect(Date.parse(rows[0]!.expiresAt) - Date.now()).toBeLessThan(5.1 * 24 * 3_600_000)
  const got = await fetch(`${shop.t.url}/api/projects/${shop.projectId}/artifacts/${rows[0]!.id}`, {
    headers: { authorization: `Bearer ${shop.owner.token}` },
  })
  expect([got.status, (await got.arrayBuffer()).byteLength]).toEqual([200, made.size])

  await client.deleteArtifact('all of it')
  expect((await client.listArtifacts()).artifacts).toEqual([])
  expect(pieces().length).toBeGreaterThan(1)
  await shop.t.app.get(StoredFiles).clean({ olderThanMs: 0 })
  expect(pieces()).toEqual([])
}, 60_000)

test('the clients of caches save and restore, in both protocols', async () => {
  for (const server of ['http://juanie.localhost:1/git', 'https://juanie.example.com/git']) {
    const folder = as(await job(), { server })
    const paths = [join(folder, 'modules')]
    const content = randomBytes(1024 * 1024)
    fill(folder, { 'modules/a/index.js': content })
    const key = `npm-${new URL(server).protocol}-1`
    expect(await cache.restoreCache(paths, key, ['npm-'])).toBeUndefined()
    expect(await cache.saveCache(paths, key)).toBeGreaterThan(0)
    // It never changes: the second one is told so, and nothing fails.
    expect(await cache.saveCache(paths, key)).toBe(-1)
    rmSync(join(folder, 'modules'), { recursive: true })
    expect(await cache.restoreCache(paths, `${key}-next`, ['go-', 'npm-'], { lookupOnly: true })).toBe(key)
    expect(existsSync(join(folder, 'modules'))).toBe(false)
    expect(await cache.restoreCache(paths, key)).toBe(key)
    expect(readFileSync(join(folder, 'modules/a/index.js')).equals(content)).toBe(true)
  }
}, 60_000)

test('a branch reads its own caches and those of the default branch, and writes only its own', async () => {
  await job()
  const save = async (branch: string, key: string) => {
    const folder = as(await job(branch))
    fill(folder, { 'kept/of.txt': `${branch} ${key}` })
    process.chdir(folder)
    return cache.saveCache(['kept'], key)
  }
  const restore = async (branch: string, key: string, more: string[] = []) => {
    const folder = as(await job(branch))
    process.chdir(folder)
    const found = await cache.restoreCache(['kept'], key, more)
    return found && `${found}: ${readFileSync(join(folder, 'kept/of.txt'), 'utf8')}`
  }
  const home = process.cwd()
  try {
    expect(await save('main', 'a-1')).toBeGreaterThan(0)
    expect(await save('main', 'a-2')).toBeGreaterThan(0)
    expect(await save('fix', 'a-1')).toBeGreaterThan(0)
    // Its own before that of the default branch, the whole key before its beginning, the newest first.
    expect(await restore('fix', 'a-1')).toBe('a-1: fix a-1')
    expect(await restore('fix', 'a-2')).toBe('a-2: main a-2')
    expect(await restore('fix', 'a-9', ['a-'])).toBe('a-1: fix a-1')
    expect(await restore('main', 'a-9', ['a-'])).toBe('a-2: main a-2')
    expect(await restore('other', 'a-1')).toBe('a-1: main a-1')
    expect(await restore('main', 'b-1', ['b-'])).toBeUndefined()
  } finally {
    process.chdir(home)
  }
}, 60_000)

test('beyond the quota of its project, what was not used for the longest time goes', async () => {
  const folder = as(await job())
  const save = async (key: string) => {
    const path = join(folder, key)
    fill(folder, { [`${key}/content`]: randomBytes(1536 * 1024) })
    await cache.saveCache([path], key)
  }
  const has = (key: string) => cache.restoreCache([join(folder, key)], key, [], { lookupOnly: true })
  await save('one')
  await save('two')
  expect(await has('one')).toBe('one')
  await save('three')
  expect([await has('one'), await has('two'), await has('three')]).toEqual(['one', undefined, 'three'])
  expect((await shop.query('caches.use')).data).toMatchObject({ count: 2, maxBytes: 4 * 1024 * 1024, keepDays: 7 })
  expect((await shop.mutate('caches.remove', { key: 'th' })).data).toEqual({ removed: 1 })
  const { rows } = (await shop.query('caches.list')).data as { rows: { key: string; ref: string }[] }
  expect(rows).toMatchObject([{ key: 'one', ref: 'refs/heads/main' }])
}, 60_000)

test('an upload that never ended is nowhere to be seen and leaves nothing behind', async () => {
  const lease = await job()
  as(lease)
  const artifact = await begin(lease, 'ArtifactService/CreateArtifact', { name: 'half' })
  const entry = await begin(lease, 'CacheService/CreateCacheEntry', { key: 'half', version: 'v' })
  for (const url of [artifact, entry]) {
    const put = await fetch(`${url}&comp=block&blockid=AAAA`, { method: 'PUT', body: randomBytes(100_000) })
    expect(put.status).toBe(201)
  }
  expect(await twirp(lease, 'ArtifactService/ListArtifacts', {})).toMatchObject({ body: { artifacts: [] } })
  expect(await twirp(lease, 'CacheService/GetCacheEntryDownloadURL', { key: 'half', version: 'v' })).toMatchObject({
    body: { ok: false },
  })
  // Said to be whole before it is.
  expect(await twirp(lease, 'ArtifactService/FinalizeArtifact', { name: 'half', size: '1' })).toMatchObject({
    status: 409,
  })
  await agent.finish(lease)
  expect((await fetch(`${artifact}&comp=block&blockid=BBBB`, { method: 'PUT', body: 'x' })).status).toBe(404)
  expect(await twirp(lease, 'ArtifactService/ListArtifacts', {})).toMatchObject({ status: 401 })
  expect(pieces()).toHaveLength(2)
  await shop.t.app.get(StoredFiles).clean({ olderThanMs: 0 })
  expect(pieces()).toEqual([])
  const { rows } = await shop.t.db.pool.query('select 1 from run_artifacts union all select 1 from caches')
  expect(rows).toEqual([])
}, 60_000)

test('a link is good for one file and one use, and gives ranges of it', async () => {
  const lease = await job()
  const put = await begin(lease, 'ArtifactService/CreateArtifact', { name: 'text', mime_type: 'text/plain' })
  for (const [block, text] of Object.entries({ QQ: 'hello ', Qg: 'world' })) {
    await fetch(`${put}&comp=block&blockid=${block}`, { method: 'PUT', body: text })
  }
  const list = '<?xml version="1.0"?><BlockList><Latest>QQ</Latest><Latest>Qg</Latest></BlockList>'
  expect((await fetch(`${put}&comp=blocklist`, { method: 'PUT', body: list })).status).toBe(201)
  const finished = await twirp(lease, 'ArtifactService/FinalizeArtifact', { name: 'text', size: '11' })
  // Asked again, because the answer was lost.
  expect(await twirp(lease, 'ArtifactService/FinalizeArtifact', { name: 'text', size: '11' })).toEqual(finished)
  const { body } = await twirp(lease, 'ArtifactService/GetSignedArtifactURL', { name: 'text' })
  const url = body.signed_url as string
  const get = async (range: string) => {
    const answer = await fetch(url, { headers: { range } })
    return [answer.status, await answer.text(), answer.headers.get('content-range')]
  }
  expect(await (await fetch(url)).text()).toBe('hello world')
  expect(await get('bytes=4-7')).toEqual([206, 'o wo', 'bytes 4-7/11'])
  expect(await get('bytes=6-')).toEqual([206, 'world', 'bytes 6-10/11'])
  expect((await get('bytes=11-'))[0]).toBe(416)
  for (const wrong of [
    url.replace('use=read', 'use=write'),
    url.replace(/until=\d+/, `until=${Date.now() + 9e9}`),
    url.replace(
      /[0-9a-f-]{36}/,
      randomBytes(16)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    ),
    put.replace('use=write', 'use=read'),
    url.replace(/sig=[^&]*/, 'sig='),
  ]) {
    expect((await fetch(wrong)).status, wrong).toBe(403)
  }
  // Complete: nobody writes it any more.
  expect((await fetch(put, { method: 'PUT', body: 'other' })).status).toBe(404)
}, 60_000)

test('a name that is no file, or that holds a secret, is refused', async () => {
  const scope = {
    organizationId: shop.organizationId,
    projectId: shop.projectId,
    actor: { kind: 'system', id: null, name: 'juanie' },
  } as const
  await shop.t.app.get(Secrets).set(scope, { name: 'TOKEN', value: 'correct horse' })
  const lease = await job()
  for (const name of [
    '../up',
    'a/b',
    'a\\b',
    '',
    ' ',
    'x'.repeat(300),
    'line\nend',
    'of correct horse',
    '.',
    '..',
    ' ..',
    '.Git',
    '\u001b[2J',
  ]) {
    expect((await twirp(lease, 'ArtifactService/CreateArtifact', { name })).status, name).toBe(400)
  }
  for (const key of ['', 'a,b', 'x'.repeat(600), 'correct horse-1']) {
    expect((await twirp(lease, 'CacheService/CreateCacheEntry', { key, version: 'v' })).status, key).toBe(400)
  }
  const other = await job('other')
  const foreign = { name: 'a', workflow_run_backend_id: other.job.runId }
  expect(await twirp(lease, 'ArtifactService/CreateArtifact', foreign)).toMatchObject({ status: 403 })
}, 60_000)

test('tests and coverage are read from what a run uploads, and a test that passed elsewhere on the commit is flaky', async () => {
  const report = (failed: string[]) =>
    `<testsuite name="cart">${['adds', 'removes', 'empties']
      .map(
        (name) =>
          `<testcase name="${name}" time="0.1">${failed.includes(name) ? '<failure message="no"/>' : ''}</testcase>`,
      )
      .join('')}</testsuite>`
  const upload = async (lease: LeaseFrame, files: Record<string, string>) => {
    const folder = as(lease)
    fill(folder, files)
    const paths = Object.keys(files).map((name) => join(folder, name))
    await new DefaultArtifactClient().uploadArtifact('results', paths, folder)
  }
  const first = await job()
  await upload(first, {
    'junit.xml': report(['adds', 'removes']),
    'coverage/lcov.info': 'SF:a\nLF:10\nLH:9\nend_of_record\n',
    'evil.xml': '<!DOCTYPE a [<!ENTITY b "c">]><testsuite/>',
  })
  const known = new Set(agent.frames)
  await must(shop.clone.git('push', '-q', 'origin', `${first.job.repository.commit}:refs/heads/again`))
  const second = await agent.frame('lease', (frame) => !known.has(frame))
  keeping.push(agent.keep([second]))
  await upload(second, { 'junit.xml': report(['removes']) })
  await shop.t.app.get(Reports).readNew()
  const { data } = await shop.query('reports.view', { run: first.job.runNumber })
  expect(data).toMatchObject([
    {
      artifact: 'results',
      job: 'test',
      tests: { passed: 1, failed: 2, skipped: 0, durationMs: 300 },
      failures: [
        { name: 'adds', isFlaky: true, message: 'no' },
        { name: 'removes', isFlaky: false },
      ],
      coverage: { linesTotal: 10, linesCovered: 9 },
      problems: ['evil.xml cannot be read: it declares a document type.'],
    },
  ])
}, 60_000)

test('a job with the permission proves who it is, to whoever checks the published keys', async () => {
  const lease = await job()
  const permitted = { ...lease.job.instance.job, permissions: { 'id-token': 'write' } }
  await shop.t.db.pool.query(`update jobs set instance = jsonb_set(instance, '{job}', $1) where id = $2`, [
    JSON.stringify(permitted),
    lease.job.jobId,
  ])
  const { jobId, runId } = lease.job
  const minted = shop.t.app
    .get(JobPasses)
    .mint({ jobId, runId, fence: lease.fence, job: permitted as typeof lease.job.instance.job, timeoutMs: 60_000 })
  process.env.ACTIONS_ID_TOKEN_REQUEST_URL = `${shop.t.url}/api/job/id-token?api-version=2.0`
  process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = minted.identity!
  const token = await core.getIDToken('sts.example.com')

  const issuer = `${shop.t.url}/api/oidc`
  const found = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<string, string>
  expect(found.issuer).toBe(issuer)
  const keys = createRemoteJWKSet(new URL(found.jwks_uri!))
  const { payload } = await jwtVerify(token, keys, { issuer, audience: 'sts.example.com', algorithms: ['RS256'] })
  expect(payload).toMatchObject({
    sub: 'repo:acme/shop:ref:refs/heads/main',
    repository: 'acme/shop',
    repository_owner: 'acme',
    ref: 'refs/heads/main',
    sha: lease.job.repository.commit,
    event_name: 'push',
    run_id: String(lease.job.runNumber),
    workflow_ref: 'acme/shop/.juanie/workflows/ci.yml@refs/heads/main',
    actor: 'ada',
  })
  const { payload: own } = await jwtVerify(await core.getIDToken(), keys, { issuer })
  expect(own.aud).toBe(`${shop.t.url}/acme`)

  // A new key after its time; what the old one signed can still be checked.
  await shop.t.db.pool.query(`update signing_keys set created_at = now() - interval '30 days 1 hour'`)
  const { keys: published } = await new IdTokens({
    db: shop.t.app.kernel.db,
    masterKey: shop.t.app.kernel.masterKey,
    url: () => shop.t.url,
  }).keys()
  expect(published).toHaveLength(2)
  expect(JSON.stringify(published)).not.toContain('"d"')
  const { rows } = await shop.t.db.pool.query('select sealed_key from signing_keys')
  for (const row of rows) expect(row.sealed_key).toMatch(/^v1\./)

  // The pass of another door, and a job without the permission.
  for (const pass of [lease.job.services!.runtimeToken, lease.job.services!.token]) {
    const refused = await fetch(`${shop.t.url}/api/job/id-token`, { headers: { authorization: `Bearer ${pass}` } })
    expect(refused.status).toBe(401)
  }
}, 60_000)

async function twirp(lease: LeaseFrame, method: string, input: object) {
  const answer = await fetch(`${shop.t.url}/twirp/github.actions.results.api.v1.${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${lease.job.services!.runtimeToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

async function begin(lease: LeaseFrame, method: string, input: object): Promise<string> {
  return (await twirp(lease, method, input)).body.signed_upload_url as string
}

interface Listed {
  rows: { id: string; name: string; bytes: number; job: string; expiresAt: string }[]
}
const listed = async (run: number) => (await shop.query('artifacts.list', { run })).data as Listed

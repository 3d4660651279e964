import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { one } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { takeLease } from '@juanie/core/leases'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { deployments } from '../deployments/tables.ts'
import { type Shop, shop } from '../deployments/testing/shop.ts'
import { jobs, pipelineRuns } from '../runs/tables.ts'
import { Bundles, Releases } from './index.ts'
import { artifacts, releases } from './tables.ts'
import { FakeCommits } from './testing/fake-commits.ts'

const digestOf = (content: string) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const description = { Procfile: 'web: node server.js\n' }
const listing = ['Procfile', 'server.js']

const bundlesOf = (s: Shop) => new Bundles({ db: s.db, blobs: s.blobs, maxBytes: 1_000_000 })
const releasesOf = (s: Shop, git = new FakeCommits()) =>
  new Releases({ db: s.db, git, made: (id) => s.deployments.onReleaseMade(id) })

/** A job of run `number` that the shop's agent holds. */
async function held(s: Shop, number: number) {
  await s.release({ run: number })
  const run = await one(s.db.select().from(pipelineRuns).where(eq(pipelineRuns.number, number)))
  await s.db.delete(releases).where(eq(releases.runId, run.id))
  const job = await one(
    s.db
      .insert(jobs)
      .values({
        projectId: s.scope.projectId,
        runId: run.id,
        attempt: 1,
        key: 'build',
        place: 0,
        name: 'build',
        needs: [],
        status: 'running',
        timeoutMs: 60_000,
        agentId: s.agent.id,
      })
      .returning(),
  )
  const lease = await takeLease(s.db, { subjectId: job.id, kind: 'job', owner: s.agent.id })
  return { jobId: job.id, fence: lease!.fence, step: 3, run }
}

test('a step makes its release once, however often it asks, and it is deployed where the branch is followed', async () => {
  await using s = await shop()
  const job = await held(s, 7)
  const bundle = digestOf('v1')
  const ask = () => releasesOf(s).makeFromRun(s.agent, { ...job, bundle, bytes: 2, name: null, description, listing })
  await expect(ask()).rejects.toMatchObject({ code: 'conflict', reason: 'bundle.missing' })
  await bundlesOf(s).store(s.scope.projectId, bundle, Readable.from(['v1']))
  const all = await Promise.all([ask(), ask()])
  expect(all[0]).toEqual(all[1])
  expect(await ask()).toEqual(all[0])
  const [row, ...more] = await s.db.select().from(releases)
  expect(more).toEqual([])
  expect(row).toMatchObject({ digest: bundle, commit: job.run.commit, ref: 'refs/heads/main', runNumber: 7 })
  const [deployed] = await s.db.select().from(deployments)
  expect(deployed).toMatchObject({ origin: 'automatic', releaseId: row!.id })
  expect(await s.drive(deployed!.id)).toMatchObject({ status: 'succeeded' })
})

test('a job that another took over, or that is over, makes no release', async () => {
  await using s = await shop()
  const job = await held(s, 1)
  const bundle = digestOf('v1')
  await bundlesOf(s).store(s.scope.projectId, bundle, Readable.from(['v1']))
  const ask = (change: Record<string, unknown>) =>
    releasesOf(s).makeFromRun(s.agent, { ...job, bundle, bytes: 2, name: null, description, listing, ...change })
  await expect(ask({ fence: job.fence + 1 })).rejects.toMatchObject({ reason: 'job.not_held' })
  const stranger = releasesOf(s).makeFromRun(
    { id: uuidv7() },
    { ...job, bundle, bytes: 2, name: null, description, listing },
  )
  await expect(stranger).rejects.toMatchObject({ reason: 'job.not_held' })
  await s.db.update(jobs).set({ status: 'succeeded' })
  await expect(ask({})).rejects.toMatchObject({ reason: 'job.not_held' })
  expect(await s.db.select().from(releases)).toEqual([])
})

test('a description with mistakes is refused with file and line, and makes nothing', async () => {
  await using s = await shop()
  const bundle = digestOf('v1')
  await bundlesOf(s).store(s.scope.projectId, bundle, Readable.from(['v1']))
  const bad = { 'compose.yaml': 'services:\n  web:\n    command: [1, {}]\n' }
  const made = releasesOf(s).create(s.scope, { bundle, description: bad, listing: ['compose.yaml'] })
  await expect(made).rejects.toMatchObject({ code: 'invalid', message: expect.stringMatching(/compose\.yaml:3/) })
  expect(await s.db.select().from(releases)).toEqual([])
})

test("a person's release belongs to no branch, so nothing follows it", async () => {
  await using s = await shop()
  const bundle = digestOf('v1')
  await bundlesOf(s).store(s.scope.projectId, bundle, Readable.from(['v1']))
  const made = await releasesOf(s).create(s.scope, { bundle, description, listing })
  await s.deployments.sweep()
  expect(await s.db.select().from(deployments)).toEqual([])
  expect(await releasesOf(s).view(s.scope, made.number)).toMatchObject({
    number: 1,
    digest: bundle,
    bytes: 2,
    run: null,
    application: { kind: 'procfile', entry: 'Procfile' },
  })
  expect((await releasesOf(s).list(s.scope, { limit: 10 })).rows).toMatchObject([{ number: 1 }])
  await expect(releasesOf(s).view(s.scope, 'x;drop')).rejects.toMatchObject({ code: 'invalid' })
  await expect(releasesOf(s).view(s.scope, 99)).rejects.toMatchObject({ code: 'not_found' })
})

test('releases are listed newest first, a page at a time', async () => {
  await using s = await shop()
  for (let n = 0; n < 5; n++) await s.release()
  const first = await releasesOf(s).list(s.scope, { limit: 2 })
  expect(first).toMatchObject({ rows: [{ number: 5 }, { number: 4 }], next: 4 })
  const second = await releasesOf(s).list(s.scope, { limit: 3, after: first.next })
  expect(second).toMatchObject({ rows: [{ number: 3 }, { number: 2 }, { number: 1 }], next: null })
})

test('an agent reads bundles of deployments on its host and of jobs that it holds, and no others', async () => {
  await using s = await shop()
  const job = await held(s, 1)
  const mine = digestOf('mine')
  await bundlesOf(s).store(s.scope.projectId, mine, Readable.from(['mine']))
  const other = digestOf('other')
  s.blobs.add('other')
  const read = (digest: string) => s.deployments.readBundle(s.agent, digest)
  expect(await read(mine)).toMatchObject({ bytes: 4 })
  await expect(read(other)).rejects.toMatchObject({ code: 'not_found' })
  await s.db.update(jobs).set({ status: 'succeeded' }).where(eq(jobs.id, job.jobId))
  await expect(read(mine)).rejects.toMatchObject({ code: 'not_found' })
  const release = await s.release({ content: 'deployed' })
  await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
  expect(await read(digestOf('deployed'))).toMatchObject({ bytes: 8 })
  await expect(
    s.deployments.readBundle({ id: uuidv7(), hostId: uuidv7() }, digestOf('deployed')),
  ).rejects.toMatchObject({
    code: 'not_found',
  })
})

test('one project never learns what another has stored', async () => {
  await using s = await shop()
  const digest = digestOf('theirs')
  s.blobs.add('theirs')
  expect(await bundlesOf(s).has(s.scope.projectId, digest)).toBeNull()
  await bundlesOf(s).store(s.scope.projectId, digest, Readable.from(['theirs']))
  expect(await bundlesOf(s).has(s.scope.projectId, digest)).toEqual({ bytes: 6 })
})

test('a step that deploys joins the deployment of its release that is on its way', async () => {
  await using s = await shop()
  const job = await held(s, 1)
  const agent = { id: s.agent.id, name: 'local' }
  const ask = { ...job, environment: 'dev', release: null }
  await expect(s.deployments.ask(agent, ask)).rejects.toMatchObject({ reason: 'release.none_in_run' })
  const bundle = digestOf('v1')
  await bundlesOf(s).store(s.scope.projectId, bundle, Readable.from(['v1']))
  await releasesOf(s).makeFromRun(s.agent, { ...job, step: 2, bundle, bytes: 2, name: null, description, listing })
  const joined = await s.deployments.ask(agent, ask)
  expect(joined.number).toBe(1)
  expect(await s.deployments.ask(agent, ask)).toEqual(joined)
  const elsewhere = await s.deployments.ask(agent, { ...ask, environment: 'staging' })
  expect(elsewhere.number).toBe(2)
  expect(await s.deployments.ask(agent, { ...ask, environment: 'staging' })).toEqual(elsewhere)
  expect((await one(s.db.select().from(jobs))).isUnrepeatable).toBe(true)
  const progress = () => s.deployments.progress(agent, job, { deploymentId: joined.deploymentId, waitMs: 0 })
  expect(await progress()).toMatchObject({ final: false, url: 'http://shop-dev.localhost:8080' })
  const waiting = s.deployments.progress(agent, job, { deploymentId: joined.deploymentId, waitMs: 20_000 })
  await s.drive(joined.deploymentId)
  expect(await waiting).toEqual({
    status: 'succeeded',
    final: true,
    reason: null,
    url: 'http://shop-dev.localhost:8080',
    waitsFor: null,
  })
})

const keeping = { deployments: 2, releases: 1, releaseMs: 0, evidenceMs: 0 }

test('the last deployments that succeeded are kept with what they need, and the rest goes', async () => {
  await using s = await shop()
  for (let n = 1; n <= 4; n++) {
    const release = await s.release({ content: `v${n}` })
    s.agent.behaviour = n === 3 ? { instance: ({ bundle }) => (bundle === digestOf('v3') ? 'failed' : undefined) } : {}
    const { id } = await s.deployments.start(s.scope, { environment: 'dev', release: release.id })
    await s.drive(id)
    for (let round = 0; round < 3; round++) await s.agent.step()
  }
  await s.db.update(artifacts).set({ usedAt: sql`now() - interval '2 hours'` })
  const removed = await s.deployments.clean(keeping)
  expect(removed).toEqual({ deployments: 1, releases: 1, bundles: 1 })
  expect((await s.db.select().from(deployments)).map(({ number }) => number).sort()).toEqual([2, 3, 4])
  expect(s.blobs.contents.has(digestOf('v1'))).toBe(false)
  expect(s.blobs.contents.has(digestOf('v2'))).toBe(true)
  const back = await s.deployments.rollback(s.scope, { environment: 'dev' })
  expect(await s.drive(back.id)).toMatchObject({ status: 'succeeded' })
  // However little is to be kept, what serves is never less.
  await s.agent.step()
  await s.deployments.clean({ ...keeping, deployments: 0 })
  expect(s.blobs.contents.has(digestOf('v2'))).toBe(true)
  const [dev] = await s.deployments.environments(s.scope)
  expect(dev!.deployment).toMatchObject({ number: 5 })
})

test('a bundle that was just used stays, and one that two projects have goes with the last of them', async () => {
  await using s = await shop()
  const digest = digestOf('fresh')
  await bundlesOf(s).store(s.scope.projectId, digest, Readable.from(['fresh']))
  expect(await bundlesOf(s).clean()).toBe(0)
  await s.db.update(artifacts).set({ usedAt: sql`now() - interval '2 hours'` })
  await bundlesOf(s).has(s.scope.projectId, digest)
  expect(await bundlesOf(s).clean()).toBe(0)
  await s.db.update(artifacts).set({ usedAt: sql`now() - interval '2 hours'` })
  expect(await bundlesOf(s).clean()).toBe(1)
  expect(s.blobs.contents.size).toBe(0)
})

test('a bundle that is uploaded again while it is cleaned away is there afterwards', async () => {
  await using s = await shop()
  const digest = digestOf('again')
  for (let round = 0; round < 10; round++) {
    await bundlesOf(s).store(s.scope.projectId, digest, Readable.from(['again']))
    await s.db.update(artifacts).set({ usedAt: sql`now() - interval '2 hours'` })
    await Promise.all([
      bundlesOf(s).clean(),
      bundlesOf(s).store(s.scope.projectId, digest, Readable.from(['again'])),
      bundlesOf(s).clean(),
    ])
    expect(await bundlesOf(s).has(s.scope.projectId, digest)).toEqual({ bytes: 5 })
  }
})

test('a deleted project leaves its hosts at once, and nothing of it begins any more', async () => {
  await using s = await shop()
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(first.id)
  s.agent.behaviour.soak = () => 'running'
  const second = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  const third = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(second.id, 'soaking')
  await s.db.transaction((tx) => s.deployments.end(tx, s.scope))
  expect((await s.deployments.desiredFor(s.hostId)).instances).toEqual([])
  await s.deployments.sweep()
  await s.deployments.settled()
  expect(await s.status(third.id)).toMatchObject({ status: 'canceled', reason: 'the project was deleted' })
  await s.agent.step()
  await s.deployments.settled()
  expect((await s.db.select().from(deployments)).filter(({ finishedAt }) => finishedAt === null)).toEqual([])
})

test('a release shows what came in since the one before on its branch', async () => {
  await using s = await shop()
  const git = new FakeCommits()
  const at = (run: number) => String(run).padStart(40, '0')
  const line: string[] = []
  for (let run = 1; run <= 4; run++) {
    git.add(at(run), `Change ${run}\n\nand why`, line.at(-1))
    line.push(at(run))
  }
  const read = (number: number) => releasesOf(s, git).changes(s.scope, number)
  await s.release({ run: 1, files: { Procfile: 'web: node server.js\n' } })
  await s.release({ run: 2, content: 'same', files: { Procfile: 'web: node server.js\n' } })
  await s.db.update(releases).set({ ref: 'refs/heads/other' }).where(eq(releases.number, 2))
  const files = { Procfile: 'web: node server.js\nworker: node worker.js\n' }
  await s.release({ run: 4, content: 'same', files })

  expect(await read(1)).toMatchObject({
    previous: null,
    commits: { kind: 'listed', commits: [{ title: 'Change 1', author: 'Ann' }], hasMore: false, lost: 0 },
    files: [{ path: 'Procfile', from: null, to: 'web: node server.js\n' }],
  })
  const third = await read(3)
  expect(third).toMatchObject({ previous: { number: 1, branch: 'main' }, isSameBundle: false })
  expect(third.commits).toMatchObject({ commits: [{ id: at(4) }, { id: at(3) }, { id: at(2) }] })
  expect(third.files).toEqual([{ path: 'Procfile', from: 'web: node server.js\n', to: files.Procfile }])
  // No other release of its branch: the one before it.
  expect(await read(2)).toMatchObject({ previous: { number: 1 }, commits: { commits: [{ id: at(2) }] }, files: [] })
})

test('history that was rewritten, commits that are gone and a git that is stuck are told apart', async () => {
  await using s = await shop()
  const git = new FakeCommits()
  const at = (run: number) => String(run).padStart(40, '0')
  const read = async (number: number) => (await releasesOf(s, git).changes(s.scope, number)).commits
  git.add(at(1), 'Begin')
  git.add(at(2), 'On the old line', at(1))
  git.add(at(3), 'On the new line', at(1))
  for (const run of [2, 3]) await s.release({ run })
  await s.release()
  await s.release({ run: 9 })
  expect(await read(2)).toMatchObject({ kind: 'listed', commits: [{ id: at(3) }], lost: 1 })
  expect(await read(3)).toEqual({ kind: 'no_commit', of: 'this' })
  expect(await read(4)).toEqual({ kind: 'missing', of: 'this' })
  await s.db
    .update(releases)
    .set({ commit: 'f'.repeat(40) })
    .where(eq(releases.number, 1))
  expect(await read(2)).toEqual({ kind: 'missing', of: 'previous' })
  await s.db
    .update(releases)
    .set({ commit: at(3) })
    .where(eq(releases.number, 1))
  expect(await read(2)).toEqual({ kind: 'same' })
  await s.db
    .update(releases)
    .set({ commit: at(2) })
    .where(eq(releases.number, 1))
  git.isStuck = true
  expect(await read(2)).toEqual({ kind: 'unreadable' })
})

test('a release says what is in it, also for an environment with a description of its own', async () => {
  await using s = await shop()
  const compose = `
services:
  web:
    command: node server.js
    ports: ["\${WEB_PORT:-8080}:8080"]
    healthcheck: { test: ["CMD", "curl", "-f", "http://localhost:8080/healthz"] }
    deploy: { replicas: 2, resources: { limits: { memory: 128M, cpus: "0.5" } } }
    x-juanie: { migrate: node migrate.js }
  worker:
    command: ["node", "worker.js", "a b"]
`
  const own = 'services: { web: { deploy: { replicas: 5 } } }\n'
  await s.release({ run: 3, files: { 'compose.yaml': compose, 'compose.production.yaml': own } })
  const git = new FakeCommits()
  git.add('3'.padStart(40, '0'), 'Add a worker')
  await s.db.update(releases).set({ runId: null })
  const view = await releasesOf(s, git).view(s.scope, 1)
  expect(view).toMatchObject({ branch: 'main', title: 'Add a worker' })
  const [plain, production] = view.application.outlines
  expect(plain).toMatchObject({ environment: null, migrate: 'node migrate.js', hasGap: false })
  expect(plain!.services.find(({ name }) => name === 'web')).toMatchObject({
    command: 'node server.js',
    port: 8080,
    health: expect.stringContaining('GET /healthz'),
    replicas: 2,
    hostnames: ['default'],
    memoryBytes: 128 * 1024 * 1024,
    cpus: 0.5,
  })
  expect(plain!.services.find(({ name }) => name === 'worker')).toMatchObject({
    command: 'node worker.js "a b"',
    health: null,
    hasPort: false,
  })
  expect(await releasesOf(s, git).description(s.scope, 1)).toEqual({
    files: [
      { path: 'compose.production.yaml', text: own },
      { path: 'compose.yaml', text: compose },
    ],
  })
  await expect(releasesOf(s).description({ ...s.scope, projectId: uuidv7() }, 1)).rejects.toMatchObject({
    code: 'not_found',
  })
  expect(production).toMatchObject({ environment: 'production' })
  expect(production!.services.find(({ name }) => name === 'web')!.replicas).toBe(5)
})

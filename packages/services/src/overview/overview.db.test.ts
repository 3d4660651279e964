import { type Database, one } from '@juanie/core/database'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { deployments } from '../deployments/tables.ts'
import { type Shop, shop } from '../deployments/testing/shop.ts'
import { environments } from '../environments/tables.ts'
import { organizations } from '../organizations/tables.ts'
import { pipelines } from '../pipelines/tables.ts'
import { projects } from '../projects/tables.ts'
import { repositoryRefs } from '../repositories/tables.ts'
import type { RunStatus } from '../runs/contract.ts'
import { jobs, pipelineRuns, steps } from '../runs/tables.ts'
import type { MatterList } from './contract.ts'
import { matterKeys } from './matter-keys.ts'
import { Overview } from './service.ts'

const overviewOf = (db: Database) => new Overview({ db, url: async (hostname) => `http://${hostname}` })

const matters = async (s: Shop, list: MatterList = 'attention') =>
  (await overviewOf(s.db).matters(s.scope, { list, limit: 20 })).rows

async function run(s: Shop, number: number, status: RunStatus, more: Partial<typeof pipelineRuns.$inferInsert> = {}) {
  const [pipeline] = await s.db.select().from(pipelines).where(eq(pipelines.projectId, s.scope.projectId))
  return one(
    s.db
      .insert(pipelineRuns)
      .values({
        projectId: s.scope.projectId,
        pipelineId: pipeline!.id,
        number,
        pipelineNumber: number,
        event: 'push',
        ref: 'refs/heads/main',
        commit: String(number).padStart(40, '0'),
        title: `push ${number}`,
        commitMessage: 'a push',
        commitAuthor: 'Ann',
        source: {} as never,
        workflowFile: 'ci.yml',
        workflowText: '',
        status,
        finishedAt: ['created', 'blocked', 'queued', 'running'].includes(status) ? null : new Date(),
        ...more,
      })
      .returning(),
  )
}

async function failedStep(s: Shop, runId: string) {
  const job = await one(
    s.db
      .insert(jobs)
      .values({
        projectId: s.scope.projectId,
        runId,
        attempt: 1,
        key: 'test',
        place: 0,
        name: 'test',
        needs: [],
        status: 'failed',
        timeoutMs: 1,
        finishedAt: new Date(),
      })
      .returning(),
  )
  await s.db.insert(steps).values({
    projectId: s.scope.projectId,
    jobId: job.id,
    place: 2,
    name: 'npm test',
    status: 'failed',
    conclusion: 'failure',
    exitCode: 3,
  })
}

test('a failure on a branch that matters asks for attention until a later run of it succeeds', async () => {
  await using s = await shop()
  await run(s, 1, 'failed', { ref: 'refs/heads/try' })
  expect(await matters(s)).toEqual([])
  const failed = await run(s, 2, 'failed')
  await failedStep(s, failed.id)
  await run(s, 3, 'canceled')
  expect(await matters(s)).toMatchObject([
    {
      kind: 'run',
      id: failed.id,
      project: { slug: 'shop' },
      run: { number: 2, status: 'failed', branch: 'main', fault: { job: 'test', step: 'npm test', exitCode: 3 } },
    },
  ])
  expect(await overviewOf(s.db).broken(s.scope)).toEqual({ count: 1 })
  // One that is under way has decided nothing yet.
  const next = await run(s, 4, 'running')
  expect(await matters(s)).toMatchObject([{ run: { number: 2 } }])
  await s.db
    .update(pipelineRuns)
    .set({ status: 'succeeded', finishedAt: new Date() })
    .where(eq(pipelineRuns.id, next.id))
  expect(await matters(s)).toEqual([])
  expect(await overviewOf(s.db).broken(s.scope)).toEqual({ count: 0 })
  expect((await matters(s, 'failed')).map((one) => one.kind === 'run' && one.run.number)).toEqual([2, 1])
})

test('a failure asks for nobody once its workflow, or its branch, is gone', async () => {
  await using s = await shop()
  await run(s, 1, 'failed')
  expect(await matters(s)).toMatchObject([{ run: { number: 1 } }])
  await s.db.update(repositoryRefs).set({ workflows: ['other.yml'] })
  expect(await matters(s)).toEqual([])
  expect(await overviewOf(s.db).broken(s.scope)).toEqual({ count: 0 })
  // What happened is still told.
  expect(await matters(s, 'failed')).toMatchObject([{ run: { number: 1 } }])
  // Nobody looked what stands there since.
  await s.db.update(repositoryRefs).set({ workflows: null })
  expect(await matters(s)).toHaveLength(1)
  await s.db.delete(repositoryRefs)
  expect(await matters(s)).toEqual([])
})

test('a branch matters when an environment follows it by name', async () => {
  await using s = await shop()
  await s.db
    .update(environments)
    .set({ config: { follows: { branch: 'release' } } })
    .where(eq(environments.id, s.environment.staging))
  await s.db
    .insert(repositoryRefs)
    .values({ repositoryId: s.repositoryId, ref: 'refs/heads/release', commit: '2'.repeat(40) })
  await run(s, 1, 'timed_out', { ref: 'refs/heads/release' })
  expect(await matters(s)).toMatchObject([{ run: { number: 1, status: 'timed_out' } }])
  await s.db.update(pipelineRuns).set({ finishedAt: sql`now() - interval '31 days'` })
  expect(await matters(s)).toEqual([])
})

test('an environment whose latest deployment came to nothing asks for attention until the next one stays', async () => {
  await using s = await shop()
  s.agent.behaviour.task = () => 'failed'
  const files = { Procfile: 'web: node server.js\nrelease: node migrate.js\n' }
  const failed = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release({ files })).id })
  expect(await s.drive(failed.id)).toMatchObject({ status: 'failed' })
  expect(await matters(s)).toMatchObject([
    {
      kind: 'deployment',
      deployment: { number: 1, status: 'failed', environment: { name: 'dev' }, why: { key: 'migration_failed' } },
      waitsFor: null,
      flagged: null,
    },
  ])
  const good = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  expect(await s.drive(good.id)).toMatchObject({ status: 'succeeded' })
  expect(await matters(s)).toEqual([])
  expect(await matters(s, 'failed')).toMatchObject([{ kind: 'deployment', deployment: { number: 1 } }])
})

test('what waits asks for attention after a minute, and says what it waits for', async () => {
  await using s = await shop({ soakMs: 60_000 })
  s.agent.behaviour.soak = () => 'running'
  const first = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.drive(first.id, 'soaking')
  const second = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release()).id })
  await s.deployments.settled()
  const waiting = { kind: 'deployment', deployment: { number: 2 }, waitsFor: { key: 'ahead', details: { number: 1 } } }
  expect(await matters(s, 'waiting')).toMatchObject([waiting])
  expect(await matters(s, 'active')).toMatchObject([{ kind: 'deployment', deployment: { number: 1 } }])
  expect(await matters(s)).toEqual([])
  await s.db
    .update(deployments)
    .set({ createdAt: sql`now() - interval '2 minutes'` })
    .where(eq(deployments.id, second.id))
  expect(await matters(s)).toMatchObject([waiting])
  await s.db.update(deployments).set({ flaggedAt: new Date() }).where(eq(deployments.id, first.id))
  const flagged = (await matters(s)).find((one) => one.id === first.id)
  expect(flagged).toMatchObject({ flagged: { message: expect.stringContaining('soaking') } })
})

test('a run that no agent can take asks for attention, and a blocked one at once', async () => {
  await using s = await shop()
  const old = { createdAt: sql`now() - interval '2 minutes'` as never }
  const queued = await run(s, 1, 'queued', old)
  await s.db.insert(jobs).values({
    projectId: s.scope.projectId,
    runId: queued.id,
    attempt: 1,
    key: 'build',
    name: 'build',
    needs: [],
    labels: ['gpu'],
    status: 'queued',
    queuedAt: sql`now() - interval '2 minutes'`,
    timeoutMs: 1,
  })
  await run(s, 2, 'blocked')
  await run(s, 3, 'queued')
  const rows = await matters(s)
  expect(rows).toMatchObject([
    { run: { number: 2, status: 'blocked' } },
    { run: { number: 1, waiting: { kind: 'no_agent', job: 'build' } } },
  ])
  expect((await matters(s, 'waiting')).map((one) => one.kind === 'run' && one.run.number)).toEqual([3, 2, 1])
  // It has begun, and nothing of it goes on.
  await s.db.update(pipelineRuns).set({ status: 'running' }).where(eq(pipelineRuns.id, queued.id))
  expect((await matters(s)).map((one) => one.kind === 'run' && one.run.number)).toEqual([2, 1])
})

test('an environment that is not well asks for attention', async () => {
  await using s = await shop()
  await s.db.update(environments).set({ health: 'degraded' }).where(eq(environments.id, s.environment.production))
  expect(await matters(s)).toMatchObject([
    {
      kind: 'environment',
      environment: { name: 'production', health: 'degraded', url: 'http://shop-production.localhost' },
    },
  ])
})

test('lists go on by key over all kinds, and hold nothing of others', async () => {
  await using s = await shop()
  for (let number = 1; number <= 7; number++) await run(s, number, 'blocked')
  await s.db.update(environments).set({ health: 'degraded' })
  const other = await one(s.db.insert(organizations).values({ slug: 'other', name: 'Other' }).returning())
  const stranger = { ...s.scope, organizationId: other.id }
  const overview = overviewOf(s.db)
  expect((await overview.matters(stranger, { list: 'attention', limit: 20 })).rows).toEqual([])
  expect((await overview.projects(stranger, { limit: 20 })).rows).toEqual([])
  const found: string[] = []
  let after: string | null = null
  let pages = 0
  do {
    const page: Awaited<ReturnType<Overview['matters']>> = await overview.matters(s.scope, {
      list: 'attention',
      limit: 3,
      after,
    })
    found.push(...page.rows.map(({ id }) => id))
    after = page.next
    pages++
  } while (after)
  expect(pages).toBe(4)
  expect(new Set(found).size).toBe(10)
  await expect(overview.matters(s.scope, { list: 'attention', limit: 3, after: "' or 1=1" })).rejects.toMatchObject({
    reason: 'input.invalid',
  })
})

test('projects come with what serves where, the one in which something happened last first', async () => {
  await using s = await shop()
  const started = await s.deployments.start(s.scope, { environment: 'dev', release: (await s.release({ run: 5 })).id })
  await s.drive(started.id)
  for (let n = 1; n <= 4; n++) {
    await s.db.insert(projects).values({
      organizationId: s.scope.organizationId,
      slug: `p${n}`,
      name: `Project ${n}`,
      createdAt: sql`now() - ${`${n} hours`}::interval` as never,
    })
  }
  await s.db.execute(sql`update project_events set position = n from (
    select id, row_number() over (order by id) n from project_events) o where o.id = project_events.id`)
  const overview = overviewOf(s.db)
  const first = await overview.projects(s.scope, { limit: 2 })
  expect(first.rows.map(({ slug }) => slug)).toEqual(['shop', 'p1'])
  expect(first.rows[0]).toMatchObject({
    environments: [
      {
        name: 'dev',
        health: 'healthy',
        release: 1,
        last: { number: 1, status: 'succeeded' },
        url: 'http://shop-dev.localhost',
      },
      { name: 'staging', health: 'missing', release: null, last: null },
      { name: 'production' },
    ],
    run: { number: 5, branch: 'main', title: 'a push' },
  })
  const second = await overview.projects(s.scope, { limit: 2, after: first.next })
  const third = await overview.projects(s.scope, { limit: 2, after: second.next })
  expect([...second.rows, ...third.rows].map(({ slug }) => slug)).toEqual(['p2', 'p3', 'p4'])
  expect(third.next).toBeNull()
  expect((await overview.projects(s.scope, { limit: 9, text: 'JECT 3' })).rows.map(({ slug }) => slug)).toEqual(['p3'])
  expect((await overview.projects(s.scope, { limit: 9, text: '%' })).rows).toEqual([])
})

test('among ten thousand runs and deployments every list is found by indexes', async () => {
  await using s = await shop()
  const { id: releaseId } = await s.release()
  const pipeline = await one(s.db.select().from(pipelines))
  await s.db.execute(sql`
    insert into pipeline_runs (id, project_id, pipeline_id, number, pipeline_number, event, ref, commit, title, commit_message,
      commit_author, source, workflow_file, workflow_text, status, finished_at)
    select gen_random_uuid(), ${s.scope.projectId}::uuid, ${pipeline.id}::uuid, n, n, 'push', 'refs/heads/' || case when n % 10 = 0 then 'main' else 'b' || n % 50 end, '', '', '', '',
      '{}', '', '', case when n % 100 = 1 then 'failed' else 'succeeded' end, now() - n * interval '1 hour'
      from generate_series(1, 10000) n`)
  await s.db.execute(sql`
    insert into deployments (id, project_id, environment_id, release_id, host_id, number, kind, origin, status, snapshot, digest, finished_at)
    select gen_random_uuid(), ${s.scope.projectId}::uuid, ${s.environment.dev}::uuid, ${releaseId}::uuid, ${s.hostId}::uuid, n,
      'deploy', 'person', case when n % 100 = 1 then 'failed' else 'succeeded' end, '{}', '', now() - n * interval '1 hour'
      from generate_series(1, 10000) n`)
  for (const table of ['pipeline_runs', 'deployments', 'jobs', 'environments'])
    await s.db.execute(sql.raw(`analyze ${table}`))
  for (const list of ['attention', 'waiting', 'active', 'failed'] as const) {
    const { rows } = await s.db.execute<{ 'QUERY PLAN': string }>(
      sql`explain ${matterKeys({ organizationId: s.scope.organizationId, list }, { after: null, limit: 21 })}`,
    )
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan, plan).not.toMatch(/Seq Scan on (pipeline_runs|deployments)/)
  }
  const rows = await matters(s)
  expect(rows.map(({ kind }) => kind)).toEqual([])
})

import type { Database } from '@juanie/core/database'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import type { Listener } from '@juanie/core/listener'
import { EventRelay } from '@juanie/core/relay'
import type { ProjectScope } from '@juanie/core/scope'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { type Shop, shop } from '../deployments/testing/shop.ts'
import { organizationMembers } from '../organizations/tables.ts'
import { createUser } from '../users/index.ts'
import type { ListEvents } from './contract.ts'
import { Events } from './events.ts'

const asked = (more: Partial<ListEvents> = {}): ListEvents => ({ limit: 30, isDetailed: false, ...more })

const place = (s: Shop) => new EventRelay({ pool: s.test.pool, listener: {} as Listener }).placeAll()

async function member(db: Database, scope: ProjectScope, name: string): Promise<ProjectScope> {
  const user = await db.transaction((tx) =>
    createUser(tx, { email: `${name}@example.com`, name, passwordHash: 'none', isSuperAdmin: false }),
  )
  await db.insert(organizationMembers).values({ organizationId: scope.organizationId, userId: user.id, role: 'owner' })
  return { ...scope, actor: { kind: 'user', id: user.id, name } }
}

test('events come newest first, with the names of all that they mention', async () => {
  await using s = await shop()
  const ann = await member(s.db, s.scope, 'Ann')
  await s.variables.set(ann, { name: 'COLOUR', value: 'blue', environment: 'dev' } as never)
  const release = await s.release({ run: 7 })
  const started = await s.deployments.start(ann, { environment: 'dev', release: release.id })
  await s.drive(started.id)
  await s.db.transaction((tx) =>
    record(tx, { ...ann, projectId: null }, 'organization.member_joined', {
      subjectId: ann.actor.id!,
      data: { role: 'owner' },
    }),
  )
  await place(s)
  const events = new Events({ db: s.db })
  const { rows, next } = await events.ofOrganization(s.scope, asked())
  expect(next).toBeNull()
  expect(rows.map(({ type }) => type)).toEqual([
    'organization.member_joined',
    'deployment.succeeded',
    ...rows.filter(({ type }) => type === 'environment.health_changed').map(({ type }) => type),
    'variable.set',
  ])
  expect(rows[0]).toMatchObject({
    actor: { kind: 'user', name: 'Ann' },
    project: null,
    person: 'Ann',
    details: { role: 'owner' },
  })
  expect(rows[1]).toMatchObject({
    actor: { kind: 'system', name: null },
    project: { slug: 'shop', name: 'Shop', isGone: false },
    deployment: { number: 1, release: 1, kind: 'deploy', requestedBy: 'Ann' },
    environment: 'dev',
    release: 1,
    details: { status: 'succeeded' },
  })
  expect(rows.at(-1)).toMatchObject({ actor: { name: 'Ann' }, environment: 'dev', details: { name: 'COLOUR' } })
  expect(JSON.stringify(rows)).not.toContain('blue')
  const all = await events.ofProject(s.scope, asked({ isDetailed: true, kind: 'deployment' }))
  expect(all.rows.map(({ type }) => type)).toContain('deployment.verifying')
  expect(all.rows.every(({ type }) => type.startsWith('deployment.'))).toBe(true)
})

test('pages follow each other without gap or repeat, also where a filter passes nearly everything over', async () => {
  await using s = await shop()
  const { organizationId, projectId } = s.scope
  await s.db.execute(sql`
    insert into project_events (id, position, organization_id, project_id, type, subject_id, actor_kind, data)
    select gen_random_uuid(), n, ${organizationId}::uuid, ${projectId}::uuid,
           case when n in (1, 7000) then 'secret.set' else 'job.started' end, gen_random_uuid(), 'system', '{"name":"A"}'
      from generate_series(1, 10000) n`)
  const events = new Events({ db: s.db })
  const positions: number[] = []
  let before: number | null = null
  let pages = 0
  do {
    const page: Awaited<ReturnType<Events['ofProject']>> = await events.ofProject(
      s.scope,
      asked({ before, isDetailed: true, limit: 100 }),
    )
    positions.push(...page.rows.map(({ position }) => position))
    before = page.next
    pages++
  } while (before !== null)
  expect(pages).toBe(100)
  expect(new Set(positions).size).toBe(10_000)
  expect(positions).toEqual([...positions].sort((a, b) => b - a))

  const found: string[] = []
  pages = 0
  before = null
  do {
    const page: Awaited<ReturnType<Events['ofProject']>> = await events.ofProject(
      s.scope,
      asked({ before, kind: 'setting' }),
    )
    found.push(...page.rows.map(({ type }) => type))
    before = page.next
    pages++
  } while (before !== null)
  expect(found).toEqual(['secret.set', 'secret.set'])
  expect(pages).toBe(3)
})

test('a page is found by an index, whoever asks', async () => {
  await using s = await shop()
  const { organizationId, projectId } = s.scope
  await s.db.execute(sql`
    insert into project_events (id, position, organization_id, project_id, type, subject_id, actor_kind, data)
    select gen_random_uuid(), n, case when n % 5 = 0 then ${organizationId}::uuid else ${uuidv7()}::uuid end,
           case when n % 5 = 0 then ${projectId}::uuid end, 'run.finished', gen_random_uuid(), 'system', '{}'
      from generate_series(1, 10000) n`)
  await s.db.execute(sql`analyze project_events`)
  for (const column of ['project_id', 'organization_id']) {
    const { rows } = await s.db.execute<{ 'QUERY PLAN': string }>(sql`
      explain select * from (
        select * from project_events where ${sql.raw(column)} = ${column === 'project_id' ? projectId : organizationId}::uuid
           and position is not null and position < 9000 order by position desc limit 5000
      ) looked where type in ('run.finished', 'release.made') order by position desc limit 31`)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toMatch(/Index Scan Backward using project_events_(project|organization|position)/)
    expect(plan).not.toMatch(/Seq Scan|Sort /)
  }
})

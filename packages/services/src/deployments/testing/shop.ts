import { randomBytes } from 'node:crypto'
import { type Database, one } from '@juanie/core/database'
import { uuidv7 } from '@juanie/core/ids'
import { leases } from '@juanie/core/leases'
import type { ProjectScope } from '@juanie/core/scope'
import { type TestDb, testDb } from '@juanie/core/testing/index'
import { eq, sql } from 'drizzle-orm'
import { describeApplication } from '../../applications/index.ts'
import type { EnvironmentConfig } from '../../environments/contract.ts'
import { environments } from '../../environments/tables.ts'
import { agents, hosts } from '../../hosts/tables.ts'
import { organizations } from '../../organizations/tables.ts'
import { pipelines } from '../../pipelines/tables.ts'
import { projects } from '../../projects/tables.ts'
import { Bundles } from '../../releases/index.ts'
import { artifacts, releases } from '../../releases/tables.ts'
import { MemoryBlobs } from '../../releases/testing/memory-blobs.ts'
import { repositories, repositoryRefs } from '../../repositories/tables.ts'
import { routes } from '../../routes/tables.ts'
import { pipelineRuns } from '../../runs/tables.ts'
import { DataKeys, Secrets, Variables } from '../../secrets/index.ts'
import { Deployments } from '../service.ts'
import { deployments } from '../tables.ts'
import { FakeAgent } from './fake-agent.ts'

export interface Shop extends AsyncDisposable {
  db: Database
  test: TestDb
  scope: ProjectScope
  blobs: MemoryBlobs
  secrets: Secrets
  variables: Variables
  /** The server that runs now. */
  readonly deployments: Deployments
  agent: FakeAgent
  hostId: string
  repositoryId: string
  environment: Record<'dev' | 'staging' | 'production', string>
  errors: unknown[]
  clock: { offsetMs: number }
  /** Another server on the same database. */
  server(): Deployments
  /** The server dies with all it remembers, and a new one starts. */
  restart(): Promise<void>
  /** A release of what these files describe; `run` gives it a run of that number on main. */
  release(options?: {
    files?: Record<string, string>
    run?: number
    content?: string
  }): Promise<{ id: string; number: number }>
  status(id: string): Promise<{ status: string; reason: string | null }>
  /** Lets server and agent work until nothing changes any more, or until the deployment is in that status. */
  drive(id: string, until?: string): Promise<{ status: string; reason: string | null }>
}

const procfile = { Procfile: 'web: node server.js\n' }

/** A project with three environments, a host with an agent in memory, and a server. */
export async function shop(options: { soakMs?: number } = {}): Promise<Shop> {
  const test = await testDb()
  const { db } = test
  const organization = await one(db.insert(organizations).values({ slug: 'main', name: 'Main' }).returning())
  const project = await one(
    db.insert(projects).values({ organizationId: organization.id, slug: 'shop', name: 'Shop' }).returning(),
  )
  const host = await one(db.insert(hosts).values({ name: 'local', isLocal: true }).returning())
  const agentRow = await one(
    db
      .insert(agents)
      .values({ hostId: host.id, tokenHash: randomBytes(8).toString('hex'), labels: [], lastSeenAt: new Date() })
      .returning(),
  )
  const repository = await one(
    db.insert(repositories).values({ projectId: project.id, defaultBranch: 'main' }).returning(),
  )
  await db
    .insert(repositoryRefs)
    .values({ repositoryId: repository.id, ref: 'refs/heads/main', commit: '1'.repeat(40), workflows: ['ci.yml'] })
  const pipeline = await one(
    db
      .insert(pipelines)
      .values({ projectId: project.id, file: 'ci.yml', name: 'ci', origin: 'repository' })
      .returning(),
  )
  const environment = { dev: '', staging: '', production: '' }
  for (const [index, name] of (['dev', 'staging', 'production'] as const).entries()) {
    const config: EnvironmentConfig = {
      follows: name === 'dev' ? { default: true } : null,
      soakMs: options.soakMs ?? 100,
    }
    const row = await one(
      db
        .insert(environments)
        .values({ projectId: project.id, name, position: index + 1, config })
        .returning(),
    )
    environment[name] = row.id
    await db
      .insert(routes)
      .values({ projectId: project.id, environmentId: row.id, hostname: `shop-${name}.localhost`, isDefault: true })
  }
  const scope: ProjectScope = {
    organizationId: organization.id,
    projectId: project.id,
    actor: { kind: 'system', id: null, name: 'juanie' },
  }
  const blobs = new MemoryBlobs()
  const secrets = new Secrets({ db, keys: new DataKeys(randomBytes(32)) })
  const errors: unknown[] = []
  const clock = { offsetMs: 0 }
  const servers: Deployments[] = []
  const server = () => {
    const made = new Deployments({
      db,
      secrets,
      blobs,
      bundles: new Bundles({ db, blobs, maxBytes: 1_000_000 }),
      owner: uuidv7(),
      times: {},
      url: async (hostname) => `http://${hostname}:8080`,
      desiredChanged: () => {},
      failed: (error) => errors.push(error),
      clock: () => Date.now() + clock.offsetMs,
    })
    servers.push(made)
    return made
  }
  let own = server()
  const agent = new FakeAgent(own, { agentId: agentRow.id, hostId: host.id })
  const status = async (id: string) => {
    const row = await one(db.select().from(deployments).where(eq(deployments.id, id)))
    return { status: row.status, reason: row.reason }
  }
  return {
    db,
    test,
    scope,
    blobs,
    secrets,
    variables: new Variables({ db }),
    get deployments() {
      return own
    },
    agent,
    hostId: host.id,
    repositoryId: repository.id,
    environment,
    errors,
    clock,
    server,
    async restart() {
      await own.close()
      // As if its leases had run out meanwhile.
      await db.update(leases).set({ expiresAt: sql`now() - interval '1 second'` })
      own = server()
      agent.server = own
      await own.sweep()
      await own.settled()
    },
    status,
    async release({ files = procfile as Record<string, string>, run, content = uuidv7() } = {}) {
      const digest = blobs.add(content)
      await db.insert(artifacts).values({ projectId: project.id, digest, bytes: content.length }).onConflictDoNothing()
      const runRow =
        run === undefined
          ? null
          : await one(
              db
                .insert(pipelineRuns)
                .values({
                  projectId: project.id,
                  pipelineId: pipeline.id,
                  number: run,
                  pipelineNumber: run,
                  event: 'push',
                  ref: 'refs/heads/main',
                  commit: String(run).padStart(40, '0'),
                  title: 'a push',
                  commitMessage: 'a push',
                  commitAuthor: 'Ann',
                  source: {} as never,
                  workflowFile: 'ci.yml',
                  workflowText: '',
                })
                .returning(),
            )
      const { number } = await one(
        db
          .update(projects)
          .set({ lastRelease: (await db.select({ n: releases.id }).from(releases)).length + 1 })
          .where(eq(projects.id, project.id))
          .returning({ number: projects.lastRelease }),
      )
      const release = await one(
        db
          .insert(releases)
          .values({
            projectId: project.id,
            number,
            digest,
            commit: runRow?.commit ?? null,
            ref: runRow?.ref ?? null,
            runId: runRow?.id ?? null,
            runNumber: runRow?.number ?? null,
            followedAt: runRow ? null : new Date(),
            application: describeApplication({
              read: (path) => files[path] ?? null,
              list: () => Object.keys(files),
            }),
          })
          .returning(),
      )
      return { id: release.id, number }
    },
    async drive(id, until) {
      for (let round = 0; round < 60; round++) {
        await own.settled()
        const now = await status(id)
        if (now.status === until) return now
        if (
          until === undefined &&
          ['succeeded', 'failed', 'canceled', 'superseded', 'rolled_back', 'rollback_failed'].includes(now.status)
        )
          return now
        await agent.step()
        await own.settled()
      }
      throw new Error(`deployment ${id} stays ${JSON.stringify(await status(id))}: ${errors.map(String).join('; ')}`)
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of servers) await each.close()
      await test[Symbol.asyncDispose]()
    },
  }
}

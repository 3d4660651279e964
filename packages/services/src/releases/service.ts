import { type Database, isUniqueViolation, maybeOne, one, type Transaction } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { isUuid } from '@juanie/core/ids'
import { leases } from '@juanie/core/leases'
import { paged } from '@juanie/core/pages'
import { crashPoint } from '@juanie/core/points'
import type { ProjectScope } from '@juanie/core/scope'
import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm'
import { type ApplicationSource, describeApplication } from '../applications/index.ts'
import type { MadeRelease, MakeRelease } from '../hosts/contract.ts'
import { projects } from '../projects/tables.ts'
import { jobs, pipelineRuns } from '../runs/tables.ts'
import { requireBundle } from './bundles.ts'
import type {
  CreatedRelease,
  CreateRelease,
  ReleaseChanges,
  ReleaseDescription,
  ReleaseRow,
  ReleaseView,
} from './contract.ts'
import { type CommitReader, changesOf, titled } from './history.ts'
import { outlinesOf } from './outlines.ts'
import { applicationOf, rowOf, selectReleases } from './rows.ts'
import { releases } from './tables.ts'

/** Places at which a test may kill the server while it makes a release. */
export const releasePoints = [
  'bundle.before.store',
  'bundle.stored',
  'bundle.after.store',
  'release.before.make',
  'release.after.make',
  'green.before.release',
  'green.after.release',
] as const

type Release = typeof releases.$inferSelect
type NewRelease = Pick<
  typeof releases.$inferInsert,
  'name' | 'digest' | 'commit' | 'ref' | 'runId' | 'runNumber' | 'createdBy' | 'requestKey' | 'application'
>

/** What can be deployed. A release never changes after it was made. */
export class Releases {
  readonly #db: Database
  readonly #git: CommitReader
  readonly #made: (releaseId: string) => Promise<void>

  /** `made` is told right after the commit of a run's release; what it misses is found by whoever follows branches. */
  constructor(parts: { db: Database; git: CommitReader; made: (releaseId: string) => Promise<void> }) {
    this.#db = parts.db
    this.#git = parts.git
    this.#made = parts.made
  }

  /** What `juanie/release` asks for; a repeated request of the same step finds the release of the first one. */
  async makeFromRun(agent: { id: string }, input: MakeRelease): Promise<MadeRelease> {
    const job = await this.#heldJob(agent, input)
    const source = describe(input)
    const release = await this.#once(job.projectId, `${input.jobId}:${input.step}`, {
      scope: {
        organizationId: job.organizationId,
        projectId: job.projectId,
        actor: { kind: 'agent', id: agent.id, name: 'agent' },
      },
      values: {
        name: input.name,
        digest: input.bundle,
        commit: job.commit,
        ref: job.ref,
        runId: job.runId,
        runNumber: job.runNumber,
        createdBy: job.actorId,
        application: source,
      },
    })
    await this.#made(release.id)
    const { notHonoured } = release.application
    return { releaseId: release.id, number: release.number, digest: release.digest, notHonoured }
  }

  /** A folder that a person packed as it lies; its bundle was uploaded before. */
  async create(scope: ProjectScope, input: CreateRelease): Promise<CreatedRelease> {
    const source = describe(input)
    const release = await this.#once(scope.projectId, input.requestKey ?? null, {
      scope,
      values: {
        name: input.name ?? null,
        digest: input.bundle,
        createdBy: scope.actor.kind === 'user' ? scope.actor.id : null,
        application: source,
      },
    })
    return {
      id: release.id,
      number: release.number,
      digest: release.digest,
      notHonoured: release.application.notHonoured,
      warnings: release.application.problems.map(({ message }) => message),
    }
  }

  async list(
    scope: ProjectScope,
    query: { after?: number | null; limit: number },
  ): Promise<{ rows: ReleaseRow[]; next: number | null }> {
    const rows = await selectReleases(this.#db)
      .where(and(eq(releases.projectId, scope.projectId), query.after ? lt(releases.number, query.after) : undefined))
      .orderBy(desc(releases.number))
      .limit(query.limit + 1)
    const page = paged(rows.map(rowOf), query.limit, ({ number }) => number)
    return { ...page, rows: await titled(this.#db, this.#git, scope.projectId, page.rows) }
  }

  /** By number or id. */
  async view(scope: ProjectScope, reference: string | number): Promise<ReleaseView> {
    const found = await this.#find(scope, reference)
    const application = await applicationOf(this.#db, found.release.id)
    const [row] = await titled(this.#db, this.#git, scope.projectId, [rowOf(found)])
    return {
      ...row!,
      application: {
        kind: application.kind,
        entry: application.entry,
        files: Object.keys(application.files).sort(),
        outlines: outlinesOf(application),
        detected: Object.fromEntries(
          Object.entries(application.detected).map(([folder, { because }]) => [folder, because]),
        ),
        notHonoured: application.notHonoured,
        problems: application.problems.map(({ reason: _, column: __, ...problem }) => problem),
      },
    }
  }

  /** The files that say what the application is, as they were written. */
  async description(scope: ProjectScope, reference: string | number): Promise<ReleaseDescription> {
    const { files } = await applicationOf(this.#db, (await this.#find(scope, reference)).release.id)
    const paths = Object.keys(files).sort()
    return { files: paths.map((path) => ({ path, text: files[path]! })) }
  }

  /** What came in since the release before, and how its description differs from that one's. */
  async changes(scope: ProjectScope, reference: string | number): Promise<ReleaseChanges> {
    return changesOf(this.#db, this.#git, (await this.#find(scope, reference)).release)
  }

  async #find(scope: ProjectScope, reference: string | number) {
    const [row] = await selectReleases(this.#db).where(and(eq(releases.projectId, scope.projectId), named(reference)))
    if (!row) throw notFound('release')
    return row
  }

  /** The job, when this very agent still works on it under this very lease. */
  async #heldJob(agent: { id: string }, { jobId, fence }: { jobId: string; fence: number }) {
    const job = await maybeOne(
      this.#db
        .select({
          projectId: jobs.projectId,
          organizationId: projects.organizationId,
          runId: pipelineRuns.id,
          runNumber: pipelineRuns.number,
          commit: pipelineRuns.commit,
          ref: pipelineRuns.ref,
          actorId: pipelineRuns.actorId,
        })
        .from(jobs)
        .innerJoin(pipelineRuns, eq(pipelineRuns.id, jobs.runId))
        .innerJoin(projects, eq(projects.id, jobs.projectId))
        .innerJoin(leases, and(eq(leases.subjectId, jobs.id), eq(leases.fence, fence)))
        .where(and(eq(jobs.id, jobId), eq(jobs.agentId, agent.id), inArray(jobs.status, ['leased', 'running']))),
    )
    if (job) return job
    throw new AppError('conflict', 'job.not_held', {
      message: 'This job is no longer leased to this agent: its words are refused.',
    })
  }

  async #once(
    projectId: string,
    key: string | null,
    make: { scope: ProjectScope; values: Omit<NewRelease, 'requestKey'> },
  ): Promise<Release> {
    const earlier = await this.#byKey(projectId, key)
    if (earlier) return earlier
    try {
      const release = await this.#db.transaction((tx) => insert(tx, make.scope, { ...make.values, requestKey: key }))
      crashPoint('release.after.make')
      return release
    } catch (error) {
      const other = isUniqueViolation(error) ? await this.#byKey(projectId, key) : null
      if (!other) throw error
      return other
    }
  }

  async #byKey(projectId: string, key: string | null): Promise<Release | null> {
    if (key === null) return null
    return maybeOne(
      this.#db
        .select()
        .from(releases)
        .where(and(eq(releases.projectId, projectId), eq(releases.requestKey, key))),
    )
  }
}

async function insert(tx: Transaction, scope: ProjectScope, values: NewRelease): Promise<Release> {
  await requireBundle(tx, scope.projectId, values.digest)
  const { number } = await one(
    tx
      .update(projects)
      .set({ lastRelease: sql`${projects.lastRelease} + 1` })
      .where(eq(projects.id, scope.projectId))
      .returning({ number: projects.lastRelease }),
  )
  const release = await one(
    tx
      .insert(releases)
      .values({
        ...values,
        projectId: scope.projectId,
        number,
        // A person's release belongs to no branch, so that nothing follows it.
        ...(values.runId ? {} : { followedAt: sql`now()` as never }),
      })
      .returning(),
  )
  await record(tx, scope, 'release.made', {
    subjectId: release.id,
    data: { number, digest: values.digest, commit: values.commit ?? null, runId: values.runId ?? null },
  })
  crashPoint('release.before.make')
  return release
}

/** The description as it is written. What no environment could run is refused here, before there is a release. */
function describe(input: { description: Record<string, string>; listing: string[] }): ApplicationSource {
  const { description } = input
  const paths = [...new Set([...input.listing.filter((name) => !name.endsWith('/')), ...Object.keys(description)])]
  const source = describeApplication({
    read: (path) => (Object.hasOwn(description, path) ? description[path]! : null),
    list: () => paths,
  })
  const errors = source.problems.filter(({ severity }) => severity === 'error')
  const [first] = errors
  if (first) {
    const place = ({ file, line }: (typeof errors)[number]) =>
      file === null ? '' : `${file}${line === null ? '' : `:${line}`}: `
    throw new AppError('invalid', first.reason, {
      message: errors.map((problem) => `${place(problem)}${problem.message}`).join('\n'),
      details: { problems: errors },
    })
  }
  return source
}

const named = (reference: string | number) => {
  if (typeof reference === 'string' && isUuid(reference)) return eq(releases.id, reference)
  const number = Number(String(reference).replace(/^#/, ''))
  if (Number.isSafeInteger(number) && number > 0 && number <= 2_147_483_647) return eq(releases.number, number)
  throw new AppError('invalid', 'input.invalid', {
    message: `release: give its number or its id, not "${reference}".`,
    details: { field: 'release' },
  })
}

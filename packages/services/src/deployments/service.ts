import type { Readable } from 'node:stream'
import type { Database, Transaction } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { paged } from '@juanie/core/pages'
import { crashPoint } from '@juanie/core/points'
import type { ProjectScope } from '@juanie/core/scope'
import { and, eq } from 'drizzle-orm'
import type {
  AskDeployment,
  AskedDeployment,
  DeploymentProgress,
  InstanceUsage,
  Observed,
  ObservedAnswer,
} from '../hosts/contract.ts'
import type { ProjectPart } from '../projects/port.ts'
import type { Bundles } from '../releases/index.ts'
import type { BlobStore } from '../releases/port.ts'
import { releases } from '../releases/tables.ts'
import type { Secrets } from '../secrets/index.ts'
import { alreadyAsked, heldJob, joinable, markUnrepeatable, releaseOfRun } from './ask.ts'
import { cleanDeployments, cleanEvidence, cleanReleases, type Keeping } from './clean.ts'
import { compareDeployments, type DeploymentComparison } from './compare.ts'
import type {
  DeploymentAnswer,
  DeploymentOutcome,
  DeploymentPlan,
  DeploymentRow,
  DeploymentView,
  EnvironmentStatus,
  ReleaseName,
} from './contract.ts'
import { DesiredStates } from './desired.ts'
import { follow, unfollowed } from './follow.ts'
import { storeObserved } from './observe.ts'
import { type ProjectOverview, readOverview } from './overview.ts'
import { cancelSentence } from './plan.ts'
import { planDeployment } from './preview.ts'
import { type Bundle, Reconciler } from './reconcile.ts'
import { type Asked, deployAsked, promoteAsked, rollbackAsked } from './requests.ts'
import { readAnswer, readRows, type UrlOf } from './rows.ts'
import { digestOf, type InstallationTimes } from './snapshot.ts'
import { findDeployment, findEnvironment, once, type StartParts } from './start.ts'
import { isFinal } from './status.ts'
import { type LogSource, sourcesOf } from './streams.ts'
import { doubtSilentHosts, flagSlow, openDeployments } from './sweep.ts'
import { deployments } from './tables.ts'
import { callFor } from './transition.ts'
import { storeUsage } from './usage.ts'
import { readEnvironments, readView, waitsForAll } from './views.ts'
import { withdrawProject } from './withdraw.ts'
import { Worker } from './worker.ts'

const mostUnfollowed = 100
/** What is slow or silent is looked for this often. */
const lookEveryMs = 5_000
/** A deployment that another server moves is noticed by looking. */
const progressPollMs = 1_000

/** Puts releases into environments, verifies them, and keeps them or returns. */
export class Deployments implements ProjectPart {
  readonly #db: Database
  readonly #parts: StartParts & { blobs: BlobStore }
  readonly #bundles: Bundles
  readonly #url: UrlOf
  readonly #clock: () => number
  readonly #desired: DesiredStates
  readonly #reconciler: Reconciler
  readonly #worker: Worker
  readonly #desiredChanged: (hostId: string) => void
  readonly #failed: (error: unknown, id: string) => void
  #lookedAt = 0

  /** `owner` is this server's id for leases. `desiredChanged` is called right after a commit that edited a host. */
  constructor(parts: {
    db: Database
    secrets: Secrets
    blobs: BlobStore
    bundles: Bundles
    owner: string
    times: InstallationTimes
    url: UrlOf
    desiredChanged: (hostId: string) => void
    /** Told of what went wrong beside a request, with the deployment or release it was about. */
    failed: (error: unknown, id: string) => void
    clock?: () => number
  }) {
    const { db, secrets, blobs, owner, times, clock = Date.now } = parts
    this.#db = db
    this.#parts = { db, secrets, times, blobs }
    this.#bundles = parts.bundles
    this.#url = parts.url
    this.#clock = clock
    this.#desiredChanged = parts.desiredChanged
    this.#failed = parts.failed
    this.#desired = new DesiredStates({ db, secrets })
    const signals = { desired: parts.desiredChanged, deployment: (id: string) => this.#worker.request(id) }
    this.#reconciler = new Reconciler({ db, blobs, owner, clock, signals })
    this.#worker = new Worker({
      run: (id) => this.#reconciler.run(id),
      isAtRest: (id) => this.#reconciler.isAtRest(id),
      failed: parts.failed,
      clock,
    })
  }

  /** A project begins with nothing deployed. */
  async begin(): Promise<void> {}

  /** Everything that runs of a deleted project ends, and nothing of it begins any more. */
  async end(tx: Transaction, scope: ProjectScope): Promise<void> {
    await withdrawProject(tx, scope.projectId, this.#clock())
  }

  /** Deploys a release, by default the usual one of the environment. */
  async start(scope: ProjectScope, input: Asked & { release?: string | number | null }): Promise<DeploymentAnswer> {
    return this.#begin(scope, input, (tx) => deployAsked(tx, this.#parts, scope, input))
  }

  /** Takes what serves in one environment to another, by default the next by position. */
  async promote(scope: ProjectScope, input: Asked & { to?: string | null }): Promise<DeploymentAnswer> {
    return this.#begin(scope, input, (tx) => promoteAsked(tx, this.#parts, scope, input))
  }

  /** Deploys the snapshot of an earlier deployment again, or its release with today's configuration. */
  async rollback(
    scope: ProjectScope,
    input: Asked & { to?: string | number | null; config?: 'snapshot' | 'current' },
  ): Promise<DeploymentAnswer> {
    return this.#begin(scope, input, (tx) => rollbackAsked(tx, this.#parts, scope, input))
  }

  async #begin(
    scope: ProjectScope,
    input: Asked,
    ask: (tx: Parameters<Parameters<typeof once>[2]>[0]) => ReturnType<typeof deployAsked>,
  ): Promise<DeploymentAnswer> {
    const request = { projectId: scope.projectId, key: input.requestKey ?? null }
    let begun: { release: ReleaseName; bundle: Promise<Bundle> } | null = null
    const { row, isNew } = await once(this.#db, request, async (tx) => {
      const prepared = await ask(tx)
      if (scope.actor.kind === 'user') {
        const { environment, snapshot } = prepared
        const asked = await alreadyAsked(tx, { environment, digest: digestOf(snapshot) })
        if (asked) return asked
      }
      const { id, number, digest, commit } = prepared.release
      begun = { release: { id, number, digest, commit }, bundle: this.#reconciler.look(prepared.snapshot.bundle) }
      return prepared.insert(this.#clock())
    })
    if (!isNew || !begun) {
      this.#worker.request(row.id)
      return this.#answer(row.id)
    }
    const { release, bundle } = begun as { release: ReleaseName; bundle: Promise<Bundle> }
    this.#reconciler.saw(row.id, await bundle)
    this.#worker.request(row.id)
    const { id, number, status, reason, snapshot } = row
    return { id, number, status, reason, url: await this.#url(snapshot.hostname), release }
  }

  /** What would change, and why it would be refused; nothing is written. */
  async plan(
    scope: ProjectScope,
    input:
      | (Asked & { kind: 'deploy'; release?: string | number | null })
      | (Asked & { kind: 'promotion'; to?: string | null })
      | (Asked & { kind: 'rollback'; to?: string | number | null; config?: 'snapshot' | 'current' }),
  ): Promise<DeploymentPlan> {
    return planDeployment(this.#parts, scope, (tx) => {
      if (input.kind === 'rollback') return rollbackAsked(tx, this.#parts, scope, input)
      if (input.kind === 'promotion') return promoteAsked(tx, this.#parts, scope, input)
      return deployAsked(tx, this.#parts, scope, input)
    })
  }

  /** Before the switch nothing changes for anybody; after it the traffic goes back to the version before. */
  async cancel(scope: ProjectScope, reference: string | number): Promise<DeploymentAnswer> {
    const id = await this.#db.transaction(async (tx) => {
      const { id } = await findDeployment(tx, scope.projectId, reference)
      const [row] = await tx.select().from(deployments).where(eq(deployments.id, id)).for('no key update')
      if (!row) throw notFound('deployment')
      if (isFinal(row.status) || row.status === 'rolling_back') {
        throw new AppError('conflict', 'deployment.over', {
          message: `Deployment #${row.number} is ${row.status.replaceAll('_', ' ')}: there is nothing left to cancel.`,
        })
      }
      if (row.cancelRequestedAt) return id
      await tx
        .update(deployments)
        .set({ cancelRequestedAt: new Date(this.#clock()), cancelReason: cancelSentence(scope.actor.name) })
        .where(eq(deployments.id, id))
      await record(tx, scope, 'deployment.cancel_requested', { subjectId: id, data: { number: row.number } })
      await callFor(tx, id)
      crashPoint('deployment.before.cancel')
      return id
    })
    crashPoint('deployment.after.cancel')
    this.#worker.request(id)
    return this.#answer(id)
  }

  async list(
    scope: ProjectScope,
    query: {
      environment?: string | null
      releaseId?: string | null
      outcome?: DeploymentOutcome | null
      after?: number | null
      limit: number
    },
  ): Promise<{ rows: DeploymentRow[]; next: number | null }> {
    const environmentId = query.environment
      ? await this.#db.transaction(async (tx) => (await findEnvironment(tx, scope.projectId, query.environment!)).id)
      : null
    const { projectId } = scope
    const { releaseId = null, outcome = null, after = null, limit } = query
    const page = { projectId, environmentId, releaseId, outcome, before: after, limit: limit + 1 }
    return paged(await readRows(this.#db, page, this.#url), limit, ({ number }) => number)
  }

  async view(scope: ProjectScope, reference: string | number): Promise<DeploymentView> {
    const { id } = await this.#db.transaction((tx) => findDeployment(tx, scope.projectId, reference))
    const view = await readView(this.#db, id, { url: this.#url, now: this.#clock() })
    if (!view) throw notFound('deployment')
    return view
  }

  /** What serves where, and the latest attempt of each environment. */
  async environments(scope: ProjectScope): Promise<EnvironmentStatus[]> {
    return readEnvironments(this.#db, scope.projectId, { url: this.#url, now: this.#clock() })
  }

  /** The way from commit to production. */
  async overview(scope: ProjectScope): Promise<ProjectOverview> {
    return readOverview(this.#db, scope.projectId, { url: this.#url, now: this.#clock() })
  }

  async compare(scope: ProjectScope, wish: { a: string | number; b: string | number }): Promise<DeploymentComparison> {
    return compareDeployments(this.#db, scope, { ...wish, url: this.#url })
  }

  /** Called right after a run made a release; safe to repeat, and a sweep finds what was forgotten. */
  async onReleaseMade(releaseId: string): Promise<void> {
    for (const id of await follow(this.#parts, this.#clock, releaseId)) this.#worker.request(id)
  }

  /** Whose lines an environment has to show; asked again and again by whoever follows them. */
  async logSources(scope: ProjectScope, environment: string): Promise<LogSource[]> {
    const { projectId } = scope
    const { id } = await this.#db.transaction((tx) => findEnvironment(tx, projectId, environment))
    return sourcesOf(this.#db, { projectId, environmentId: id })
  }

  async logSource(scope: ProjectScope, instanceId: string): Promise<LogSource[]> {
    const found = await sourcesOf(this.#db, { projectId: scope.projectId, instanceId })
    if (found.length === 0) throw notFound('instance')
    return found
  }

  /** All that should be true on a host. */
  desiredFor(hostId: string) {
    return this.#desired.of(hostId)
  }

  /** Takes an agent's word on its host, and brings on whatever waited for it. */
  async observe(agent: { id: string; hostId: string }, observed: Observed): Promise<ObservedAnswer> {
    const change = await storeObserved(this.#db, agent, observed)
    for (const id of change.deployments) this.#worker.request(id)
    if (change.isDesiredNew) this.#desiredChanged(agent.hostId)
    return change.answer
  }

  async measure(agent: { hostId: string }, usage: readonly InstanceUsage[]): Promise<void> {
    await storeUsage(this.#db, agent.hostId, usage)
  }

  /** Somebody was told that this deployment may have something to do. */
  nudge(deploymentId: string): void {
    this.#worker.look(deploymentId)
  }

  /** Removes what nothing needs any more, in small steps. */
  async clean(keeping: Keeping): Promise<{ deployments: number; releases: number; bundles: number }> {
    await cleanEvidence(this.#db, keeping)
    return {
      deployments: await cleanDeployments(this.#db, keeping),
      releases: await cleanReleases(this.#db, keeping),
      bundles: await this.#bundles.clean(),
    }
  }

  /** Finds whatever has something to do, so that nothing depends on a notification or on a server that lives. */
  async sweep(): Promise<void> {
    for await (const id of openDeployments(this.#db)) this.#worker.look(id)
    await this.#followForgotten()
    if (this.#clock() - this.#lookedAt < lookEveryMs) return
    this.#lookedAt = this.#clock()
    await flagSlow(this.#db, this.#clock())
    await doubtSilentHosts(this.#db)
  }

  /** One release that cannot be followed keeps no other from it. */
  async #followForgotten(): Promise<void> {
    for (const id of await unfollowed(this.#db, mostUnfollowed)) {
      await this.onReleaseMade(id).catch((error: unknown) => this.#failed(error, id))
    }
  }

  /** When everything that was asked of this process is done. */
  settled(): Promise<void> {
    return this.#worker.settled()
  }

  close(): Promise<void> {
    return this.#worker.close()
  }

  /** What `juanie/deploy` asks for. A deployment of the same release that is on its way there is joined. */
  async ask(agent: { id: string; name: string }, input: AskDeployment): Promise<AskedDeployment> {
    const wish = await this.#db.transaction(async (tx) => {
      const job = await heldJob(tx, agent, input)
      await markUnrepeatable(tx, job.jobId)
      const release = await releaseOfRun(tx, job, input.release)
      const joined = await joinable(tx, job, { environment: input.environment, releaseId: release.id })
      return { job, release, joined }
    })
    if (wish.joined) return { deploymentId: wish.joined.id, number: wish.joined.number }
    const { id, number } = await this.start(wish.job.scope, {
      environment: input.environment,
      release: wish.release.id,
      requestKey: `${input.jobId}:${input.step}`,
      origin: 'workflow',
      method: 'pipeline',
      requestedBy: wish.job.actorId,
    })
    return { deploymentId: id, number }
  }

  /** How a deployment stands, for a step that watches it; answers when it is over, at the latest after `waitMs`. */
  async progress(
    agent: { id: string; name: string },
    held: { jobId: string; fence: number },
    wish: { deploymentId: string; waitMs: number },
  ): Promise<DeploymentProgress> {
    const job = await this.#db.transaction((tx) => heldJob(tx, agent, held))
    const { id } = await this.#db.transaction((tx) => findDeployment(tx, job.projectId, wish.deploymentId))
    const until = performance.now() + wish.waitMs
    for (;;) {
      const [row] = await this.#db.select().from(deployments).where(eq(deployments.id, id))
      if (!row) throw notFound('deployment')
      const left = until - performance.now()
      if (isFinal(row.status) || left <= 0) {
        const { url } = await this.#answer(id)
        const waiting = (await waitsForAll(this.#db, [row], this.#clock())).get(id)
        const what = waiting ? `${waiting.what} (ended by ${waiting.endedBy})` : null
        return { status: row.status, final: isFinal(row.status), reason: row.reason, url, waitsFor: what }
      }
      await this.#worker.next(id, Math.min(left, progressPollMs))
    }
  }

  /** Opens a bundle for an agent: of a deployment on its host, or of a project that it works for now. */
  async readBundle(
    agent: { id: string; hostId: string },
    digest: string,
  ): Promise<{ bytes: number; content: Readable }> {
    const [mine] = await this.#db
      .select({ id: deployments.id })
      .from(deployments)
      .innerJoin(releases, eq(releases.id, deployments.releaseId))
      .where(and(eq(deployments.hostId, agent.hostId), eq(releases.digest, digest)))
      .limit(1)
    const mayRead = mine !== undefined || (await this.#bundles.isForJobOf(agent, digest))
    const found = mayRead ? await this.#bundles.read(digest) : null
    if (found) return found
    throw new AppError('not_found', 'bundle.not_found', {
      message: 'There is no such bundle, or nothing on this host needs it.',
    })
  }

  async #answer(id: string): Promise<DeploymentAnswer> {
    const answer = await readAnswer(this.#db, id, this.#url)
    if (!answer) throw notFound('deployment')
    return answer
  }
}

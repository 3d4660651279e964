import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Frame } from '@juanie/services/hosts/contract'
import type { ActionNodes } from './action-nodes.ts'
import { ActionTrees } from './action-trees.ts'
import { jobFolders, removeJobFolders, SpareFolders, type StepUser } from './folders.ts'
import { Forwarder } from './forwarder.ts'
import type { JobProgramsParts } from './job-programs.ts'
import { type CancelReason, JobRun } from './job-run.ts'
import { sourceOf } from './mirror.ts'
import { servicePasses } from './service-environment.ts'
import { ToolCaches } from './tool-cache.ts'
import type { JobUpstream } from './upstream.ts'
import type { UserPrograms } from './user-programs.ts'

export interface JobsParts {
  /** The agent's folder: mirrors, actions and tools lie below it, and `jobs/<number>`. */
  home: string
  /** Where the folders of jobs lie instead. */
  jobs?: string
  nodeFolder: string
  nodes: ActionNodes
  /** What every tool cache begins with; null: nothing but the Node.js of this host. */
  toolSeed: string | null
  /** Environment that the operator gives to every job. */
  jobEnvironment: Record<string, string>
  /** Whose programs steps are; null: the agent's own. */
  user: StepUser | null
  upstream: JobUpstream
  /** Programs of the step's user for one job; `readable` are further folders that it may read. */
  programsFor(
    job: Pick<
      JobProgramsParts,
      'jobId' | 'fence' | 'root' | 'files' | 'handover' | 'home' | 'memoryBytes' | 'readable' | 'writable' | 'isBeside'
    >,
  ): UserPrograms
  warn(message: string, error: unknown): void
}

type LeaseFrame = Extract<Frame, { type: 'lease' }>

/** The jobs that this agent works on. */
export class Jobs {
  readonly #parts: JobsParts
  readonly #running = new Map<
    string,
    { fence: number; projectId: string; run: JobRun; done: Promise<void>; passes: string[] }
  >()
  /** Of the jobs whose folders are there. */
  readonly #numbers = new Set<number>()
  readonly #folder: string
  readonly #spare: SpareFolders
  readonly #trees: ActionTrees
  readonly #tools: ToolCaches
  readonly #forwarder: Forwarder

  constructor(parts: JobsParts) {
    this.#parts = parts
    this.#folder = parts.jobs ?? join(parts.home, 'jobs')
    mkdirSync(this.#folder, { recursive: true, mode: 0o711 })
    this.#trees = new ActionTrees(join(parts.home, 'actions'))
    const tools = join(parts.home, 'tools')
    for (const folder of [tools, this.#trees.folder, parts.nodes.folder]) {
      mkdirSync(folder, { recursive: true, mode: folder === tools ? 0o711 : 0o755 })
    }
    this.#tools = new ToolCaches({
      folder: tools,
      user: parts.user,
      seed: parts.toolSeed,
      nodes: () => parts.nodes.seeds(),
      warn: parts.warn,
    })
    this.#forwarder = new Forwarder({
      serverUrl: () => parts.upstream.serverUrl(),
      maskOf: (token) => {
        const held = [...this.#running.values()].find(({ passes }) => passes.includes(token))
        return held ? (text) => held.run.mask(text) : null
      },
    })
    this.#spare = new SpareFolders(this.#folder, parts.user, (error) =>
      parts.warn('the folders of the next job could not be prepared', error),
    )
  }

  /** Removes what an earlier agent process left behind, whose programs the caller has ended, and prepares for work. */
  async clean(): Promise<void> {
    for (const name of readdirSync(this.#folder)) {
      if (!this.#numbers.has(Number(name)) && !this.#spare.holds(name)) await removeJobFolders(join(this.#folder, name))
    }
    if (this.#running.size === 0) {
      await this.#trees.clean()
      await this.#tools.clean()
    }
    this.#spare.prepare()
  }

  holding(): { jobId: string; fence: number }[] {
    return [...this.#running].map(([jobId, { fence }]) => ({ jobId, fence }))
  }

  /** Begins a job at once; slots are the server's business. The same lease twice is one job. */
  lease({ job, fence }: Omit<LeaseFrame, 'v' | 'type'>): void {
    const held = this.#running.get(job.jobId)
    if (held) {
      if (held.fence === fence) return
      held.run.cancel('lost')
    }
    const { upstream, nodeFolder } = this.#parts
    const mirrors = join(this.#parts.home, 'mirrors')
    const tools = this.#tools.of(job.projectId)
    const number = this.#takeNumber()
    const folders = jobFolders(join(this.#folder, String(number)), repositoryName(job.repository.path), tools)
    const programs = this.#parts.programsFor({
      jobId: job.jobId,
      fence,
      root: folders.root,
      files: folders.files,
      handover: folders.handover,
      home: folders.home,
      memoryBytes: job.limits.memoryBytes,
      readable: [
        job.repository.localPath ?? join(mirrors, `${job.projectId}.git`),
        this.#trees.folder,
        ...this.#parts.nodes.readable,
      ],
      writable: [tools],
      isBeside: job.instance.job.steps.some(({ background }) => background),
    })
    const source = (signal: AbortSignal) => sourceOf(job, { mirrors, serverUrl: upstream.serverUrl(), signal })
    const isUsed = () =>
      [...this.#running].some(([id, { projectId }]) => projectId === job.projectId && id !== job.jobId)
    const makeFolders = async () => {
      await this.#forwarder.listen()
      await this.#tools.make(job.projectId, isUsed)
      await this.#spare.give(folders)
    }
    const { nodes, jobEnvironment } = this.#parts
    const run = new JobRun({
      job,
      fence,
      upstream,
      folders,
      makeFolders,
      programs,
      nodeFolder,
      jobEnvironment,
      trees: this.#trees,
      nodes,
      servicesUrl: () => this.#forwarder.url,
      source,
    })
    const done = run
      .run()
      .catch((error) => this.#parts.warn(`job ${job.jobId} ended abnormally`, error))
      .then(() => removeJobFolders(folders.root))
      .catch((error) => this.#parts.warn(`the folder of job ${job.jobId} could not be removed`, error))
      .finally(() => {
        this.#numbers.delete(number)
        if (this.#running.get(job.jobId)?.run === run) this.#running.delete(job.jobId)
      })
    this.#running.set(job.jobId, { fence, projectId: job.projectId, run, done, passes: servicePasses(job) })
  }

  /**
   * The lowest number that is free names the folder of a job, so that jobs lie at the same few paths: a cache is known by
   * the paths that were saved, too, and one of other paths is never found.
   */
  #takeNumber(): number {
    let number = 1
    while (this.#numbers.has(number) || existsSync(join(this.#folder, String(number)))) number++
    this.#numbers.add(number)
    return number
  }

  cancel(jobId: string, fence: number, reason: CancelReason): void {
    const held = this.#running.get(jobId)
    if (held?.fence === fence) held.run.cancel(reason)
  }

  /** Ends every job without a word: the server decides when their leases run out. */
  async close(): Promise<void> {
    const running = [...this.#running.values()]
    for (const { run } of running) run.cancel('lost')
    await Promise.all(running.map(({ done }) => done))
    await this.#spare.close()
    await this.#forwarder.close()
  }
}

const repositoryName = (path: string): string =>
  path
    .split('/')
    .at(-1)
    ?.replace(/\.git$/, '') || 'work'

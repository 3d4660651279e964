import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { RunView } from '@juanie/services/runs/contract'
import { Juanie } from '../../e2e/lib/juanie.ts'
import { Api } from './api.ts'
import { until, wallMs } from './clock.ts'
import { cpuMsOf, processesIn } from './processes.ts'
import { WorkingCopy } from './repository.ts'

const finalStatuses = ['succeeded', 'failed', 'canceled', 'timed_out', 'skipped', 'superseded', 'invalid']

interface FeedEvent {
  type: string
  subjectId: string
}

/** Juanie as a person has it, with what a benchmark needs to use and to watch it. */
export class Platform implements AsyncDisposable {
  readonly juanie: Juanie
  readonly api: Api
  readonly token: string

  private constructor(juanie: Juanie, token: string) {
    this.juanie = juanie
    this.token = token
    this.api = new Api(juanie.port, token)
  }

  static async start(): Promise<Platform> {
    const juanie = await Juanie.start()
    try {
      await juanie.login()
      const { token } = await juanie.json<{ token: string }>(['token', 'create', 'bench'])
      return new Platform(juanie, token)
    } catch (error) {
      await juanie[Symbol.asyncDispose]()
      throw error
    }
  }

  /** A project, and a working copy with these files that was pushed to it once. */
  async project(slug: string, files: Record<string, string>): Promise<Project> {
    const made = await this.juanie.json<{ id: string; cloneUrl: string }>(['project', 'create', slug])
    const copy = await WorkingCopy.make(join(this.juanie.home, 'copies', slug), files)
    const url = made.cloneUrl.replace('://', `://bench:${this.token}@`)
    const project = new Project(this, { id: made.id, slug, url, copy })
    await project.watch()
    return project
  }

  /** Server, agent, edge, database, and whatever else works in the home. */
  processes() {
    return processesIn(this.juanie.home)
  }

  cpuMs(): number {
    return cpuMsOf(this.processes().map(({ pid }) => pid))
  }

  /** The process of a program of Juanie's own. */
  pidOf(program: 'server' | 'agent' | 'edge'): number {
    const all = this.processes()
    if (program === 'server') return this.juanie.serverPid
    const found = all.find(({ pid, command }) => command.includes(`${program}.mjs`) && isNode(pid))
    if (!found) throw new Error(`there is no ${program}`)
    return found.pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.api[Symbol.dispose]()
    await this.juanie[Symbol.asyncDispose]()
  }
}

function isNode(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith('node') && readFileSync(`/proc/${pid}/stat`).length > 0
  } catch {
    return false
  }
}

export class Project {
  readonly id: string
  readonly slug: string
  readonly url: string
  readonly copy: WorkingCopy
  readonly #platform: Platform
  /** When each subject's event of a type arrived, by `<type> <subject>`. */
  readonly #seen = new Map<string, number>()
  #stop: (() => void) | null = null

  constructor(platform: Platform, about: { id: string; slug: string; url: string; copy: WorkingCopy }) {
    this.#platform = platform
    this.id = about.id
    this.slug = about.slug
    this.url = about.url
    this.copy = about.copy
  }

  get api(): Api {
    return this.#platform.api
  }

  async watch(): Promise<void> {
    this.#stop = await this.api.stream(`/api/events?projectId=${this.id}`, ({ data }) => {
      if (data.length === 0) return
      const event = JSON.parse(data.join('\n')) as FeedEvent
      this.#seen.set(`${event.type} ${event.subjectId}`, wallMs())
    })
  }

  /** When a viewer of the project's events heard that the run was over. */
  finished(runId: string, limitMs = 60_000): Promise<number> {
    const key = `run.finished ${runId}`
    return until(`run ${runId} to be over`, () => this.#seen.get(key), { limitMs, everyMs: 2 })
  }

  run(run: string | number): Promise<RunView> {
    return this.api.query('runs.view', { projectId: this.id, run })
  }

  /** The run of a commit, when it is over and succeeded. */
  async runOf(commit: string): Promise<RunView> {
    const id = await until(
      `the run of ${commit}`,
      async () => {
        const { rows } = await this.api.query<{ rows: { id: string; commit: string }[] }>('runs.list', {
          projectId: this.id,
          limit: 5,
        })
        return rows.find((row) => row.commit === commit)?.id
      },
      { everyMs: 20 },
    )
    await this.finished(id)
    return this.succeeded(id)
  }

  async succeeded(runId: string): Promise<RunView> {
    const run = await this.run(runId)
    if (run.status === 'succeeded') return run
    const why = run.reason ?? run.problems[0]?.message ?? run.jobs[0]?.reason
    throw new Error(`run #${run.number} is ${run.status}, not succeeded: ${why ?? JSON.stringify(run).slice(0, 500)}`)
  }

  /** Starts a workflow by hand; the moment at which that was asked, and the run. */
  async dispatch(workflow: string): Promise<{ began: number; runId: string }> {
    const began = wallMs()
    const { id } = await this.api.mutate<{ id: string }>('runs.dispatch', { projectId: this.id, workflow })
    return { began, runId: id }
  }

  /** Dispatches, waits until a viewer hears of the end, and checks that every step succeeded. */
  async timed(workflow: string, steps: number): Promise<number> {
    const { began, runId } = await this.dispatch(workflow)
    const ended = await this.finished(runId)
    const run = await this.succeeded(runId)
    expectSteps(run, steps)
    return ended - began
  }

  /** Lines of the first step as a viewer gets them, until its end. */
  async lines(run: RunView, limitMs = 30_000): Promise<string[]> {
    const found: string[] = []
    let isOver = false
    const stop = await this.api.stream(this.logPath(run), ({ name, data }) => {
      if (name === 'end') isOver = true
      else if (name === 'lines') found.push(...data.map((line) => (JSON.parse(line) as [number, string])[1]))
    })
    try {
      await until('the end of a log', () => isOver, { limitMs, everyMs: 2 })
      return found
    } finally {
      stop()
    }
  }

  /** The log of the first step of the first job. */
  logPath(run: RunView): string {
    return `/api/projects/${this.id}/runs/${run.id}/jobs/${run.jobs[0]!.id}/steps/0/log`
  }

  end(): void {
    this.#stop?.()
  }
}

export const isFinal = (status: string): boolean => finalStatuses.includes(status)

export function expectSteps(run: RunView, count: number): void {
  const steps = run.jobs.flatMap((job) => job.steps)
  const good = steps.filter((step) => step.status === 'succeeded')
  if (good.length !== count || steps.length !== count)
    throw new Error(`run #${run.number} has ${good.length} of ${steps.length} steps succeeded, not ${count}`)
}

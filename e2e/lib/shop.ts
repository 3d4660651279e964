import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { Api } from './api.ts'
import { linesPrinted, type Version, writeVersion } from './application.ts'
import { admin, cleanEnvironment, finish, Juanie, processesNaming, until } from './juanie.ts'
import { visit } from './visitor.ts'

export interface Environment {
  name: string
  url: string
  health: string
  release: { number: number; commit: string | null } | null
  deployment: { id: string; number: number; status: string } | null
  last: { id: string; number: number; status: string; reason: string | null } | null
}

export interface Deployment {
  id: string
  number: number
  status: string
  reason: string | null
  origin: string
  final: boolean
  environment: { name: string }
  release: { number: number; commit: string | null }
}

export interface Run {
  id: string
  number: number
  status: string
  reason: string | null
  commit: string
  event: string
}

export interface Job {
  id: string
  key: string
  name: string
  status: string
  reason: string | null
  repeat: number
  steps: { place: number; name: string; status: string; lines: number }[]
}

export const openRuns = ['created', 'blocked', 'queued', 'running']
/** Bound of anything that has to come to its end, on a slow machine. */
export const endLimitMs = 60_000

/** One project on one installation, with a work tree of it, as its developer sees it. */
export class Shop implements AsyncDisposable {
  readonly juanie: Juanie
  readonly api: Api
  readonly folder: string
  projectId = ''
  slug = ''
  #remote = ''

  private constructor(juanie: Juanie, slug: string) {
    this.juanie = juanie
    this.api = new Api(juanie)
    this.slug = slug
    this.folder = join(juanie.home, slug)
  }

  /** Begins an installation with one project in it, whose first version serves. */
  static async open(extra: Record<string, string> = {}): Promise<Shop> {
    const juanie = await Juanie.prepare({
      JUANIE_DEFAULT_SOAK: '500ms',
      JUANIE_DEFAULT_DRAIN: '2s',
      JUANIE_DEFAULT_START_LIMIT: '20s',
      ...extra,
    })
    try {
      await juanie.up()
      const shop = new Shop(juanie, 'shop')
      const { token } = await shop.api.tell<{ token: string }>('auth.login', {
        email: admin.email,
        password: admin.password,
        token: { name: 'scenario' },
      })
      shop.api.token = token
      await shop.create(shop.slug)
      return shop
    } catch (error) {
      console.error(juanie.output)
      await juanie[Symbol.asyncDispose]()
      throw error
    }
  }

  async create(slug: string): Promise<void> {
    const { id: organizationId } = await this.api.ask<{ id: string }>('organizations.find', { slug: 'main' })
    const input = { organizationId, slug, template: 'node' }
    const { id, cloneUrl } = await this.api.tell<{ id: string; cloneUrl: string }>('projects.create', input)
    this.projectId = id
    // What scenarios push is released by their workflows alone; the one of a green commit switches it on.
    await this.api.insist('projects.update', () => this.tell('projects.update', { releasesGreenCommits: false }))
    this.#remote = cloneUrl.replace('://', `://ada:${this.api.token}@`)
    const { code, stderr } = await this.git('clone', '-q', this.#remote, this.folder)
    if (code !== 0) throw new Error(stderr)
  }

  ask<T>(procedure: string, input: object = {}): Promise<T> {
    return this.api.insist(procedure, () => this.api.ask<T>(procedure, { projectId: this.projectId, ...input }))
  }

  /** Once: whether it took effect is for the caller to see, when nobody answered. */
  tell<T>(procedure: string, input: object = {}): Promise<T> {
    return this.api.tell<T>(procedure, { projectId: this.projectId, ...input })
  }

  git(...args: string[]) {
    return finish('git', ['-c', 'user.name=Ada', '-c', `user.email=${admin.email}`, ...args], {
      cwd: args[0] === 'clone' ? this.juanie.home : this.folder,
      env: cleanEnvironment({ HOME: this.juanie.home }),
      limitMs: 60_000,
    })
  }

  async commit(version: Version): Promise<string> {
    writeVersion(this.folder, version)
    await this.must('add', '--all')
    await this.must('commit', '-q', '--allow-empty', '-m', version.text)
    return (await this.must('rev-parse', 'HEAD')).stdout.trim()
  }

  async must(...args: string[]) {
    const done = await this.git(...args)
    if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`)
    return done
  }

  /** As a person does it: again when the server went away in the middle. Answers the commit. */
  async push(version: Version, ref = 'main'): Promise<string> {
    const commit = await this.commit(version)
    await this.pushHead(ref)
    return commit
  }

  async pushHead(ref = 'main'): Promise<string> {
    return until('the push', async () => {
      const { code, stderr } = await this.git('push', '-q', 'origin', `HEAD:${ref}`)
      if (code !== 0) throw new Error(stderr)
      return stderr || 'pushed'
    })
  }

  async environment(name = 'dev'): Promise<Environment> {
    const all = await this.ask<Environment[]>('deployments.environments')
    return all.find((each) => each.name === name)!
  }

  async edit(environment: string, config: object): Promise<void> {
    await this.api.insist('environments.edit', () => this.tell('environments.edit', { environment, config }))
  }

  /** The latest. */
  async runs(limit = 10): Promise<Run[]> {
    return (await this.ask<{ rows: Run[] }>('runs.list', { limit })).rows
  }

  async run(number: number): Promise<Run & { jobs: Job[] }> {
    return this.ask('runs.view', { run: number })
  }

  /** The latest. */
  async deployments(limit = 10): Promise<Deployment[]> {
    return (await this.ask<{ rows: Deployment[] }>('deployments.list', { limit })).rows
  }

  async runOf(commit: string): Promise<Run> {
    return until(`a run of ${commit}`, async () => (await this.runs()).find((run) => run.commit === commit))
  }

  async ended(commit: string, limitMs = endLimitMs): Promise<Run> {
    return until(
      `the end of the run of ${commit}`,
      async () => (await this.runs()).find((run) => run.commit === commit && !openRuns.includes(run.status)),
      limitMs,
    )
  }

  /** The deployment of a commit's release into an environment, when it has one of these statuses. */
  async deployed(
    commit: string,
    statuses: string[] | 'final' = 'final',
    { environment = 'dev', limitMs = endLimitMs } = {},
  ): Promise<Deployment> {
    let last: Deployment | undefined
    return until(
      `a deployment of ${commit} to be ${statuses}`,
      async () => {
        last = (await this.deployments()).find(
          (one) => one.release.commit === commit && one.environment.name === environment && one.status !== 'superseded',
        )
        return last && (statuses === 'final' ? last.final : statuses.includes(last.status)) ? last : null
      },
      limitMs,
    ).catch((error) => {
      throw new Error(`${error.message}; it is ${JSON.stringify(last)}`, { cause: error })
    })
  }

  async answer(path = '/', environment = 'dev'): Promise<string> {
    const { hostname } = new URL(await this.url(environment))
    return (await visit(this.juanie.edgePort, hostname, { path })).body
  }

  readonly #urls = new Map<string, string>()
  async url(environment = 'dev'): Promise<string> {
    const known = this.#urls.get(environment)
    if (known) return known
    const { url } = await this.environment(environment)
    this.#urls.set(environment, url)
    return url
  }

  /** Numbered lines of every step that ran the printing script, as they are stored. */
  async logsOf(run: Run): Promise<{ job: Job; step: Job['steps'][number]; lines: string[]; numbers: number[] }[]> {
    const { jobs } = await this.run(run.number)
    const found = []
    for (const job of jobs) {
      for (const step of job.steps) {
        if (step.lines === 0) continue
        const path = `/api/projects/${this.projectId}/runs/${run.number}/jobs/${job.id}/steps/${step.place}`
        const { lines, total } = await this.api.insist('lines', () => this.api.lines(path))
        if (total !== lines.length) throw new Error(`${step.name}: ${lines.length} of ${total} lines are readable`)
        found.push({ job, step, lines: lines.map(([, , text]) => text), numbers: lines.map(([number]) => number) })
      }
    }
    return found
  }

  /** Processes of the application that live, by their id. */
  living(): number[] {
    return processesNaming(this.juanie.home).flatMap(({ pid, command }) =>
      /^\S*node server\.js/.test(command.trim()) ? [pid] : [],
    )
  }

  /** The database of the installation, as another server of it would reach it; also while this one is dead. */
  async sql<T extends object = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
    const folder = join(this.juanie.environment.JUANIE_HOME!, 'database')
    const port = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[3]
    const password = readFileSync(join(folder, 'password'), 'utf8').trim()
    const client = new pg.Client({ connectionString: `postgres://juanie:${password}@127.0.0.1:${port}/juanie` })
    await client.connect()
    try {
      return (await client.query(text, values)).rows as T[]
    } finally {
      await client.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.juanie[Symbol.asyncDispose]()
  }
}

/** What is wrong with the log of a run, one sentence each. */
export async function faultsOfLogs(shop: Shop, run: Run): Promise<string[]> {
  const faults: string[] = []
  for (const { job, step, lines, numbers } of await shop.logsOf(run)) {
    const where = `${job.name} (${job.status}), ${step.name}`
    if (numbers.some((number, index) => number !== index + 1)) faults.push(`${where}: numbers ${numbers.join(' ')}`)
    const printed = lines.filter((line) => /^line \d+$/.test(line))
    if (printed.some((line, index) => line !== `line ${index + 1}`)) faults.push(`${where}: ${printed.join(', ')}`)
    if (step.name === 'Lines' && step.status === 'succeeded' && printed.length !== linesPrinted)
      faults.push(`${where}: ${printed.length} of ${linesPrinted} lines`)
  }
  return faults
}

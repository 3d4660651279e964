import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cleanEnvironment, type Finished, finish, type Juanie, until } from './juanie.ts'

export interface EnvironmentRow {
  id: string
  name: string
  url: string
  health: string
  release: { number: number; digest: string; commit: string | null } | null
  deployment: { id: string; number: number; status: string } | null
  last: { id: string; number: number; status: string; reason: string | null } | null
}

export interface RunRow {
  id: string
  number: number
  status: string
  event: string
  branch: string
  commit: string
}

const finalRuns = ['succeeded', 'failed', 'canceled', 'timed_out', 'skipped', 'superseded', 'invalid']
const finalDeployments = ['succeeded', 'failed', 'rolled_back', 'rollback_failed', 'canceled', 'superseded']

/** A project of an installation with a clone of its repository, as its developer has it. */
export class Project {
  readonly juanie: Juanie
  readonly name: string
  readonly folder: string
  readonly cloneUrl: string
  readonly token: string

  private constructor(juanie: Juanie, parts: { name: string; cloneUrl: string; token: string }) {
    this.juanie = juanie
    this.name = parts.name
    this.cloneUrl = parts.cloneUrl
    this.token = parts.token
    this.folder = join(juanie.home, parts.name)
  }

  static async create(juanie: Juanie, name: string, template = 'node'): Promise<Project> {
    const { cloneUrl } = await juanie.json<{ cloneUrl: string }>(['project', 'create', name, '--template', template])
    const { token } = await juanie.json<{ token: string }>(['token', 'create', name])
    const project = new Project(juanie, { name, cloneUrl, token })
    if (template === 'empty') {
      mkdirSync(project.folder)
      await project.git('init', '-q', '-b', 'main')
      await project.git('remote', 'add', 'origin', project.remote())
    } else await project.gitAt(juanie.home, 'clone', '-q', project.remote(), project.folder)
    return project
  }

  /** The address with a password in it. */
  remote(password = this.token): string {
    return this.cloneUrl.replace('://', `://anybody:${password}@`)
  }

  gitAt(cwd: string, ...args: string[]): Promise<Finished> {
    return finish(
      'git',
      ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'advice.detachedHead=false', ...args],
      {
        cwd,
        env: cleanEnvironment({ HOME: this.juanie.home }),
      },
    )
  }

  /** Git in the clone; must succeed. */
  async git(...args: string[]): Promise<string> {
    const done = await this.gitAt(this.folder, ...args)
    if (done.code !== 0) throw new Error(`git ${args.join(' ')} ended with ${done.code}: ${done.stderr}`)
    return done.stdout.trim()
  }

  write(files: Record<string, string>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true })
      writeFileSync(join(this.folder, name), text)
    }
  }

  /** Commits everything as it lies and gives the commit. */
  async commit(message: string, files: Record<string, string> = {}): Promise<string> {
    this.write(files)
    await this.git('add', '--all')
    await this.git('commit', '-q', '--allow-empty', '-m', message)
    return this.git('rev-parse', 'HEAD')
  }

  /** What the pusher reads on the terminal. */
  async push(...args: string[]): Promise<string> {
    const done = await this.gitAt(this.folder, 'push', ...(args.length > 0 ? args : ['origin', 'HEAD:main']))
    if (done.code !== 0) throw new Error(`git push ended with ${done.code}: ${done.stderr}`)
    return done.stderr
  }

  json<T>(args: string[], options: Parameters<Juanie['json']>[1] = {}): Promise<T> {
    return this.juanie.json<T>([...args, '--project', `main/${this.name}`], options)
  }

  run(args: string[], options: Parameters<Juanie['juanie']>[1] = {}): Promise<Finished> {
    return this.juanie.juanie([...args, '--project', `main/${this.name}`], options)
  }

  runs(): Promise<RunRow[]> {
    return this.json<RunRow[]>(['run', 'list', '--limit', '100'])
  }

  async environment(name = 'dev'): Promise<EnvironmentRow> {
    const found = (await this.json<EnvironmentRow[]>(['env', 'list'])).find((each) => each.name === name)
    if (!found) throw new Error(`there is no environment ${name}`)
    return found
  }

  /** The run of a commit, when it is over. */
  runOf(commit: string, limitMs = 60_000): Promise<RunRow> {
    return until(
      `the run of ${commit} to be over`,
      async () => (await this.runs()).find((run) => run.commit === commit && finalRuns.includes(run.status)),
      limitMs,
    )
  }

  /** The environment after the deployment of a commit's release, or of anything newer than a number, ended. */
  ended(newerThan: number, name = 'dev', limitMs = 60_000): Promise<EnvironmentRow> {
    return until(
      `a deployment newer than #${newerThan} of ${name} to end`,
      async () => {
        const found = await this.environment(name)
        return found.last && found.last.number > newerThan && finalDeployments.includes(found.last.status) && found
      },
      limitMs,
    )
  }
}

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Projects } from '@juanie/services/projects'
import { call, organization, type Person, person } from './people.ts'
import { type TestApp, testApp } from './test-app.ts'

export interface GitAnswer {
  code: number | null
  stdout: string
  stderr: string
}

/** A server with an owner, her organization `acme`, an empty project `shop`, and a clone of it to push from. */
export interface Shop extends AsyncDisposable {
  t: TestApp
  owner: Person
  organizationId: string
  projectId: string
  clone: Clone
  /** A folder that goes with the shop. */
  folder: string
  urlFor(token: string, project?: string): string
  query(path: string, input?: Record<string, unknown>): ReturnType<typeof call>
  mutate(path: string, input?: Record<string, unknown>): ReturnType<typeof call>
}

class Clone {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  git(...args: string[]): Promise<GitAnswer> {
    return runGit(this.folder, args)
  }

  /** Writes files and commits them; answers the commit's id. */
  async commit(files: Record<string, string>, message = 'Change'): Promise<string> {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true })
      writeFileSync(join(this.folder, path), text)
    }
    await must(this.git('add', '-A'))
    await must(this.git('commit', '-q', '--allow-empty', '-m', message))
    return (await must(this.git('rev-parse', 'HEAD'))).stdout.trim()
  }
}

export async function must(running: Promise<GitAnswer>): Promise<GitAnswer> {
  const answer = await running
  if (answer.code !== 0) throw new Error(`git ended with ${answer.code}: ${answer.stderr}`)
  return answer
}

/** git as a person runs it, with nothing of this machine's configuration. */
export function runGit(folder: string, args: string[]): Promise<GitAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_TERMINAL_PROMPT: '0',
        GIT_AUTHOR_NAME: 'Ada',
        GIT_AUTHOR_EMAIL: 'ada@example.com',
        GIT_COMMITTER_NAME: 'Ada',
        GIT_COMMITTER_EMAIL: 'ada@example.com',
        LC_ALL: 'C',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}

export async function openShop(env: Record<string, string> = {}): Promise<Shop> {
  const t = await testApp(env)
  const folder = mkdtempSync(join(tmpdir(), 'juanie-shop-'))
  const owner = await person(t, 'ada')
  const { id: organizationId } = await organization(t, 'acme', owner)
  const project = await t.app
    .get(Projects)
    .create(
      { organizationId, projectId: null, actor: { kind: 'user', id: owner.id, name: owner.name } },
      { slug: 'shop', template: 'empty' },
    )
  const urlFor = (token: string, name = 'acme/shop') => `${t.url.replace('://', `://any:${token}@`)}/git/${name}.git`
  await must(runGit(folder, ['init', '-q', '-b', 'main', 'clone']))
  const clone = new Clone(join(folder, 'clone'))
  await must(clone.git('remote', 'add', 'origin', urlFor(owner.token)))
  const of = (input: Record<string, unknown>) => ({ projectId: project.id, ...input })
  return {
    t,
    owner,
    organizationId,
    projectId: project.id,
    clone,
    folder,
    urlFor,
    query: (path, input = {}) => call(t, owner.token, { path, type: 'query', input: of(input) }),
    mutate: (path, input = {}) => call(t, owner.token, { path, type: 'mutation', input: of(input) }),
    async [Symbol.asyncDispose]() {
      await t[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const workflow = (on = 'push', run = 'echo hello') =>
  `name: CI\non: ${on}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: ${run}\n`

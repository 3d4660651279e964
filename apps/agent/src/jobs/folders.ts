import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chownSync, mkdirSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface StepUser {
  uid: number
  gid: number
}

/** The folders of one job. All but `handover` belong to the user that steps run as. */
export interface JobFolders {
  root: string
  /** `GITHUB_WORKSPACE`. */
  workspace: string
  /** `RUNNER_TEMP`. */
  temp: string
  home: string
  /** `RUNNER_TOOL_CACHE`, of the project. */
  toolCache: string
  /** Scripts and the files behind `GITHUB_ENV` and its like. */
  files: string
  /** The pipe that takes what steps print. */
  output: string
  /** Written by the agent, read by steps. */
  handover: string
}

export const jobFolders = (root: string, repositoryName: string, toolCache: string): JobFolders => ({
  root,
  workspace: join(root, 'work', repositoryName),
  temp: join(root, 'temp'),
  home: join(root, 'home'),
  toolCache,
  files: join(root, 'files'),
  output: join(root, 'files', 'output'),
  handover: join(root, 'handover'),
})

/** Also makes the pipe; only another program can. */
async function makeJobFolders(folders: JobFolders, user: StepUser | null): Promise<void> {
  const { root, workspace, temp, home, files, output, handover } = folders
  mkdirSync(root, { recursive: true, mode: 0o711 })
  mkdirSync(handover, { mode: 0o755 })
  for (const folder of [dirname(workspace), workspace, temp, home, files]) {
    mkdirSync(folder, { mode: 0o700 })
    if (user) chownSync(folder, user.uid, user.gid)
  }
  await makePipe(output, user)
}

/** Another pipe for what steps print, where no step can put a link in its place. */
export async function makePipe(path: string, user: StepUser | null): Promise<void> {
  await run('mkfifo', ['-m', '600', path], { timeout: 10_000 })
  if (user) chownSync(path, user.uid, user.gid)
}

const spareDelayMs = 250

/** Keeps the folders of one job ready, so that the next one begins without making any. */
export class SpareFolders {
  readonly #folder: string
  readonly #user: StepUser | null
  readonly #failed: (error: unknown) => void
  #ready: JobFolders | null = null
  #timer: NodeJS.Timeout | null = null
  #isClosed = false
  #making: Promise<void> | null = null

  /** `folder` is where the folders of jobs lie. */
  constructor(folder: string, user: StepUser | null, failed: (error: unknown) => void) {
    this.#folder = folder
    this.#user = user
    this.#failed = failed
  }

  /** Whether this folder, by its name, is kept here. */
  holds(name: string): boolean {
    return this.#ready !== null && basename(this.#ready.root) === name
  }

  /** The folders of a job, made or taken. */
  async give(folders: JobFolders): Promise<void> {
    const ready = this.#ready
    this.#ready = null
    this.prepare()
    if (ready === null) return makeJobFolders(folders, this.#user)
    renameSync(ready.workspace, join(dirname(ready.workspace), basename(folders.workspace)))
    renameSync(ready.root, folders.root)
  }

  /** In a moment, for a job that has just begun needs the machine more. */
  prepare(): void {
    if (this.#isClosed) return
    this.#timer ??= setTimeout(() => {
      const folders = jobFolders(join(this.#folder, `next-${randomUUID()}`), 'next', '')
      this.#making = makeJobFolders(folders, this.#user)
        .then(async () => {
          if (this.#isClosed) await removeJobFolders(folders.root)
          else this.#ready = folders
        })
        .catch(async (error) => {
          // The next job makes its own, and says what is wrong if it cannot.
          this.#failed(error)
          await removeJobFolders(folders.root).catch(() => {})
        })
        .finally(() => {
          this.#timer = null
        })
    }, spareDelayMs).unref()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#making
    if (this.#ready) await removeJobFolders(this.#ready.root)
    this.#ready = null
  }
}

export const removeJobFolders = (root: string): Promise<void> =>
  rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })

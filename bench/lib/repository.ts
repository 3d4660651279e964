import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cleanEnvironment, finish } from '../../e2e/lib/juanie.ts'
import { wallMs } from './clock.ts'

const environment = cleanEnvironment({
  HOME: '/nonexistent',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
})

/** Runs git to its end; throws with its words when it fails. */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await finish('git', args, { cwd, env: environment, limitMs: 60_000 })
  if (code !== 0) throw new Error(`git ${args[0]} ended with ${code}: ${stderr}`)
  return stdout.trim()
}

/** A working copy with 50 small files, in which commits are made and from which they are pushed. */
export class WorkingCopy {
  readonly folder: string
  #commits = 0

  private constructor(folder: string) {
    this.folder = folder
  }

  static async make(folder: string, files: Record<string, string>): Promise<WorkingCopy> {
    mkdirSync(folder, { recursive: true })
    await git(folder, 'init', '--quiet', '--initial-branch=main')
    // Every push is timed; what git tidies up meanwhile would be timed with it.
    await git(folder, 'config', 'gc.auto', '0')
    await git(folder, 'config', 'maintenance.auto', 'false')
    for (let file = 0; file < 50; file++) {
      write(join(folder, `source/${file % 5}/file-${file}.txt`), `This is file ${file}.\n`.repeat(20))
    }
    for (const [path, text] of Object.entries(files)) write(join(folder, path), text)
    const copy = new WorkingCopy(folder)
    await copy.commit()
    return copy
  }

  /** One small commit; its id. */
  async commit(): Promise<string> {
    write(join(this.folder, 'counter.txt'), `${++this.#commits}\n`)
    await git(this.folder, 'add', '--all')
    await git(this.folder, 'commit', '--quiet', '--message', `Commit ${this.#commits}`)
    return git(this.folder, 'rev-parse', 'HEAD')
  }

  /** Pushes main; the moments at which git was started and had ended. */
  async push(url: string): Promise<{ began: number; ended: number; said: string }> {
    const began = wallMs()
    const { code, stderr } = await finish('git', ['push', '--quiet', url, 'HEAD:refs/heads/main'], {
      cwd: this.folder,
      env: environment,
      limitMs: 60_000,
    })
    const ended = wallMs()
    if (code !== 0) throw new Error(`git push ended with ${code}: ${stderr}`)
    return { began, ended, said: stderr }
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

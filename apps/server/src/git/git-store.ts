import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryConfig } from '@juanie/core/git/environment'
import { ObjectReaders } from '@juanie/core/git/object-reader'
import { runGit } from '@juanie/core/git/run-git'
import { parseTree } from '@juanie/core/git/tree'
import { isUuid, uuidv7 } from '@juanie/core/ids'
import {
  type Commit,
  type CommitLog,
  type GitStore,
  type InitialCommit,
  noCommit,
  type RefMove,
  type TreeEntry,
} from '@juanie/services/repositories'
import { initialImport } from './initial-import.ts'
import { logFormat, parseCommit, parseLog } from './objects.ts'

const maxObjectBytes = 8 * 1024 * 1024
const idPattern = /^[0-9a-f]{40}$/
/** Of something that a person looks at. */
const logTimeoutMs = 10_000
const readAtOnce = 64
const runPins = 'refs/juanie/runs/'

/** Bare repositories in one folder, one of each id, by the git program. */
export class LocalGitStore implements GitStore {
  readonly #folder: string
  readonly #readers = new ObjectReaders()

  constructor(folder: string) {
    this.#folder = folder
  }

  close(): void {
    this.#readers.close()
  }

  localPath(repositoryId: string): string {
    if (!isUuid(repositoryId)) throw new Error('a repository is named by its id')
    return join(this.#folder, `${repositoryId}.git`)
  }

  async exists(repositoryId: string): Promise<boolean> {
    return existsSync(join(this.localPath(repositoryId), 'HEAD'))
  }

  async create(repositoryId: string, initial: InitialCommit | null): Promise<string | null> {
    const target = this.localPath(repositoryId)
    const made = join(this.#folder, `.new-${uuidv7()}`)
    try {
      await mkdir(made, { mode: 0o755 })
      await runGit(made, ['init', '--bare', '--quiet', '--template=', '--shared=0644', '--initial-branch=main'])
      await writeFile(join(made, 'config'), repositoryConfig)
      let commit: string | null = null
      if (initial) {
        await runGit(made, ['fast-import', '--quiet'], { input: initialImport(initial, Math.floor(Date.now() / 1000)) })
        commit = await refAt(made, `refs/heads/${initial.branch}`)
      }
      await rename(made, target)
      return commit
    } catch (error) {
      await rm(made, { recursive: true, force: true })
      throw error
    }
  }

  async remove(repositoryId: string): Promise<void> {
    const folder = this.localPath(repositoryId)
    this.#readers.drop(folder)
    const gone = join(this.#folder, `.gone-${uuidv7()}`)
    try {
      // At once out of sight, however long the removal takes.
      await rename(folder, gone)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    await rm(gone, { recursive: true, force: true })
  }

  async list(olderThanMs: number): Promise<string[]> {
    const ids: string[] = []
    for (const name of await readdir(this.#folder)) {
      const isOld = await stat(join(this.#folder, name)).then(
        ({ birthtimeMs }) => Date.now() - birthtimeMs > olderThanMs,
        () => false,
      )
      if (!isOld) continue
      if (name.startsWith('.new-') || name.startsWith('.gone-')) {
        await rm(join(this.#folder, name), { recursive: true, force: true })
      } else if (name.endsWith('.git') && isUuid(name.slice(0, -4))) ids.push(name.slice(0, -4))
    }
    return ids
  }

  warm(repositoryId: string): void {
    this.#readers.of(this.localPath(repositoryId))
  }

  async commit(repositoryId: string, id: string): Promise<Commit | null> {
    if (!idPattern.test(id)) return null
    const object = await this.#read(repositoryId, `${id}^{commit}`, maxObjectBytes)
    return object?.type === 'commit' && object.body ? parseCommit(object.id, object.body) : null
  }

  async folder(repositoryId: string, commit: string, path: string): Promise<TreeEntry[] | null> {
    if (!idPattern.test(commit)) return null
    const object = await this.#read(repositoryId, `${commit}:${path}`, maxObjectBytes)
    return object?.type === 'tree' && object.body ? parseTree(object.body) : null
  }

  async text(repositoryId: string, blob: string, maxBytes: number): Promise<string | null> {
    if (!idPattern.test(blob)) return null
    const object = await this.#read(repositoryId, blob, maxBytes)
    if (object?.type !== 'blob' || !object.body || object.body.includes(0)) return null
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(object.body)
    } catch {
      return null
    }
  }

  async changedPaths(
    repositoryId: string,
    { before, after }: { before: string | null; after: string },
    limit: number,
  ): Promise<string[] | null> {
    const args = before
      ? ['diff', '--name-only', '-z', '--no-renames', before, after, '--']
      : ['ls-tree', '-r', '-z', '--name-only', '--full-tree', after]
    const { stdout } = await runGit(this.localPath(repositoryId), args)
    const paths = stdout.toString('utf8').split('\0').filter(Boolean)
    return paths.length > limit ? null : paths
  }

  async log(
    repositoryId: string,
    { from, to }: { from: string | null; to: string },
    limit: number,
  ): Promise<CommitLog | null> {
    const ends = await Promise.all([to, from].map((id) => id === null || this.commit(repositoryId, id)))
    if (ends.includes(null)) return null
    const folder = this.localPath(repositoryId)
    const quick = { timeoutMs: logTimeoutMs }
    const range = from === null ? to : `${from}..${to}`
    const [listed, counted] = await Promise.all([
      runGit(folder, ['log', '-z', `--max-count=${limit + 1}`, logFormat, range, '--'], quick),
      from === null ? null : runGit(folder, ['rev-list', '--count', `--max-count=${limit}`, `${to}..${from}`], quick),
    ])
    const entries = parseLog(listed.stdout)
    return {
      entries: entries.slice(0, limit),
      hasMore: entries.length > limit,
      lost: counted ? Number(counted.stdout.toString('latin1').trim()) : 0,
    }
  }

  async commits(
    repositoryId: string,
    { from, to }: { from: string | null; to: string },
    { count, characters }: { count: number; characters: number },
  ): Promise<Commit[]> {
    const folder = this.localPath(repositoryId)
    const range = [to, ...(from === null ? [] : [`^${from}`])]
    // 128: one of them is not a commit that is here.
    const args = ['rev-list', `--max-count=${count}`, ...range, '--']
    const { stdout } = await runGit(folder, args, { codes: [0, 128], timeoutMs: logTimeoutMs })
    const ids = stdout.toString('latin1').split('\n').filter(Boolean)
    const found: Commit[] = []
    for (let at = 0, left = characters; at < ids.length && left > 0; at += readAtOnce) {
      const read = await Promise.all(ids.slice(at, at + readAtOnce).map((id) => this.commit(repositoryId, id)))
      for (const commit of read) {
        if (!commit || left <= 0) continue
        left -= commit.message.length + 300
        found.push(commit)
      }
    }
    return found.reverse()
  }

  async isAncestor(repositoryId: string, older: string, newer: string): Promise<boolean> {
    const args = ['merge-base', '--is-ancestor', older, newer]
    // 128: one of them is not a commit that is here, so it is no ancestor either.
    return (await runGit(this.localPath(repositoryId), args, { codes: [0, 1, 128] })).code === 0
  }

  async mergeBase(repositoryId: string, one: string, other: string): Promise<string | null> {
    const { code, stdout } = await runGit(this.localPath(repositoryId), ['merge-base', one, other], {
      codes: [0, 1, 128],
    })
    return code === 0 ? stdout.toString('utf8').trim() : null
  }

  async refs(repositoryId: string): Promise<Map<string, string>> {
    if (!(await this.exists(repositoryId))) return new Map()
    return this.#refsBelow(repositoryId, ['refs/heads', 'refs/tags'])
  }

  async ref(repositoryId: string, ref: string): Promise<string | null> {
    if (!(await this.exists(repositoryId))) return null
    return refAt(this.localPath(repositoryId), ref)
  }

  async movesOf(repositoryId: string, ref: string): Promise<RefMove[]> {
    if (!isPlainRef(ref)) return []
    const text = await readFile(join(this.localPath(repositoryId), 'logs', ref), 'utf8').catch(() => '')
    // <before> <after> <name> <email> <seconds> <zone>\t<message>
    return text.split('\n').flatMap((line) => {
      const found = /^([0-9a-f]{40}) ([0-9a-f]{40}) .*> (\d+) [+-]\d{4}/.exec(line)
      return found ? [{ before: found[1]!, after: found[2]!, at: Number(found[3]) }] : []
    })
  }

  async moveRef(repositoryId: string, ref: string, commit: string): Promise<void> {
    await this.#update(repositoryId, [commit === noCommit ? `delete ${ref}` : `update ${ref} ${commit}`])
  }

  async setDefaultBranch(repositoryId: string, branch: string): Promise<void> {
    const folder = this.localPath(repositoryId)
    const wanted = `ref: refs/heads/${branch}`
    if ((await readFile(join(folder, 'HEAD'), 'utf8')).trim() === wanted) return
    await runGit(folder, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`])
  }

  async pin(repositoryId: string, pins: { runId: string; commit: string }[]): Promise<void> {
    await this.#update(
      repositoryId,
      pins.map(({ runId, commit }) => `update ${runPins}${runId} ${commit}`),
    )
  }

  async unpin(repositoryId: string, runIds: string[]): Promise<void> {
    await this.#update(
      repositoryId,
      runIds.map((runId) => `delete ${runPins}${runId}`),
    )
  }

  async pinned(repositoryId: string): Promise<string[]> {
    if (!(await this.exists(repositoryId))) return []
    const refs = await this.#refsBelow(repositoryId, ['refs/juanie/runs'])
    return [...refs.keys()].map((ref) => ref.slice(runPins.length))
  }

  async #update(repositoryId: string, commands: string[]): Promise<void> {
    if (commands.length === 0) return
    await runGit(this.localPath(repositoryId), ['update-ref', '--stdin'], {
      input: `${commands.join('\n')}\n`,
      settings: { 'core.logAllRefUpdates': 'false' },
    })
  }

  async #refsBelow(repositoryId: string, prefixes: string[]): Promise<Map<string, string>> {
    const { stdout } = await runGit(this.localPath(repositoryId), [
      'for-each-ref',
      '--format=%(objectname) %(refname)',
      ...prefixes,
    ])
    return new Map(
      stdout
        .toString('utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => [line.slice(41), line.slice(0, 40)]),
    )
  }

  async #read(repositoryId: string, name: string, maxBytes: number) {
    const folder = this.localPath(repositoryId)
    const reader = this.#readers.of(folder)
    try {
      return await reader.read(name, maxBytes)
    } catch (error) {
      // It may have ended for want of use, or been killed: a new one is asked once.
      if (!reader.isOver) throw error
      return this.#readers.of(folder).read(name, maxBytes)
    }
  }
}

/** A ref that moved lately is a file of its own (https://git-scm.com/docs/gitrepository-layout); others git finds. */
async function refAt(folder: string, ref: string): Promise<string | null> {
  const text = isPlainRef(ref) ? await readFile(join(folder, ref), 'latin1').catch(() => '') : ''
  const [, loose] = /^([0-9a-f]{40})\n$/.exec(text) ?? []
  if (loose) return loose === noCommit ? null : loose
  const { code, stdout } = await runGit(folder, ['show-ref', '--verify', '--hash', '--', ref], { codes: [0, 1, 128] })
  const id = stdout.toString('utf8').trim()
  return code === 0 && id !== noCommit ? id : null
}

/** Its name may be part of a path: it leads nowhere else. */
const isPlainRef = (ref: string): boolean => /^refs\//.test(ref) && !/(^|\/)\.\.?(\/|$)|\0/.test(ref)

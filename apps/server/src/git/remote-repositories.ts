import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, messageOf } from '@juanie/core/errors'
import { packedBytes, runRemoteGit } from '@juanie/core/git/remote'
import type { OutsideAddresses } from '@juanie/core/outside-address'
import type { Remote, RemoteRefs, RemoteRepositories } from '@juanie/services/connections'
import type { LocalGitStore } from './git-store.ts'

const listLimitMs = 20_000
const fetchLimitMs = 10 * 60_000
const watchMs = 500
const maxRefs = 50_000

const fetching = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--refmap=']

/** Repositories of forges, by git's HTTP protocol. */
export class GitRemotes implements RemoteRepositories {
  readonly #store: LocalGitStore
  readonly #addresses: OutsideAddresses
  readonly #maxBytes: number
  readonly #folder: string

  /** `folder` is any that is there: looking at a remote needs a place to stand. */
  constructor(parts: { store: LocalGitStore; addresses: OutsideAddresses; maxBytes: number; folder: string }) {
    this.#store = parts.store
    this.#addresses = parts.addresses
    this.#maxBytes = parts.maxBytes
    this.#folder = parts.folder
  }

  async list(remote: Remote): Promise<RemoteRefs> {
    const { stdout } = await this.#run(remote, {
      folder: this.#folder,
      command: ['ls-remote', '--quiet', '--symref'],
      rest: ['HEAD', 'refs/heads/*', 'refs/tags/*'],
      timeoutMs: listLimitMs,
    })
    let defaultBranch: string | null = null
    const refs = new Map<string, string>()
    for (const line of stdout.toString('utf8').split('\n')) {
      const [what = '', name = ''] = line.split('\t')
      if (what.startsWith('ref: refs/heads/') && name === 'HEAD') defaultBranch = what.slice('ref: refs/heads/'.length)
      // `^{}` is what a tag means; the tag itself is what was pushed.
      else if (/^[0-9a-f]{40}$/.test(what) && name.startsWith('refs/') && !name.endsWith('^{}')) refs.set(name, what)
      if (refs.size > maxRefs) throw tooLarge(remote, `it has more than ${maxRefs} branches and tags`)
    }
    return { defaultBranch: refs.has(`refs/heads/${defaultBranch}`) ? defaultBranch : null, refs }
  }

  async fetch(repositoryId: string, remote: Remote): Promise<void> {
    try {
      await this.#fetchAll(repositoryId, remote)
    } catch (error) {
      if (!isDamaged(error)) throw error
      await this.rebuild(repositoryId, remote)
    }
  }

  async fetchCommit(repositoryId: string, remote: Remote, commit: string): Promise<boolean> {
    try {
      await this.#fetch(repositoryId, remote, fetching, [`+${commit}:refs/juanie/commits/${commit}`])
      return true
    } catch (error) {
      if (/not our ref|unadvertised|couldn't find remote ref/i.test(messageOf((error as Error).cause ?? error)))
        return false
      throw error
    }
  }

  async rebuild(repositoryId: string, remote: Remote): Promise<void> {
    await this.#store.remove(repositoryId)
    await this.#store.create(repositoryId, null)
    await this.#fetchAll(repositoryId, remote)
  }

  #fetchAll(repositoryId: string, remote: Remote): Promise<void> {
    const specs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
    return this.#fetch(repositoryId, remote, [...fetching, '--prune'], specs)
  }

  async #fetch(repositoryId: string, remote: Remote, command: string[], rest: string[]): Promise<void> {
    const folder = this.#store.localPath(repositoryId)
    const abort = new AbortController()
    const watch = setInterval(() => {
      void packedBytes(folder).then((bytes) => {
        if (bytes > this.#maxBytes) abort.abort()
      })
    }, watchMs)
    try {
      await this.#run(remote, { folder, command, rest, timeoutMs: fetchLimitMs, signal: abort.signal })
    } catch (error) {
      await removeUnfinished(folder)
      if (abort.signal.aborted) throw tooLarge(remote, `it takes more than ${this.#maxBytes} bytes`)
      throw error
    } finally {
      clearInterval(watch)
    }
  }

  async #run(
    { url, credential }: Remote,
    what: { folder: string; command: string[]; rest: string[]; timeoutMs: number; signal?: AbortSignal },
  ) {
    const { folder, command, rest, ...options } = what
    try {
      return await runRemoteGit({ folder, addresses: this.#addresses }, { url, credential, command, rest }, options)
    } catch (error) {
      throw refusalOf(error, url, credential !== null)
    }
  }
}

const tooLarge = (remote: Remote, why: string) =>
  new AppError('invalid', 'connection.too_large', { message: `The repository ${remote.url} cannot be used: ${why}.` })

const isDamaged = (error: unknown): boolean =>
  /not a git repository|bad object|bad tree|corrupt|unable to read|missing (blob|tree|commit|necessary)|did not send all necessary|invalid sha1 pointer|unresolved deltas|index file .* (too small|corrupt|does not match)/i.test(
    messageOf(error),
  )

/** In words of Juanie's own; git's first words are kept in them, for forges say more there than anybody can foresee. */
function refusalOf(error: unknown, url: string, hasCredential: boolean): unknown {
  if (!(error instanceof AppError) || error.reason !== 'git.failed') return error
  const words = messageOf(error)
  const said = (code: 'forbidden' | 'not_found' | 'unavailable', reason: string, message: string) =>
    new AppError(code, `connection.${reason}`, { message, cause: error })
  if (/Authentication failed|could not read Username|error: 40[13]|terminal prompts disabled/i.test(words)) {
    return said(
      'forbidden',
      'denied',
      hasCredential
        ? `${url} refuses this credential: check that it is still valid and may read the repository.`
        : `${url} asks for a credential: give a token that may read the repository.`,
    )
  }
  if (/not found|error: 404|does not exist/i.test(words)) {
    return said('not_found', 'not_found', `There is no repository at ${url}, or this credential may not see it.`)
  }
  if (isDamaged(error)) return error
  return said('unavailable', 'unreachable', `${url} cannot be read now: ${words.replace(/^git [\w-]+ failed: /, '')}`)
}

/** Packs of a fetch that was ended in its middle. */
async function removeUnfinished(folder: string): Promise<void> {
  const packs = join(folder, 'objects', 'pack')
  const names = await readdir(packs).catch(() => [])
  await Promise.all(
    names.filter((name) => name.startsWith('tmp_')).map((name) => rm(join(packs, name), { force: true })),
  )
}

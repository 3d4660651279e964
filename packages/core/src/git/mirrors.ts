import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError, messageOf } from '../errors.ts'
import { uuidv7 } from '../ids.ts'
import type { OutsideAddresses } from '../outside-address.ts'
import { repositoryConfig } from './environment.ts'
import { ObjectReaders } from './object-reader.ts'
import { packedBytes, remoteSettings, runRemoteGit } from './remote.ts'
import { runGit } from './run-git.ts'
import { parseTree } from './tree.ts'
import { type TreeBundle, treeBundle } from './tree-bundle.ts'

/** A tag that moved is seen this much later at most. */
const lookupMs = 3 * 60_000
const lookupLimitMs = 20_000
const fetchLimitMs = 5 * 60_000
const maxFetchBytes = 1024 * 1024 * 1024
const maxRemembered = 5_000
const maxObjectBytes = 8 * 1024 * 1024

const namePattern = /^(?![.-])[A-Za-z0-9_.-]{1,100}$/
const commitPattern = /^[0-9a-f]{40}$/
const refPattern = /^(?![-./])(?!.*(?:\.\.|@\{|\/\/|\/\.|\.lock$|[/.]$))[^\s~^:?*[\\\p{Cc}]{1,250}$/u

/** Whether a text can be the short name of a branch or tag. */
export const isRefName = (text: string): boolean => refPattern.test(text)

interface RepositoryName {
  owner: string
  name: string
}

interface Source {
  base: string
  /** Part of the names of refs in the mirrors. */
  key: string
}

/**
 * Bare mirrors in one folder, `<owner>/<name>.git`, each commit fetched by itself without its history. What a source
 * said last of a tag or branch lies in the mirror as `refs/known/<source>/…`, so that it holds without a network.
 */
export class Mirrors {
  readonly #folder: string
  readonly #sources: Source[]
  readonly #addresses: OutsideAddresses
  readonly #readers = new ObjectReaders()
  readonly #looked = new Map<string, { answer: string | null; at: number }>()
  readonly #fetching = new Map<string, Promise<unknown>>()

  constructor(parts: { folder: string; sources: string[]; addresses: OutsideAddresses }) {
    this.#folder = parts.folder
    this.#addresses = parts.addresses
    this.#sources = parts.sources.map((base) => ({
      base,
      key: createHash('sha256').update(base).digest('hex').slice(0, 12),
    }))
  }

  close(): void {
    this.#readers.close()
  }

  /** Null when no source has it; `notice` is a sentence when the answer is older than it should be. */
  async resolve({
    owner,
    name,
    ref,
  }: RepositoryName & { ref: string }): Promise<{ commit: string; notice: string | null } | null> {
    const mirror = this.folderOf({ owner, name })
    const id = ref.toLowerCase()
    if (commitPattern.test(id)) {
      return (await this.ensure({ owner, name }, id)) ? { commit: id, notice: null } : null
    }
    if (!isRefName(ref)) return null
    const failures: unknown[] = []
    for (const source of this.#sources) {
      const known = async () => (existsSync(mirror) ? knownRef(mirror, source, ref) : null)
      try {
        const commit = await this.#look(source, { owner, name, ref })
        if (commit === null) continue
        if (!(await this.has(mirror, commit))) await this.#fetch(source, { owner, name }, commit, ref)
        if ((await known()) !== commit) await remember(mirror, source, { ref, commit })
        return { commit, notice: null }
      } catch (error) {
        if (error instanceof AppError && error.code === 'invalid') throw error
        failures.push(error)
        const commit = await known()
        if (commit && (await this.has(mirror, commit))) {
          const notice = `${owner}/${name}@${ref} could not be looked up now (${messageOf(error)}); what it was last, ${commit}, is used.`
          return { commit, notice }
        }
      }
    }
    if (failures.length > 0) throw failures[0]
    return null
  }

  /** Whether the commit is in its mirror; fetches it from the sources where it is missing. */
  async ensure(name: RepositoryName, commit: string): Promise<boolean> {
    const folder = this.folderOf(name)
    if (await this.has(folder, commit)) return true
    const failures: unknown[] = []
    for (const source of this.#sources) {
      try {
        await this.#fetch(source, name, commit, null)
        if (await this.has(folder, commit)) return true
      } catch (error) {
        if (error instanceof AppError && error.code === 'invalid') throw error
        if (!isMissing(error)) failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    return false
  }

  /** Text of one file of a bare repository; null when it is not there, larger, or not text. */
  async read(folder: string, file: { commit: string; path: string }, maxBytes: number): Promise<string | null> {
    const parts = file.path.split('/')
    if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\n\0]/.test(part))) return null
    const name = parts.pop()!
    const read = this.#reads(folder)
    const tree = await read(`${file.commit}:${parts.join('/')}`, maxObjectBytes)
    if (tree?.type !== 'tree' || !tree.body) return null
    const found = parseTree(tree.body).find((entry) => entry.name === name && entry.kind === 'file')
    const blob = found && (await read(found.id, maxBytes))
    if (blob?.type !== 'blob' || !blob.body || blob.body.includes(0)) return null
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(blob.body)
    } catch {
      return null
    }
  }

  bundle(folder: string, commit: string): Promise<TreeBundle> {
    return treeBundle(folder, commit, this.#reads(folder))
  }

  #reads(folder: string) {
    return async (name: string, maxBytes: number) => {
      const reader = this.#readers.of(folder)
      try {
        return await reader.read(name, maxBytes)
      } catch (error) {
        // It may have ended for want of use: a new one is asked once.
        if (!reader.isOver) throw error
        return this.#readers.of(folder).read(name, maxBytes)
      }
    }
  }

  /** Where the mirror of a repository lies, or will. */
  folderOf({ owner, name }: RepositoryName): string {
    if (!namePattern.test(owner) || !namePattern.test(name)) throw new Error('an action is named by owner and name')
    return join(this.#folder, owner.toLowerCase(), `${name.toLowerCase()}.git`)
  }

  /** Whether a bare repository has a commit. */
  async has(folder: string, commit: string): Promise<boolean> {
    if (!existsSync(join(folder, 'HEAD'))) return false
    const object = await this.#reads(folder)(`${commit}^{tree}`, 0)
    return object?.type === 'tree'
  }

  /** What the source says of a tag, else of a branch; null when it has neither, or no such repository. */
  async #look(source: Source, what: RepositoryName & { ref: string }): Promise<string | null> {
    const key = `${source.key} ${what.owner}/${what.name} ${what.ref}`.toLowerCase()
    const before = this.#looked.get(key)
    if (before && performance.now() - before.at < lookupMs) return before.answer
    const names = [`refs/tags/${what.ref}^{}`, `refs/tags/${what.ref}`, `refs/heads/${what.ref}`]
    let answer: string | null = null
    try {
      const { stdout } = await this.#remote(source, what, ['ls-remote', '--quiet'], names.slice(1).concat(names[0]!), {
        timeoutMs: lookupLimitMs,
      })
      const refs = new Map(
        stdout
          .toString('utf8')
          .split('\n')
          .map((line) => [line.slice(41), line.slice(0, 40)]),
      )
      answer = names.map((name) => refs.get(name)).find((id) => id !== undefined && commitPattern.test(id)) ?? null
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    if (this.#looked.size >= maxRemembered) this.#looked.clear()
    // That something is not there is asked again: it may just be about to be made.
    if (answer !== null) this.#looked.set(key, { answer, at: performance.now() })
    return answer
  }

  /** One fetch at a time into each mirror. */
  async #fetch(source: Source, name: RepositoryName, commit: string, ref: string | null): Promise<void> {
    const mirror = this.folderOf(name)
    const before = this.#fetching.get(mirror) ?? Promise.resolve()
    const fetched = before
      .catch(() => {})
      .then(async () => {
        if (await this.has(mirror, commit)) return
        await make(mirror)
        const keep = `+${commit}:refs/juanie/commits/${commit}`
        try {
          await this.#fetchSpec(source, name, [keep])
        } catch (error) {
          if (ref === null || isMissing(error)) throw error
          // A source that gives out no commit by its id gives the tag or branch.
          const byName = (kind: string) =>
            this.#fetchSpec(source, name, [`+${kind}/${ref}:refs/juanie/commits/${commit}`])
          await byName('refs/tags')
            .catch(() => byName('refs/heads'))
            .catch(() => {
              throw error
            })
        }
      })
    this.#fetching.set(mirror, fetched)
    try {
      await fetched
    } finally {
      if (this.#fetching.get(mirror) === fetched) this.#fetching.delete(mirror)
    }
  }

  async #fetchSpec(source: Source, name: RepositoryName, specs: string[]): Promise<void> {
    const mirror = this.folderOf(name)
    const abort = new AbortController()
    const watch = setInterval(() => {
      void packedBytes(mirror).then((bytes) => {
        if (bytes > maxFetchBytes) abort.abort()
      })
    }, 500)
    const args = [
      'fetch',
      '--quiet',
      '--no-tags',
      '--depth=1',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--refmap=',
    ]
    try {
      await this.#remote(source, name, args, specs, { folder: mirror, timeoutMs: fetchLimitMs, signal: abort.signal })
    } catch (error) {
      if (!abort.signal.aborted) throw error
      await rm(mirror, { recursive: true, force: true })
      throw new AppError('invalid', 'action.unusable', {
        message: `The repository ${name.owner}/${name.name} cannot be used: it is larger than ${maxFetchBytes} bytes.`,
      })
    } finally {
      clearInterval(watch)
    }
  }

  /** Runs a git command on the repository of a source. Redirects are followed here, one guarded hop after the other. */
  async #remote(
    source: Source,
    { owner, name }: RepositoryName,
    command: string[],
    rest: string[],
    options: { folder?: string; timeoutMs: number; signal?: AbortSignal },
  ) {
    const url = `${source.base}/${owner}/${name}`
    if (source.base.startsWith('file:')) {
      const folder = [`${url}.git`, url].map((each) => fileURLToPath(each)).find((each) => existsSync(each))
      if (!folder) throw new AppError('not_found', 'action.not_found', { message: `There is no ${owner}/${name}.` })
      const uploadPack = '--upload-pack=git -c uploadpack.allowAnySHA1InWant=true -c safe.directory=* upload-pack'
      return runGit(options.folder ?? this.#folder, [...command, uploadPack, '--', `file://${folder}`, ...rest], {
        ...options,
        settings: { ...remoteSettings, 'protocol.file.allow': 'always' },
      })
    }
    return runRemoteGit(
      { folder: options.folder ?? this.#folder, addresses: this.#addresses },
      { url, credential: null, command, rest },
      options,
    )
  }
}

/** Sources say in their own words that a repository or commit is not there; a private one looks the same. */
const isMissing = (error: unknown): boolean =>
  error instanceof AppError &&
  (error.code === 'not_found' ||
    /not found|does not exist|could not read Username|not our ref|Authentication failed|error: 40[134]|couldn't find remote ref/i.test(
      error.message,
    ))

async function make(mirror: string): Promise<void> {
  if (existsSync(join(mirror, 'HEAD'))) return
  const made = join(mirror, '..', `.new-${uuidv7()}`)
  await mkdir(made, { recursive: true, mode: 0o700 })
  try {
    await runGit(made, ['init', '--bare', '--quiet', '--template=', '--initial-branch=main'])
    await writeFile(join(made, 'config'), repositoryConfig)
    await rename(made, mirror).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(made, { recursive: true, force: true })
  }
}

const knownName = (source: Source, ref: string) => `refs/known/${source.key}/${ref}`

async function knownRef(mirror: string, source: Source, ref: string): Promise<string | null> {
  const { code, stdout } = await runGit(mirror, ['show-ref', '--verify', '--hash', '--', knownName(source, ref)], {
    codes: [0, 1, 128],
  })
  const id = stdout.toString('utf8').trim()
  return code === 0 && commitPattern.test(id) ? id : null
}

async function remember(
  mirror: string,
  source: Source,
  { ref, commit }: { ref: string; commit: string },
): Promise<void> {
  // Of `v1` and `v1/x` only one can be kept; the other is looked up each time.
  await runGit(mirror, ['update-ref', '--', knownName(source, ref), commit], { codes: [0, 1, 128] })
}

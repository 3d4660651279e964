import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackBundle } from '@juanie/core/bundle'

const maxTreeBytes = 512 * 1024 * 1024
const maxTreeFiles = 50_000
/** A commit that no job has used for so long is fetched again when one does. */
const keepMs = 30 * 24 * 3_600_000

export interface ActionCommit {
  owner: string
  name: string
  commit: string
}

/**
 * The commits of actions on this host, each unpacked once: jobs read them and cannot write them. What comes from the
 * server is refused when a path or link in it leads out of its folder.
 */
export class ActionTrees {
  readonly folder: string
  readonly #underWay = new Map<string, Promise<string>>()

  constructor(folder: string) {
    this.folder = folder
  }

  /** The folder of a commit; `download` writes its bundle into a file. */
  async tree(what: ActionCommit, download: (file: string) => Promise<void>): Promise<string> {
    const place = [what.owner.toLowerCase(), what.name.toLowerCase(), what.commit]
    if (place.some((part) => !/^(?![.-])[a-z0-9_.-]{1,100}$/.test(part))) throw new Error('an action has a wrong name')
    const folder = join(this.folder, ...place)
    if (existsSync(folder)) {
      const now = new Date()
      await utimes(folder, now, now).catch(() => {})
      return folder
    }
    const key = place.join('/')
    const before = this.#underWay.get(key)
    if (before) return before
    const made = this.#make(folder, download).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, made)
    return made
  }

  async #make(folder: string, download: (file: string) => Promise<void>): Promise<string> {
    const temporary = join(this.folder, `.new-${randomUUID()}`)
    try {
      await mkdir(temporary, { recursive: true, mode: 0o755 })
      const file = join(temporary, 'bundle.tar')
      await download(file)
      await unpackBundle(file, join(temporary, 'tree'), { maxBytes: maxTreeBytes, maxEntries: maxTreeFiles })
      await mkdir(join(folder, '..'), { recursive: true, mode: 0o755 })
      await rename(join(temporary, 'tree'), folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
      })
      return folder
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }

  /** Removes what has not been used for long, and what an earlier process left half done. Only while no job runs. */
  async clean(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o755 })
    for (const owner of await readdir(this.folder)) {
      if (owner.startsWith('.new-')) {
        await rm(join(this.folder, owner), { recursive: true, force: true })
        continue
      }
      for (const name of await readdir(join(this.folder, owner))) {
        for (const commit of await readdir(join(this.folder, owner, name))) {
          const folder = join(this.folder, owner, name, commit)
          const { mtimeMs } = await stat(folder)
          if (Date.now() - mtimeMs > keepMs) await rm(folder, { recursive: true, force: true })
        }
      }
    }
  }
}

import type { Mirrors } from '@juanie/core/git/mirrors'
import { isRefName } from '@juanie/core/git/mirrors'
import type { ActionBundle, ActionMirrors, ActionName, ActionPlace, ResolvedAction } from '@juanie/services/actions'
import { isCommitId } from '@juanie/workflow'
import type { LocalGitStore } from './git-store.ts'

/** The mirrors of the sources, beside the repositories that are hosted here. */
export class LocalActionMirrors implements ActionMirrors {
  readonly #mirrors: Mirrors
  readonly #store: LocalGitStore

  constructor(parts: { mirrors: Mirrors; store: LocalGitStore }) {
    this.#mirrors = parts.mirrors
    this.#store = parts.store
  }

  close(): void {
    this.#mirrors.close()
  }

  resolve(what: ActionName & { ref: string }): Promise<ResolvedAction | null> {
    return this.#mirrors.resolve(what)
  }

  ensure(place: ActionPlace, commit: string): Promise<boolean> {
    return place.kind === 'hosted'
      ? this.#mirrors.has(this.#folderOf(place), commit)
      : this.#mirrors.ensure(place, commit)
  }

  async hostedRef(repositoryId: string, ref: string): Promise<string | null> {
    const id = ref.toLowerCase()
    if (isCommitId(id)) return (await this.#store.commit(repositoryId, id))?.id ?? null
    if (!isRefName(ref)) return null
    for (const full of [`refs/tags/${ref}`, `refs/heads/${ref}`]) {
      const found = await this.#store.ref(repositoryId, full)
      const commit = found && (await this.#store.commit(repositoryId, found))
      if (commit) return commit.id
    }
    return null
  }

  read(place: ActionPlace, file: { commit: string; path: string }, maxBytes: number): Promise<string | null> {
    return this.#mirrors.read(this.#folderOf(place), file, maxBytes)
  }

  bundle(place: ActionPlace, commit: string): Promise<ActionBundle> {
    return this.#mirrors.bundle(this.#folderOf(place), commit)
  }

  #folderOf(place: ActionPlace): string {
    return place.kind === 'hosted' ? this.#store.localPath(place.repositoryId) : this.#mirrors.folderOf(place)
  }
}

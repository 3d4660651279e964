import type { Readable } from 'node:stream'
import type { Scope } from '@juanie/core/scope'

/** A repository of actions, by its name at the sources. */
export interface ActionName {
  owner: string
  name: string
}

export interface ResolvedAction {
  /** Full id, in lower case. */
  commit: string
  /** One sentence for the log when the answer is older than it should be; null otherwise. */
  notice: string | null
}

/**
 * What the workflows of an organization may use of other repositories: their own hosted ones first, then the sources
 * that the installation names, in order. Refuses with `forbidden` what the organization's policy does not allow, with
 * `not_found` what no source has, and throws `unavailable` when a source cannot be reached and nothing of it is known.
 */
export interface ActionSources {
  /** What a tag, a branch or a commit means now. The commit can be read afterwards, also without a network. */
  resolve(scope: Scope, what: ActionName & { ref: string }): Promise<ResolvedAction>
  /** Text of one file at a resolved commit; null when it is not there, not text, or larger than 1 MiB. */
  read(scope: Scope, what: ActionName & { commit: string; path: string }): Promise<string | null>
}

/** Where the objects of a commit lie. */
export type ActionPlace = ({ kind: 'mirror' } & ActionName) | { kind: 'hosted'; repositoryId: string }

/** One commit as a bundle, see `@juanie/core/bundle`. */
export interface ActionBundle {
  bytes: number
  content: Readable
}

/**
 * The mirrors of the sources on this server. Everything in them comes from strangers: names are checked before they
 * reach git or a path, and a commit that is too large, or holds a link that leads out of it, is refused by name.
 */
export interface ActionMirrors {
  /** Null when no source has it. Throws `unavailable` as `ActionSources` says. */
  resolve(what: ActionName & { ref: string }): Promise<ResolvedAction | null>
  /** Whether the commit can be read here; fetches it from the sources where it is missing. */
  ensure(place: ActionPlace, commit: string): Promise<boolean>
  /** The commit that a tag, a branch or an id means in a hosted repository. */
  hostedRef(repositoryId: string, ref: string): Promise<string | null>
  read(place: ActionPlace, file: { commit: string; path: string }, maxBytes: number): Promise<string | null>
  bundle(place: ActionPlace, commit: string): Promise<ActionBundle>
}

import * as z from 'zod/mini'
import type { Problem } from '../applications/contract.ts'
import { BlobDigest } from '../hosts/contract.ts'

const Text = (max: number) => z.string().check(z.maxLength(max))

/** What a person's `deploy --from` sends after the bundle is stored. */
export const CreateRelease = z.object({
  bundle: BlobDigest,
  name: z.optional(z.nullable(Text(200))),
  /** Text files of the application's description, by path relative to the folder. */
  description: z.record(z.string(), Text(1_048_576)),
  /** Names of the files and folders at the root of the folder; a folder's ends with `/`. */
  listing: z.array(Text(4096)).check(z.maxLength(10_000)),
  /** Repeating a request with the same key finds the first one's release. */
  requestKey: z.optional(z.nullable(Text(200))),
})
export type CreateRelease = z.infer<typeof CreateRelease>

export interface ReleaseRow {
  id: string
  number: number
  name: string | null
  /** Of the bundle. */
  digest: string
  bytes: number | null
  commit: string | null
  ref: string | null
  /** Branch or tag. */
  branch: string | null
  /** First line of the commit message; null where no commit made it, or the commit is gone. */
  title: string | null
  run: { id: string; number: number } | null
  createdBy: string | null
  createdAt: string
}

/** A service as the description says it, as far as no variable decides it. */
interface ServiceOutline {
  name: string
  kind: 'server' | 'worker' | 'job'
  command: string
  /** The port that it says it listens on; null with `hasPort`: any. */
  port: number | null
  hasPort: boolean
  /** What is asked of it; null: that it runs is all. */
  health: string | null
  replicas: number
  hostnames: string[]
  memoryBytes: number | null
  cpus: number | null
}

export interface ApplicationOutline {
  /** Whose own Compose file is merged in; null: all other environments. */
  environment: string | null
  services: ServiceOutline[]
  /** Runs once before the new version starts. */
  migrate: string | null
  /** With `order: stop-first` nothing answers between the old version and the new one. */
  hasGap: boolean
}

export interface ReleaseView extends ReleaseRow {
  application: {
    kind: string
    entry: string | null
    files: string[]
    outlines: ApplicationOutline[]
    /** What was detected, by folder, in sentences. */
    detected: Record<string, string>
    notHonoured: { path: string; reason: string }[]
    problems: Omit<Problem, 'reason' | 'column'>[]
  }
}

export interface CreatedRelease {
  id: string
  number: number
  digest: string
  notHonoured: { path: string; reason: string }[]
  warnings: string[]
}

export const ListReleases = z.object({
  /** Number of the last row of the page before. */
  after: z.optional(z.nullable(z.int32().check(z.minimum(1)))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 30),
})
export const ViewRelease = z.object({
  release: z.union([z.int32().check(z.minimum(1)), z.string().check(z.minLength(1), z.maxLength(64))]),
})

interface ReleaseCommit {
  id: string
  /** First line of its message. */
  title: string
  author: string
  at: string
}

/** What came in since another release, from the repository as it is now. */
export type ReleaseCommits =
  /** Newest first. `hasMore`: older ones are left out. `lost`: commits of the other release that this one does not have. */
  | { kind: 'listed'; commits: ReleaseCommit[]; hasMore: boolean; lost: number }
  /** Both were made of one commit. */
  | { kind: 'same' }
  /** One of the two was packed from a folder. */
  | { kind: 'no_commit'; of: 'this' | 'previous' }
  /** The repository does not have it any more. */
  | { kind: 'missing'; of: 'this' | 'previous' }
  /** git did not answer in time. */
  | { kind: 'unreadable' }

/** The description as it was written, by path. */
export interface ReleaseDescription {
  files: { path: string; text: string }[]
}

/** What differs between a release and the one before it. */
export interface ReleaseChanges {
  /** The one before on the same branch, else the one before. Null: it is the first. */
  previous: Pick<ReleaseRow, 'id' | 'number' | 'commit' | 'branch' | 'title' | 'createdAt'> | null
  commits: ReleaseCommits
  isSameBundle: boolean
  /** Files of the description that differ; without a previous release, all of them. Null: it had, or has, no such file. */
  files: { path: string; from: string | null; to: string | null }[]
}

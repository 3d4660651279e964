import * as z from 'zod/mini'
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
  commit: string | null
  ref: string | null
  run: { id: string; number: number } | null
  createdBy: string | null
  createdAt: string
}

export interface ReleaseView extends ReleaseRow {
  bytes: number | null
  application: {
    kind: string
    entry: string | null
    files: string[]
    /** What was detected, by folder, in sentences. */
    detected: Record<string, string>
    notHonoured: { path: string; reason: string }[]
    problems: { severity: string; message: string; file: string | null; line: number | null }[]
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

import * as z from 'zod/mini'

/** A run by its number or id. */
const Reference = z.union([z.int32().check(z.minimum(1)), z.uuid()])

export const ListArtifacts = z.object({
  run: Reference,
  after: z.optional(z.uuid()),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 100),
})
export type ListArtifacts = z.infer<typeof ListArtifacts>

export const RemoveArtifact = z.object({ artifact: z.uuid() })

export interface ArtifactView {
  id: string
  name: string
  bytes: number
  /** `sha256:<hex>` of what is downloaded. */
  digest: string | null
  mimeType: string
  attempt: number
  /** Name of the job that made it. */
  job: string | null
  createdAt: string
  expiresAt: string
}

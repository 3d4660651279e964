import * as z from 'zod/mini'

export const ListCaches = z.object({
  after: z.optional(z.uuid()),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 50),
  /** Beginning of the key. */
  key: z.optional(z.string().check(z.maxLength(512))),
  /** Full name of the ref that wrote it. */
  ref: z.optional(z.string().check(z.maxLength(1000))),
})
export type ListCaches = z.infer<typeof ListCaches>

/** One by its id, or all whose key begins so; an empty beginning is every one. */
export const RemoveCaches = z.object({
  cache: z.optional(z.uuid()),
  key: z.optional(z.string().check(z.maxLength(512))),
  ref: z.optional(z.string().check(z.maxLength(1000))),
})
export type RemoveCaches = z.infer<typeof RemoveCaches>

export interface CacheView {
  id: string
  key: string
  /** Full name of the ref whose jobs wrote it. */
  ref: string
  version: string
  bytes: number
  createdAt: string
  usedAt: string
}

export interface CacheUse {
  bytes: number
  count: number
  /** What the project may use; beyond it, what was not used for the longest time goes. */
  maxBytes: number
  keepDays: number
}

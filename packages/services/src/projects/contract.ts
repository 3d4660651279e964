import * as z from 'zod/mini'
import { Slug } from '../organizations/contract.ts'
import { templateNames } from '../templates/contract.ts'

export const CreateProject = z.object({
  slug: Slug,
  /** As people read it; the slug when absent. */
  name: z.optional(z.string().check(z.trim(), z.minLength(1), z.maxLength(100))),
  template: z._default(z.enum(templateNames), 'empty'),
})
export type CreateProject = z.infer<typeof CreateProject>

export const FindProject = z.object({ organization: Slug, project: Slug })
export type FindProject = z.infer<typeof FindProject>

export const UpdateProject = z.object({
  /** Whether a commit of a followed branch whose runs all succeeded is released by itself, where no run did. */
  releasesGreenCommits: z.boolean(),
})
export type UpdateProject = z.infer<typeof UpdateProject>

import * as z from 'zod/mini'
import { roles } from './policy.ts'

/** One label of a hostname: it becomes part of URLs and of the default hostname of every environment. */
const slugPattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
export const Slug = z
  .string()
  .check(z.regex(slugPattern, 'use 1 to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit'))

const Email = z
  .string()
  .check(z.trim(), z.maxLength(320), z.regex(/^[^\s@"<>()]{1,64}@[^\s@"<>()]{1,255}$/, 'is not an e-mail address'))

export const CreateOrganization = z.object({
  slug: Slug,
  /** As people read it; the slug when absent. */
  name: z.optional(z.string().check(z.trim(), z.minLength(1), z.maxLength(100))),
})
export type CreateOrganization = z.infer<typeof CreateOrganization>

export const Invite = z.object({ email: Email, role: z.enum(roles) })
export type Invite = z.infer<typeof Invite>

export const WithdrawInvitation = z.object({ id: z.uuid() })
export const RemoveMember = z.object({ userId: z.uuid() })

/** How somebody without an account accepts an invitation or becomes the first administrator. */
export const NewAccount = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'say a name'), z.maxLength(100, 'use at most 100 characters')),
  password: z
    .string()
    .check(z.minLength(8, 'use at least 8 characters'), z.maxLength(256, 'use at most 256 characters')),
})
export type NewAccount = z.infer<typeof NewAccount>

export const FirstAccount = z.extend(NewAccount, { email: Email })
export type FirstAccount = z.infer<typeof FirstAccount>

export const invitationDays = 7
export const setupDays = 7

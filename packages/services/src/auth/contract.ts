import * as z from 'zod/mini'

export const SignIn = z.object({
  email: z.string().check(z.maxLength(320)),
  password: z.string().check(z.maxLength(256)),
})
export type SignIn = z.infer<typeof SignIn>

/** What a token is called in lists. */
const TokenName = z
  .string()
  .check(z.trim(), z.minLength(1, 'say what the token is for'), z.maxLength(100, 'use at most 100 characters'))

const maxTokenDays = 3650
export const CreateToken = z.object({
  name: TokenName,
  /** Whole days until it expires; null for one that does not. */
  expiresInDays: z._default(z.nullable(z.int().check(z.minimum(1), z.maximum(maxTokenDays))), 90),
})
export type CreateToken = z.infer<typeof CreateToken>

export const RevokeToken = z.object({ id: z.uuid() })
export const EndSession = z.object({ id: z.uuid() })

/** A page of a list: give back `next` as `after` for the following one. */
export const Page = z.object({
  after: z.optional(z.uuid()),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 50),
})
export type Page = z.infer<typeof Page>

/** Beginning of every personal access token, so that a leaked one is recognised. */
export const tokenPrefix = 'jua'

/** What `juanie login` sends: a password once, for a token that it keeps. */
export const Login = z.object({
  email: z.string().check(z.maxLength(320)),
  password: z.string().check(z.maxLength(256)),
  token: CreateToken,
})

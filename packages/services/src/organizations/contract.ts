import type { Permission } from '@juanie/core/scope'
import * as z from 'zod/mini'

/** From most to least. Finer roles come with the people part; permissions name what each may do. */
export const roles = ['owner', 'developer', 'viewer'] as const
export type Role = (typeof roles)[number]

/** One label of a hostname: it becomes part of URLs and of the default hostname of every environment. */
export const slugPattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
export const Slug = z
  .string()
  .check(z.regex(slugPattern, 'use 1 to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit'))

/** Which roles have a permission of a domain; a permission that no table names is nobody's. */
export type Policy = Readonly<Record<Permission, readonly Role[]>>

export const everyone: readonly Role[] = roles
export const builders: readonly Role[] = ['owner', 'developer']
export const owners: readonly Role[] = ['owner']

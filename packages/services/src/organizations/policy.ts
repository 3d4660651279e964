import type { Permission } from '@juanie/core/scope'

/** From most to least. Finer roles come with the people part; permissions name what each may do. */
export const roles = ['owner', 'developer', 'viewer'] as const
export type Role = (typeof roles)[number]

/** Which roles have a permission of a domain; a permission that no table names is nobody's. */
export type Policy = Readonly<Record<Permission, readonly Role[]>>

export const everyone: readonly Role[] = [...roles]
export const builders: readonly Role[] = ['owner', 'developer']
export const owners: readonly Role[] = ['owner']

export const policy = {
  'organization.view': everyone,
  'organization.invite': owners,
  'organization.remove': owners,
} as const satisfies Policy

import type { Role } from '@juanie/services/organizations/policy'
import { queryOptions, useQuery } from '@tanstack/vue-query'
import { computed, type InjectionKey, inject, type Ref } from 'vue'
import { useRoute } from 'vue-router'
import { api } from './api.ts'
import { type KnownPermission, mayRole } from './permissions.ts'
import { keyOf } from './queries.ts'
import { keep, readKept } from './storage.ts'

export interface Membership {
  id: string
  slug: string
  name: string
  role: Role
}

const mostOrganizations = 100

export const whoamiQuery = queryOptions({
  queryKey: keyOf('account', 'me', 'whoami'),
  queryFn: () => api.auth.whoami.query(),
})
export const membershipsQuery = queryOptions({
  queryKey: keyOf('organizations', 'me', 'list'),
  queryFn: async () => (await api.organizations.list.query({ limit: mostOrganizations })).rows as Membership[],
})

/** Who is signed in, and where they belong. */
export function useSession() {
  const me = useQuery(whoamiQuery)
  const memberships = useQuery(membershipsQuery)
  return {
    me: me.data,
    memberships: memberships.data,
    error: computed(() => me.error.value ?? memberships.error.value),
  }
}

const lastKey = 'juanie.organization'

/** The organization of the address, else the one that was open last, else the first. Null: there is none, or none such. */
export function useOrganization(): Readonly<Ref<Membership | null>> {
  const route = useRoute()
  const { memberships } = useSession()
  return computed(() => {
    const all = memberships.value ?? []
    const named = route.params.organization as string | undefined
    if (named) return all.find(({ slug }) => slug === named) ?? null
    const last = readKept(lastKey)
    return all.find(({ slug }) => slug === last) ?? all[0] ?? null
  })
}

export const organizationKey: InjectionKey<Ref<Membership | null>> = Symbol('organization')

/** The organization of the address; only inside `OrganizationLayout`, which shows nothing to who does not belong to it. */
export function useOpenOrganization(): Readonly<Ref<Membership>> {
  const open = inject(organizationKey)
  if (!open?.value) throw new Error('useOpenOrganization() outside of OrganizationLayout')
  return open as Ref<Membership>
}

export const rememberOrganization = (slug: string): void => keep(lastKey, slug)

/** What one may do in the organization of the address. Ask it before a control is shown. */
export function usePermissions(): { role: Readonly<Ref<Role | null>>; can: (permission: KnownPermission) => boolean } {
  const organization = useOrganization()
  const role = computed(() => organization.value?.role ?? null)
  return { role, can: (permission) => mayRole(role.value, permission) }
}

import type { Role } from '@juanie/services/organizations/policy'
import { type MaybeRefOrGetter, toValue } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

export const useMembers = (organizationId: MaybeRefOrGetter<string>) =>
  useRows(
    () => keyOf('organizations', toValue(organizationId), 'members'),
    (after: string | undefined) =>
      api.organizations.members.query({ organizationId: toValue(organizationId), after, limit: 50 }),
  )

/** Invitations whose links still work; for owners. */
export const useInvitations = (organizationId: MaybeRefOrGetter<string>) =>
  useRows(
    () => keyOf('organizations', toValue(organizationId), 'invitations'),
    (after: string | undefined) =>
      api.organizations.invitations.query({ organizationId: toValue(organizationId), after, limit: 50 }),
  )

export const useInvite = (organizationId: MaybeRefOrGetter<string>) =>
  useAction(
    (input: { email: string; role: Role }) =>
      api.organizations.invite.mutate({ organizationId: toValue(organizationId), ...input }),
    { changes: ['organizations'] },
  )

export const useWithdrawal = (organizationId: MaybeRefOrGetter<string>) =>
  useAction(
    (id: string) => api.organizations.withdrawInvitation.mutate({ organizationId: toValue(organizationId), id }),
    { changes: ['organizations'] },
  )

export const useRemoval = (organizationId: MaybeRefOrGetter<string>, done: () => void) =>
  useAction(
    (userId: string) => api.organizations.removeMember.mutate({ organizationId: toValue(organizationId), userId }),
    { changes: ['organizations'], done },
  )

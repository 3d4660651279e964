import type { ActionPolicy } from '@juanie/services/actions/contract'
import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'

/** Which actions the workflows of an organization may use. */
export const useActionPolicy = (organizationId: MaybeRefOrGetter<string>) =>
  useQuery({
    queryKey: computed(() => keyOf('organizations', toValue(organizationId), 'actions')),
    queryFn: () => api.actions.policy.query({ organizationId: toValue(organizationId) }),
  })

export const useActionPolicyChange = (organizationId: MaybeRefOrGetter<string>, done: () => void) =>
  useAction(
    (policy: ActionPolicy) => api.actions.setPolicy.mutate({ organizationId: toValue(organizationId), ...policy }),
    { changes: ['organizations'], done },
  )

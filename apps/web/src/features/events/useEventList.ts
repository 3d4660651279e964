import type { EventKind } from '@juanie/services/overview/contract'
import { type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

interface Asked {
  kind: EventKind | null
  isDetailed: boolean
}

export const useProjectEvents = (projectId: MaybeRefOrGetter<string>, asked: MaybeRefOrGetter<Asked>) =>
  useRows(
    () => keyOf('events', toValue(projectId), 'list', toValue(asked)),
    (before: number | undefined) =>
      api.events.ofProject.query({ projectId: toValue(projectId), before, limit: 50, ...toValue(asked) }),
  )

export const useOrganizationEvents = (organizationId: MaybeRefOrGetter<string>) =>
  useRows(
    () => keyOf('events', toValue(organizationId), 'recent'),
    (before: number | undefined) =>
      api.events.ofOrganization.query({ organizationId: toValue(organizationId), before, limit: 20 }),
  )

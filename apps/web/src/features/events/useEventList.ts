import type { EventKind } from '@juanie/services/overview/contract'
import type { QueryKey } from '@tanstack/vue-query'
import { type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { useHeldRows } from '@/lib/held-rows.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

interface Asked {
  kind: EventKind | null
  isDetailed: boolean
}

export const useProjectEvents = (projectId: MaybeRefOrGetter<string>, asked: MaybeRefOrGetter<Asked>) =>
  held(
    () => keyOf('events', toValue(projectId), 'list', toValue(asked)),
    (before) => api.events.ofProject.query({ projectId: toValue(projectId), before, limit: 50, ...toValue(asked) }),
  )

export const useOrganizationEvents = (organizationId: MaybeRefOrGetter<string>) =>
  held(
    () => keyOf('events', toValue(organizationId), 'recent'),
    (before) => api.events.ofOrganization.query({ organizationId: toValue(organizationId), before, limit: 20 }),
  )

type Page = Awaited<ReturnType<typeof api.events.ofProject.query>>

/** What happens while somebody reads waits until it is asked for. */
function held(key: () => QueryKey, load: (before: number | undefined) => Promise<Page>) {
  const list = useRows(key, load)
  return { ...list, ...useHeldRows(list.rows, { key, placeOf: ({ position }) => position }) }
}

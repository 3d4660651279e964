import type { MatterList } from '@juanie/services/overview/contract'
import { type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

/** What needs somebody, waits, is under way or failed lately, over all projects of an organization. */
export const useMatters = (organizationId: MaybeRefOrGetter<string>, list: MatterList) =>
  useRows(
    () => keyOf('queues', toValue(organizationId), list),
    (after: string | undefined) =>
      api.overview.matters.query({ organizationId: toValue(organizationId), list, after, limit: 20 }),
    // That something waits for too long, and that a host is silent, is nobody's event.
    { everyMs: 15_000 },
  )

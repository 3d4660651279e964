import { type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

/** The projects of an organization with what serves where; those in which something happened last come first. */
export const useProjectCards = (organizationId: MaybeRefOrGetter<string>, text: MaybeRefOrGetter<string>) =>
  useRows(
    () => keyOf('home', toValue(organizationId), 'projects', toValue(text)),
    (after: string | undefined) =>
      api.overview.projects.query({
        organizationId: toValue(organizationId),
        after,
        limit: 30,
        text: toValue(text) || null,
      }),
  )

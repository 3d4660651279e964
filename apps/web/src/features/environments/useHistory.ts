import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

const limit = 10

/** The deployments of an environment, newest first. */
export function useHistory(environment: MaybeRefOrGetter<string>) {
  const project = useProject()
  return useRows(
    computed(() => keyOf('deployments', project.value.id, 'list', { environment: toValue(environment), limit })),
    (after: number | undefined) =>
      api.deployments.list.query({ projectId: project.value.id, environment: toValue(environment), after, limit }),
  )
}

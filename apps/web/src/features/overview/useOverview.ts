import { useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose } from 'vue'
import { api } from '@/lib/api.ts'
import { useEvents } from '@/lib/live.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf, queryClient } from '@/lib/queries.ts'

export type Overview = Awaited<ReturnType<typeof api.deployments.overview.query>>
export type EnvironmentOverview = Overview['environments'][number]

const settleMs = 200

/** The way from commit to production, as it is. */
export function useOverview() {
  const project = useProject()
  const key = computed(() => keyOf('deployments', project.value.id, 'overview'))
  const query = useQuery({
    queryKey: key,
    queryFn: () => api.deployments.overview.query({ projectId: project.value.id }),
  })

  // Its key follows deployments; what comes before them is part of the way too.
  let timer: ReturnType<typeof setTimeout> | undefined
  useEvents(({ projectId, type }) => {
    if (projectId !== project.value.id || !/^(push|run|pipeline|release|repository)\./.test(type)) return
    timer ??= setTimeout(() => {
      timer = undefined
      void queryClient.invalidateQueries({ queryKey: key.value })
    }, settleMs)
  })
  onScopeDispose(() => clearTimeout(timer))

  return { overview: query.data, error: query.error, again: () => void query.refetch() }
}

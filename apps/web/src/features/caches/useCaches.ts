import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

export type Cache = Awaited<ReturnType<typeof api.caches.list.query>>['rows'][number]

/** The caches of the project, newest first. */
export function useCaches() {
  const project = useProject()
  return useRows(
    computed(() => keyOf('caches', project.value.id, 'list')),
    (after: string | undefined) => api.caches.list.query({ projectId: project.value.id, after, limit: 30 }),
  )
}

export function useCacheUse() {
  const project = useProject()
  return useQuery({
    queryKey: computed(() => keyOf('caches', project.value.id, 'use')),
    queryFn: () => api.caches.use.query({ projectId: project.value.id }),
  })
}

export function useRemoveCache(done: () => void) {
  const project = useProject()
  return useAction(({ id }: Cache) => api.caches.remove.mutate({ projectId: project.value.id, cache: id }), {
    changes: ['caches', 'events'],
    done: () => done(),
  })
}

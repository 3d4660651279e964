import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

/** The repository of the open project. */
export function useRepository() {
  const project = useProject()
  return useQuery({
    queryKey: computed(() => keyOf('repositories', project.value.id, 'view')),
    queryFn: () => api.repositories.view.query({ projectId: project.value.id }),
  })
}

export function usePipelines() {
  const project = useProject()
  return useQuery({
    queryKey: computed(() => keyOf('pipelines', project.value.id, 'list')),
    queryFn: () => api.pipelines.list.query({ projectId: project.value.id }),
  })
}

export function useDeletion(done: () => void) {
  const project = useProject()
  return useAction(() => api.projects.delete.mutate({ projectId: project.value.id }), {
    changes: ['projects', 'home', 'queues'],
    done,
  })
}

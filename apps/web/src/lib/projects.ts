import { useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { api } from './api.ts'
import { keyOf } from './queries.ts'

const most = 100

/** The projects of an organization, for switchers and the command palette: the first hundred. */
export function useProjects(organizationId: Ref<string | null>) {
  const query = useQuery({
    queryKey: computed(() => keyOf('projects', organizationId.value ?? 'none', 'list')),
    queryFn: async () => (await api.projects.list.query({ organizationId: organizationId.value!, limit: most })).rows,
    enabled: computed(() => organizationId.value !== null),
  })
  return { projects: query.data, error: query.error, again: () => void query.refetch() }
}

import { useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { type LocationQueryRaw, useRoute, useRouter } from 'vue-router'
import { api } from '@/lib/api.ts'
import { useHeldRows } from '@/lib/held-rows.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'
import { queryOf, type RunFilter, readFilter, statusesOf } from './filters.ts'

export type ListedRun = Awaited<ReturnType<typeof api.runs.list.query>>['rows'][number]

/** The filter in the address, and how to change it. */
export function useRunFilter(): { filter: Readonly<Ref<RunFilter>>; narrow: (filter: RunFilter) => void } {
  const route = useRoute()
  const router = useRouter()
  return {
    filter: computed(() => readFilter(route.query)),
    narrow: (filter) => void router.replace({ query: queryOf(filter) as LocationQueryRaw }),
  }
}

/** The runs of the project that fit the filter, newest first; nothing moves under the pointer. */
export function useRuns(filter: Readonly<Ref<RunFilter>>) {
  const project = useProject()
  const input = computed(() => {
    const { statuses, branch, workflow, event, text } = filter.value
    return {
      status: statusesOf(statuses),
      branch: branch ?? undefined,
      workflow: workflow ?? undefined,
      event: event ?? undefined,
      text: text?.trim() || undefined,
    }
  })
  const key = computed(() => keyOf('runs', project.value.id, 'list', input.value))
  const { rows, ...list } = useRows(key, (after: string | undefined) =>
    api.runs.list.query({ projectId: project.value.id, ...input.value, after }),
  )
  return { ...list, ...useHeldRows(rows, { key: () => key.value, placeOf: ({ number }) => number }) }
}

/** What the filters offer. */
export function useRunChoices() {
  const project = useProject()
  const repository = useQuery({
    queryKey: computed(() => keyOf('repositories', project.value.id, 'view')),
    queryFn: () => api.repositories.view.query({ projectId: project.value.id }),
  })
  const pipelines = useQuery({
    queryKey: computed(() => keyOf('pipelines', project.value.id, 'list')),
    queryFn: () => api.pipelines.list.query({ projectId: project.value.id }),
  })
  return { repository: repository.data, pipelines: pipelines.data }
}

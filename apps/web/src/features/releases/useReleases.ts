import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { useOverview } from '@/features/overview/useOverview.ts'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

const limit = 30

/** The releases of the project, newest first. */
export function useReleases() {
  const project = useProject()
  return useRows(
    computed(() => keyOf('releases', project.value.id, 'list', { limit, isPaged: true })),
    (after: number | undefined) => api.releases.list.query({ projectId: project.value.id, after, limit }),
  )
}

/** Where each release has the traffic now: names of environments by the release's id. */
export function usePlaces() {
  const { overview } = useOverview()
  return computed(() => {
    const places = new Map<string, { name: string; health: string }[]>()
    for (const { name, health, serving } of overview.value?.environments ?? []) {
      if (serving) places.set(serving.release.id, [...(places.get(serving.release.id) ?? []), { name, health }])
    }
    return places
  })
}

export type ReleaseView = Awaited<ReturnType<typeof api.releases.view.query>>
export type ReleaseChanges = Awaited<ReturnType<typeof api.releases.changes.query>>

/** A release never changes; only where it runs does. */
export function useRelease(number: MaybeRefOrGetter<number>) {
  const project = useProject()
  const input = computed(() => ({ projectId: project.value.id, release: toValue(number) }))
  const view = useQuery({
    queryKey: computed(() => keyOf('releases', project.value.id, 'view', input.value)),
    queryFn: () => api.releases.view.query(input.value),
  })
  return { release: view.data, error: view.error, again: () => void view.refetch() }
}

export function useReleaseChanges(number: MaybeRefOrGetter<number>) {
  const project = useProject()
  const input = computed(() => ({ projectId: project.value.id, release: toValue(number) }))
  const changes = useQuery({
    queryKey: computed(() => keyOf('releases', project.value.id, 'changes', input.value)),
    queryFn: () => api.releases.changes.query(input.value),
  })
  return { changes: changes.data, error: changes.error, again: () => void changes.refetch() }
}

/** The files of its description; asked for when somebody wants to read them. */
export function useDescription(number: MaybeRefOrGetter<number>, enabled: MaybeRefOrGetter<boolean>) {
  const project = useProject()
  const input = computed(() => ({ projectId: project.value.id, release: toValue(number) }))
  const description = useQuery({
    queryKey: computed(() => keyOf('releases', project.value.id, 'description', input.value)),
    queryFn: () => api.releases.description.query(input.value),
    enabled: computed(() => toValue(enabled)),
  })
  return { description: description.data, error: description.error, again: () => void description.refetch() }
}

/** The deployments of a release, newest first. */
export function useReleaseDeployments(releaseId: MaybeRefOrGetter<string>) {
  const project = useProject()
  const most = 20
  return useRows(
    computed(() => keyOf('deployments', project.value.id, 'list', { releaseId: toValue(releaseId), limit: most })),
    (after: number | undefined) =>
      api.deployments.list.query({ projectId: project.value.id, releaseId: toValue(releaseId), after, limit: most }),
  )
}

import { useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, type Ref } from 'vue'
import { useRoute } from 'vue-router'
import { api } from '@/lib/api.ts'
import { useProgress } from '@/lib/live.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { groupsOf, isFailure } from './jobs.ts'

export type Run = Awaited<ReturnType<typeof api.runs.view.query>>
export type RunFailure = NonNullable<Awaited<ReturnType<typeof api.runs.failure.query>>>

/** Asked again at most this often while steps begin and end, and for a slow answer more seldom. */
const pauseMs = 400

/** The run of the address, in the attempt that the address names or the latest; it follows what happens to it. */
export function useRun() {
  const route = useRoute()
  const project = useProject()
  const asked = computed(() => ({
    run: Number(route.params.number),
    attempt: Number(route.query.attempt) > 0 ? Math.trunc(Number(route.query.attempt)) : undefined,
  }))
  const query = useQuery({
    queryKey: computed(() => keyOf('runs', project.value.id, 'view', asked.value)),
    queryFn: () => api.runs.view.query({ projectId: project.value.id, ...asked.value }),
    placeholderData: (before) => (before?.number === asked.value.run ? before : undefined),
  })
  follow(query)
  return { run: query.data, error: query.error, again: () => void query.refetch() }
}

function follow(query: {
  data: Ref<Run | undefined>
  isFetching: Ref<boolean>
  refetch: () => Promise<unknown>
}): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isMissed = false
  let lastMs = 0
  const later = (): void => {
    if (document.hidden) isMissed = true
    else timer ??= setTimeout(ask, Math.max(pauseMs, lastMs * 4))
  }
  const ask = async (): Promise<void> => {
    timer = undefined
    // An answer that is on its way may not know of this yet.
    if (query.isFetching.value) return later()
    const began = performance.now()
    await query.refetch()
    lastMs = performance.now() - began
  }
  const look = () => {
    if (document.hidden || !isMissed) return
    isMissed = false
    later()
  }
  useProgress((news) => {
    if (news === null || news.runId === query.data.value?.id) later()
  })
  document.addEventListener('visibilitychange', look)
  onScopeDispose(() => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', look)
  })
}

/** What failed first in the attempt that is shown, with the lines of its log that say why. */
export function useFailure(run: Readonly<Ref<Run>>) {
  const project = useProject()
  const asked = computed(() => ({ run: run.value.number, attempt: run.value.attempt }))
  const query = useQuery({
    queryKey: computed(() => keyOf('runs', project.value.id, 'failure', asked.value)),
    queryFn: () => api.runs.failure.query({ projectId: project.value.id, ...asked.value }),
    enabled: computed(() => groupsOf(run.value.jobs).some(({ jobs }) => jobs.some(isFailure))),
  })
  return computed(() => query.data.value ?? null)
}

/** How the attempt that is shown stands; what the run says of itself is of the latest. */
export const attemptOf = (run: Run): Run['attempts'][number] =>
  run.attempts.find(({ number }) => number === run.attempt) ?? {
    number: run.attempt,
    status: run.status,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
  }

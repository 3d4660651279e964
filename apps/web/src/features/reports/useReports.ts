import { useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

/** Uploads are read within seconds; so long after the end of a run nothing new comes. */
const settledMs = 30_000
const everyMs = 5_000

/** Tests and coverage of a run, the reports with failures first. */
export function useReports(run: Readonly<Ref<{ id: string; finishedAt: string | null }>>) {
  const project = useProject()
  return useQuery({
    queryKey: computed(() => keyOf('artifacts', project.value.id, 'reports', { run: run.value.id })),
    queryFn: () => api.reports.view.query({ projectId: project.value.id, run: run.value.id }),
    refetchInterval: () => {
      const { finishedAt } = run.value
      return finishedAt === null || Date.now() - new Date(finishedAt).getTime() < settledMs ? everyMs : false
    },
  })
}

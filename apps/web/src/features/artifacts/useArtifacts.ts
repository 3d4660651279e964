import { computed, type Ref } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

export type Artifact = Awaited<ReturnType<typeof api.artifacts.list.query>>['rows'][number]

/** What a run left, newest first; while it goes on, more may come. */
export function useArtifacts(run: Readonly<Ref<{ id: string; finishedAt: string | null }>>) {
  const project = useProject()
  return useRows(
    computed(() =>
      keyOf('artifacts', project.value.id, 'list', { run: run.value.id, finishedAt: run.value.finishedAt }),
    ),
    (after: string | undefined) =>
      api.artifacts.list.query({ projectId: project.value.id, run: run.value.id, after, limit: 50 }),
  )
}

export function useRemoveArtifact(done: () => void) {
  const project = useProject()
  return useAction(({ id }: Artifact) => api.artifacts.remove.mutate({ projectId: project.value.id, artifact: id }), {
    changes: ['artifacts', 'events'],
    done,
  })
}

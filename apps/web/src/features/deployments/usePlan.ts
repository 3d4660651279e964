import { useQuery } from '@tanstack/vue-query'
import { computed, ref } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { useProject } from '@/lib/project.ts'
import { keyOf } from '@/lib/queries.ts'

/** What somebody wants to start; `environment` of a promotion is where it is taken from. */
export type Wish =
  | { kind: 'deploy'; environment: string; release?: number }
  | { kind: 'promotion'; environment: string; to?: string }
  | { kind: 'rollback'; environment: string; to?: number; config?: 'snapshot' | 'current' }

/** What would change if the wish were granted now; null asks nothing. The plan before stays while the next one comes. */
export function usePlan(wish: () => Wish | null) {
  const project = useProject()
  const query = useQuery({
    queryKey: computed(() => keyOf('deployments', project.value.id, 'plan', wish())),
    queryFn: ({ signal }) => api.deployments.plan.query({ projectId: project.value.id, ...wish()! }, { signal }),
    enabled: computed(() => wish() !== null),
    placeholderData: (before) => before,
    // What it was a minute ago is no ground for a decision.
    staleTime: 0,
    gcTime: 10_000,
  })
  return {
    plan: query.data,
    error: query.error,
    again: () => void query.refetch(),
    /** Whether what is shown belongs to the wish as it is now. */
    isCurrent: computed(() => query.data.value !== undefined && !query.isPlaceholderData.value),
  }
}

/** Starts what was wished for; pressed twice, or sent again after a lost answer, it is the same deployment. */
export function useStart(done: (started: { number: number }) => void) {
  const project = useProject()
  const key = ref(newKey())
  return useAction(
    async (wish: Wish) => {
      const asked = { projectId: project.value.id, requestKey: key.value, ...wish }
      if (asked.kind === 'promotion') return api.deployments.promote.mutate(asked)
      if (asked.kind === 'rollback') return api.deployments.rollback.mutate(asked)
      return api.deployments.start.mutate(asked)
    },
    {
      changes: ['deployments', 'environments'],
      done: (started) => {
        key.value = newKey()
        done(started)
      },
    },
  )
}

/** `crypto.randomUUID` is there only over HTTPS and on this machine itself. */
const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')

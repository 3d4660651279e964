import { Slug } from '@juanie/services/organizations/contract'
import type { TemplateName } from '@juanie/services/templates/contract'
import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, ref, toValue, watch } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api, refusalOf } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'

/** Somebody who types is not asked about each letter. */
const settleMs = 250

export type Availability = 'none' | 'invalid' | 'asking' | 'free' | 'taken'

/** Whether a project of the organization may be called so: by its form at once, by the server when typing rests. */
export function useAvailability(organization: MaybeRefOrGetter<string>, slug: MaybeRefOrGetter<string>) {
  const settled = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(
    () => toValue(slug),
    (next, _before, onCleanup) => {
      timer = setTimeout(() => {
        settled.value = next
      }, settleMs)
      onCleanup(() => clearTimeout(timer))
    },
    { immediate: true },
  )
  const isValid = computed(() => Slug.safeParse(settled.value).success)
  const query = useQuery({
    queryKey: computed(() => keyOf('projects', 'me', 'taken', [toValue(organization), settled.value])),
    queryFn: async () => {
      try {
        await api.projects.find.query({ organization: toValue(organization), project: settled.value })
        return true
      } catch (error) {
        if (refusalOf(error).kind === 'not_found') return false
        throw error
      }
    },
    enabled: isValid,
    staleTime: 0,
  })
  return computed((): Availability => {
    const now = toValue(slug)
    if (now === '') return 'none'
    if (!Slug.safeParse(now).success) return 'invalid'
    if (now !== settled.value || query.data.value === undefined) return 'asking'
    return query.data.value ? 'taken' : 'free'
  })
}

export const useNewProject = (organizationId: MaybeRefOrGetter<string>, done: (made: { slug: string }) => void) =>
  useAction(
    (input: { slug: string; name?: string; template: TemplateName }) =>
      api.projects.create.mutate({ organizationId: toValue(organizationId), ...input }),
    { changes: ['projects', 'home'], done },
  )

import { ref } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

export const useTokens = () =>
  useRows(keyOf('account', 'me', 'tokens'), (after: string | undefined) =>
    api.auth.tokens.list.query({ after, limit: 50 }),
  )

/** Makes a token; `made` holds it until it is forgotten, and nobody can see it again. */
export function useNewToken() {
  const made = ref<string | null>(null)
  const { run, busy, wrong } = useAction(
    async (input: { name: string; expiresInDays: number | null }) => {
      made.value = (await api.auth.tokens.create.mutate(input)).token
    },
    { changes: ['account'] },
  )
  const forget = () => {
    made.value = null
    wrong.value = null
  }
  return { create: run, busy, wrong, made, forget }
}

export const useRevocation = (done: () => void) =>
  useAction((id: string) => api.auth.tokens.revoke.mutate({ id }), { changes: ['account'], done })

import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'
import { useRows } from '@/lib/rows.ts'

/** The browsers one is signed in with. */
export function useBrowserSessions() {
  const sessions = useRows(keyOf('account', 'me', 'sessions'), (after: string | undefined) =>
    api.auth.sessions.list.query({ after, limit: 50 }),
  )
  const end = useAction((id: string) => api.auth.sessions.end.mutate({ id }), { changes: ['account'] })
  const endOthers = useAction(() => api.auth.sessions.endOthers.mutate(), { changes: ['account'] })
  return { ...sessions, end, endOthers }
}

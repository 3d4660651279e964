import { createTRPCClient, httpBatchStreamLink, TRPCClientError, type TRPCLink } from '@trpc/client'
import { observable } from '@trpc/server/observable'
import type { AppRouter } from '../../../server/src/router.ts'

const mostCalls = 20

/** Whether the sign-in ran out, and not whether this was allowed. */
const isSignedOut = (error: unknown): boolean => error instanceof TRPCClientError && error.data?.code === 'UNAUTHORIZED'

let refreshing: Promise<boolean> | null = null

/** A new access token for the refresh token in the cookie; false when that has run out too. Many callers share one. */
export function refreshSession(): Promise<boolean> {
  refreshing ??= fetch('/api/trpc/auth.refresh', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    signal: AbortSignal.timeout(10_000),
  })
    .then((response) => response.ok)
    .finally(() => {
      refreshing = null
    })
  return refreshing
}

/**
 * Where a person goes whose sign-in has ended; they come back to where they were. Not while they write in a dialog:
 * what is in it would be lost, so false is answered, and the dialog says so when it is sent.
 */
export function leaveToSignIn(): boolean {
  if (document.querySelector('[role=dialog] :is(input, textarea)')) return false
  const { pathname, search, hash } = location
  location.assign(pathname === '/' ? '/' : `/sign-in?next=${encodeURIComponent(pathname + search + hash)}`)
  return true
}

/** Repeats a call once after a refresh: an access token lives for a quarter of an hour only. */
const refreshLink: TRPCLink<AppRouter> =
  () =>
  ({ op, next }) =>
    observable((observer) => {
      let inner = next(op).subscribe({
        next: (value) => observer.next(value),
        complete: () => observer.complete(),
        error: (error) => {
          if (!isSignedOut(error)) return observer.error(error)
          refreshSession().then(
            (isFresh) => {
              if (!isFresh) {
                // What somebody sends says itself that it was refused, and can be sent again after a sign-in elsewhere.
                if (op.type !== 'mutation') leaveToSignIn()
                return observer.error(error)
              }
              inner = next(op).subscribe(observer)
            },
            () => observer.error(error),
          )
        },
      })
      return () => inner.unsubscribe()
    })

export const api = createTRPCClient<AppRouter>({
  links: [refreshLink, httpBatchStreamLink({ url: '/api/trpc', maxItems: mostCalls })],
})

/** A plain route of Juanie's own, as JSON; refreshes like a call. */
export async function getJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  const ask = () => fetch(url, { headers: { accept: 'application/json' }, ...(signal && { signal }) })
  let response = await ask()
  if (response.status === 401) {
    if (!(await refreshSession())) leaveToSignIn()
    else response = await ask()
  }
  const body = await response.json().catch(() => null)
  if (!response.ok) throw new Refused(body?.reason ?? null, body?.message ?? `HTTP ${response.status}`, response.status)
  return body as T
}

/** A refusal of a plain route. */
class Refused extends Error {
  readonly reason: string | null
  readonly status: number
  constructor(reason: string | null, message: string, status: number) {
    super(message)
    this.reason = reason
    this.status = status
  }
}

export interface Refusal {
  /** Stable key, such as `project.slug_taken`; null for an outage. */
  reason: string | null
  message: string
  kind: 'refused' | 'not_found' | 'forbidden' | 'offline' | 'broken'
  details: Record<string, unknown>
}

/** What went wrong, as something to show. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) {
    return { reason: error.reason, message: error.message, kind: kindOf(error.status), details: {} }
  }
  if (error instanceof TRPCClientError && error.data) {
    const { reason, details, httpStatus } = error.data
    return { reason: reason ?? null, message: error.message, kind: kindOf(httpStatus), details: details ?? {} }
  }
  return { reason: null, message: error instanceof Error ? error.message : String(error), kind: 'offline', details: {} }
}

const kindOf = (status: number): Refusal['kind'] =>
  status === 404 ? 'not_found' : status === 403 ? 'forbidden' : status >= 500 ? 'broken' : 'refused'

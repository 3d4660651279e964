import * as z from 'zod/mini'
import type { webhookProviders } from '../connections/contract.ts'

export const deliveryStatuses = ['received', 'handled', 'failed'] as const
type DeliveryStatus = (typeof deliveryStatuses)[number]

/**
 * What became of a delivery. `started`: it told of a push; `known`: of one that was known already; `ignored`: of
 * something that nothing waits for; `unmatched`: of a repository that no project is connected to; `greeted`: the forge
 * only asked whether somebody is here; `failed`: what it told of could not be taken over.
 */
export const verdicts = ['started', 'known', 'ignored', 'unmatched', 'greeted', 'failed'] as const
export type Verdict = (typeof verdicts)[number]

export const ListDeliveries = z.object({
  after: z.optional(z.uuid()),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 20),
  verdict: z.optional(z.enum(verdicts)),
})
export type ListDeliveries = z.infer<typeof ListDeliveries>

export const FindDelivery = z.object({ id: z.uuid() })
export type FindDelivery = z.infer<typeof FindDelivery>

/** One webhook call as it arrived, in a list. */
export interface DeliveryRow {
  id: string
  provider: (typeof webhookProviders)[number]
  event: string
  /** As the forge counts it. */
  deliveryId: string
  status: DeliveryStatus
  verdict: Verdict | null
  /** What it matched, or why it matched nothing: one sentence. */
  reason: string | null
  /** `refs/heads/main`; null for what tells of no ref. */
  ref: string | null
  commit: string | null
  /** Numbers of the runs that it made. */
  runs: number[]
  attempts: number
  receivedAt: Date
  handledAt: Date | null
  replayOf: string | null
}

export interface DeliveryView extends DeliveryRow {
  headers: Record<string, string>
  /** As text, at most 256 KiB of it. */
  body: string
  isCut: boolean
}

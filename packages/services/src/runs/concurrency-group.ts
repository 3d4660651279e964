import { type Concurrency, type Contexts, ExpressionError, evaluateTemplate, evaluateValue } from '@juanie/workflow'
import type { ClaimState } from './contract.ts'

/** A group as it is asked for: at most one of it runs in a project at a time. */
export interface ConcurrencyGroup {
  /** In lower case: case makes no difference. */
  name: string
  cancelsOthers: boolean
  /** All that wait keep their places, instead of the newest only. */
  isQueue: boolean
}

const maxLength = 400

/** Throws ExpressionError. A group that turns out empty is none. */
export function groupOf(concurrency: Concurrency, contexts: Contexts): ConcurrencyGroup | null {
  const name = evaluateTemplate(concurrency.group, contexts).trim().toLowerCase()
  if (name === '') return null
  if (name.length > maxLength) {
    throw new ExpressionError(`The name of a concurrency group may have at most ${maxLength} characters.`)
  }
  const cancels = evaluateValue(concurrency.cancelInProgress, contexts)
  return { name, cancelsOthers: cancels === true || cancels === 'true', isQueue: concurrency.isQueue }
}

/** Who asks for a group. */
export interface Claim {
  id: string
  cancelsOthers: boolean
  isQueue: boolean
  state: ClaimState
}

/** What becomes of a group, from those in it that are not over, oldest first. */
export function decideGroup(claims: Claim[]): { hold: string | null; supersede: string[]; oust: string | null } {
  const holder = claims.find(({ state }) => state === 'holding' || state === 'ousted')
  const waiting = claims.filter(({ state }) => state === 'waiting')
  const newest = waiting.at(-1)
  const superseded = waiting.filter((claim) => claim !== newest && !claim.isQueue)
  const next = waiting.find((claim) => !superseded.includes(claim))
  return {
    hold: holder ? null : (next?.id ?? null),
    supersede: superseded.map(({ id }) => id),
    oust: holder?.state === 'holding' && newest?.cancelsOthers ? holder.id : null,
  }
}

import { type Concurrency, type Contexts, ExpressionError, evaluateTemplate, evaluateValue } from '@juanie/workflow'

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

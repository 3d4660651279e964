import { Refused, Unreachable } from '../lib/api.ts'
import { until } from '../lib/juanie.ts'

/** Again and again until it took effect; a server may die between doing it and saying so. */
export const insist = (what: string, act: () => Promise<unknown>, isDone: (refused: Refused) => boolean) =>
  until(what, async () => {
    try {
      await act()
      return true
    } catch (error) {
      if (error instanceof Unreachable) return false
      if (error instanceof Refused && isDone(error)) return true
      throw error
    }
  })

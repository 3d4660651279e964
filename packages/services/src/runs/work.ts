import type { Database, Transaction } from '@juanie/core/database'
import { crashPoint } from '@juanie/core/points'

/** One transaction, and what must happen right after it has committed. */
export interface Work {
  readonly tx: Transaction
  /** Called in order once the transaction is durable; never when it fails. It must not throw and is not waited for. */
  after(callback: () => void): void
}

/** Runs `body` in a transaction, then what it left for after the commit. */
export async function inWork<T>(db: Database, body: (work: Work) => Promise<T>): Promise<T> {
  const callbacks: (() => void)[] = []
  const result = await db.transaction((tx) => body({ tx, after: (callback) => callbacks.push(callback) }))
  for (const callback of callbacks) callback()
  return result
}

/** Marks a write: the point before it is passed now, the one after it when the transaction has committed. */
export function movePoint(work: Work, thing: string, move: string): void {
  crashPoint(`${thing}.before.${move}`)
  work.after(() => crashPoint(`${thing}.after.${move}`))
}

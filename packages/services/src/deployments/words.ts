import type { Queryable } from '@juanie/core/database'
import { desc, eq } from 'drizzle-orm'
import { around } from '../runs/index.ts'
import { logChunks } from '../runs/tables.ts'
import type { LastWords } from './contract.ts'
import { instances } from './tables.ts'

/** A chunk holds up to 256 kB, so few are read however much an instance said. */
const mostChunks = 3
const longestLine = 1_000

async function tail(db: Queryable, instanceId: string, most: number): Promise<LastWords['lines']> {
  const chunks = await db
    .select({ firstSeq: logChunks.firstSeq, lines: logChunks.lines })
    .from(logChunks)
    .where(eq(logChunks.streamId, instanceId))
    .orderBy(desc(logChunks.firstSeq))
    .limit(mostChunks)
  const lines = chunks
    .reverse()
    .flatMap(({ firstSeq, lines }) => lines.split('\n').map((line, index) => ({ seq: firstSeq + index, line })))
    .filter(({ line }) => line !== '')
  return lines.slice(-most).map(({ seq, line }) => {
    const [at, text] = JSON.parse(line) as [number, string]
    return { seq, at: new Date(at).toISOString(), text: text.slice(0, longestLine) }
  })
}

const mostInReason = 5
const mostCharacters = 600

/** The last things an instance said, for the reason of a failure; null when nothing was stored. */
export async function lastWords(db: Queryable, instanceId: string): Promise<string | null> {
  const lines = (await tail(db, instanceId, mostInReason)).map(({ text }) => text.trim()).filter((text) => text !== '')
  return lines.length === 0 ? null : lines.join(' ⏎ ').slice(-mostCharacters)
}

const mostShown = 40

/** The end of the log of the instance that a failure is about; null where there is none. */
export async function readLastWords(db: Queryable, instanceId: string | null): Promise<LastWords | null> {
  if (instanceId === null) return null
  const [instance] = await db
    .select({ service: instances.service, index: instances.index, total: instances.lines })
    .from(instances)
    .where(eq(instances.id, instanceId))
  if (!instance) return null
  const lines = await tail(db, instanceId, mostShown)
  const { point } = around(lines.map(({ seq, text }) => ({ number: seq, text })))
  return { instanceId, ...instance, lines, point }
}

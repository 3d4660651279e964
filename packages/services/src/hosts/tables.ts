import { createdAt, instant, oneOf, owned, primaryId } from '@juanie/core/database'
import { bigint, boolean, integer, jsonb, snakeCase, text, uuid } from 'drizzle-orm/pg-core'
import { isolations, type Observed } from './contract.ts'

export const hosts = snakeCase.table('hosts', {
  id: primaryId(),
  name: text().notNull().unique(),
  /** The host that `npm start` runs on; its agent shares the server's disk. */
  isLocal: boolean().notNull().default(false),
  /** Last revision of desired state that was given out; grows with every edit. */
  revision: bigint({ mode: 'number' }).notNull().default(0),
  createdAt: createdAt(),
})

export const agents = snakeCase.table(
  'agents',
  {
    id: primaryId(),
    hostId: owned(() => hosts.id).unique(),
    tokenHash: text().notNull().unique(),
    labels: jsonb().$type<string[]>().notNull(),
    slots: integer().notNull().default(2),
    isolation: text({ enum: isolations }),
    build: text(),
    /** The agent process that spoke last. */
    incarnation: uuid(),
    /** Last report that was taken of this incarnation. */
    lastReport: bigint({ mode: 'number' }).notNull().default(0),
    /** Last word on the host's state that was taken, and of which agent process; an older one changes nothing. */
    observedIncarnation: uuid(),
    observedSeq: bigint({ mode: 'number' }).notNull().default(0),
    lastSeenAt: instant(),
    /** Edge address and problems as last observed. */
    edge: jsonb().$type<Observed['edge']>(),
    createdAt: createdAt(),
  },
  (a) => [oneOf('agents_isolation', a.isolation, isolations)],
)

import { createdAt, instant, owned, primaryId } from '@juanie/core/database'
import type { LatencyCounts } from '@juanie/core/latency'
import { bigint, boolean, index, integer, jsonb, primaryKey, real, snakeCase, text, uuid } from 'drizzle-orm/pg-core'
import { environments } from '../environments/tables.ts'
import { projects } from '../projects/tables.ts'

/**
 * A hostname and the deployment that serves it. The first half is what the agent was asked for, the `observed` half
 * what it said last.
 */
export const routes = snakeCase.table(
  'routes',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    environmentId: owned(() => environments.id),
    hostname: text().notNull().unique(),
    /** `<project>-<environment>` under the base domain; others come from `x-juanie.routes`. */
    isDefault: boolean().notNull().default(true),
    generation: integer().notNull().default(0),
    /** Deployments stand above routes, so these two are plain ids. */
    servingDeploymentId: uuid(),
    standbyDeploymentId: uuid(),
    /** Whether the serving deployment is in its soak. */
    isSoaking: boolean().notNull().default(false),
    /** Null until the agent has spoken of this route. */
    observedGeneration: integer(),
    /** Null: the edge answers 503. */
    observedServingId: uuid(),
    observedSince: instant(),
    isDrained: boolean().notNull().default(false),
    /** The soak that the agent judges or judged last under the observed generation. */
    soakDeploymentId: uuid(),
    soakState: text({ enum: ['running', 'passed', 'failed'] }),
    soakElapsedMs: real(),
    soakReason: text(),
    createdAt: createdAt(),
    updatedAt: createdAt(),
  },
  (r) => [index('routes_environment').on(r.environmentId)],
)

/** What the edge counted, by hostname and minute; kept for a day. A minute without requests has no row. */
export const routeMinutes = snakeCase.table(
  'route_minutes',
  {
    environmentId: owned(() => environments.id),
    minute: instant().notNull(),
    /** No reference: what was counted stays when an environment gives a hostname up. */
    hostname: text().notNull(),
    /** The edge process that counted. */
    source: uuid().notNull(),
    requests: integer().notNull(),
    /** Answers by class, 1xx first. */
    statuses: integer().array().notNull(),
    broken: integer().notNull(),
    aborted: integer().notNull(),
    unavailable: integer().notNull(),
    latency: jsonb().$type<LatencyCounts>().notNull(),
    isCut: boolean().notNull(),
    /** All counts together: of two words on one minute the later one never has less. */
    known: bigint({ mode: 'number' }).notNull(),
  },
  (m) => [
    primaryKey({ columns: [m.environmentId, m.minute, m.hostname, m.source] }),
    index('route_minutes_minute').on(m.minute),
  ],
)

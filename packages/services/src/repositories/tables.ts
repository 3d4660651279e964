import { createdAt, instant, oneOf, owned, primaryId } from '@juanie/core/database'
import { sql } from 'drizzle-orm'
import { boolean, index, integer, jsonb, primaryKey, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { projects } from '../projects/tables.ts'
import { users } from '../users/tables.ts'
import { pushStatuses, repositoryKinds } from './contract.ts'

export const repositories = snakeCase.table(
  'repositories',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    kind: text({ enum: repositoryKinds }).notNull().default('hosted'),
    /** Null until the first branch is pushed, which becomes it. */
    defaultBranch: text(),
    gitopsConfig: jsonb().$type<Record<string, unknown>>(),
    createdAt: createdAt(),
    deletedAt: instant(),
  },
  (r) => [
    uniqueIndex('repositories_project_unique').on(r.projectId).where(sql`${r.deletedAt} is null`),
    oneOf('repositories_kind', r.kind, repositoryKinds),
  ],
)

/**
 * One row per ref of a push. It is written as `received` before git moves the ref and becomes `accepted` after, so
 * that a crash in between leaves something to decide by looking at the repository; `handled` once its runs exist.
 */
export const pushes = snakeCase.table(
  'pushes',
  {
    id: primaryId(),
    repositoryId: owned(() => repositories.id),
    projectId: owned(() => projects.id),
    /** Place among the refs of one push. */
    place: integer().notNull().default(0),
    ref: text().notNull(),
    /** 40 zeros: the ref was made. */
    before: text().notNull(),
    /** 40 zeros: the ref was deleted. */
    after: text().notNull(),
    pusherId: uuid().references(() => users.id, { onDelete: 'set null' }),
    /** The job that pushed it by its own token: such a push starts no runs. It may be long gone. */
    jobId: uuid(),
    /** The webhook that told of it; null for a push to Juanie, and for one that was found by looking. */
    deliveryId: uuid(),
    /** Its branch had gone on before this was told: it starts its runs, and the ref stays where it went. */
    isBehind: boolean().notNull().default(false),
    status: text({ enum: pushStatuses }).notNull().default('received'),
    createdAt: createdAt(),
    handledAt: instant(),
  },
  (p) => [
    oneOf('pushes_status', p.status, pushStatuses),
    index('pushes_open').on(p.createdAt).where(sql`${p.status} in ('received', 'accepted')`),
    index('pushes_project').on(p.projectId, p.id),
    index('pushes_ref').on(p.repositoryId, p.ref, p.after),
  ],
)

/** Where each ref stands as Juanie has told of it: what differs from the repository was pushed during a crash. */
export const repositoryRefs = snakeCase.table(
  'repository_refs',
  {
    repositoryId: owned(() => repositories.id),
    ref: text().notNull(),
    commit: text().notNull(),
    /** Files of the workflows that stand there; null: nobody looked. */
    workflows: jsonb().$type<string[]>(),
  },
  (r) => [primaryKey({ columns: [r.repositoryId, r.ref] })],
)

import { createdAt, instant, oneOf, owned, primaryId } from '@juanie/core/database'
import { index, integer, snakeCase, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { projects } from '../projects/tables.ts'
import { repositories } from '../repositories/tables.ts'
import { dataKeys } from '../secrets/tables.ts'
import { users } from '../users/tables.ts'
import { providers } from './contract.ts'

const credentialKinds = ['none', 'token', 'password'] as const

/** Where the code of a connected repository really lies. It goes with its repository. */
export const connections = snakeCase.table(
  'connections',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    repositoryId: owned(() => repositories.id),
    provider: text({ enum: providers }).notNull(),
    /** Without a credential, a trailing slash and `.git`. */
    url: text().notNull(),
    credentialKind: text({ enum: credentialKinds }).notNull().default('none'),
    dataKeyId: uuid()
      .notNull()
      .references(() => dataKeys.id),
    /** Null for a repository that anybody may read. */
    sealedCredential: text(),
    sealedWebhookSecret: text().notNull(),
    syncedAt: instant(),
    pollAt: createdAt(),
    /** Looks in a row that found nothing new, or nothing at all. */
    quietPolls: integer().notNull().default(0),
    heardAt: instant(),
    failure: text(),
    failedSince: instant(),
    createdBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
  },
  (c) => [
    uniqueIndex('connections_repository_unique').on(c.repositoryId),
    index('connections_poll').on(c.pollAt),
    index('connections_url').on(c.url),
    oneOf('connections_provider', c.provider, providers),
    oneOf('connections_credential', c.credentialKind, credentialKinds),
  ],
)

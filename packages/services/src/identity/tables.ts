import { createdAt, primaryId } from '@juanie/core/database'
import { index, jsonb, snakeCase, text } from 'drizzle-orm/pg-core'

/** Keys that sign id tokens. The newest signs; older ones are published for as long as a token of theirs may be shown. */
export const signingKeys = snakeCase.table(
  'signing_keys',
  {
    id: primaryId(),
    /** JSON Web Key. */
    publicKey: jsonb().$type<Record<string, string>>().notNull(),
    /** The private key, sealed with a key of its own from the master key. */
    sealedKey: text().notNull(),
    createdAt: createdAt(),
  },
  (k) => [index('signing_keys_age').on(k.createdAt)],
)

import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'variable.view': everyone,
  'variable.set': builders,
  /** Names and versions; a value is never shown to anybody. */
  'secret.view': everyone,
  'secret.set': builders,
} as const satisfies Policy

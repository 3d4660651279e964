import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'repository.view': everyone,
  /** Clone and fetch. */
  'repository.read': everyone,
  'repository.push': builders,
} as const satisfies Policy

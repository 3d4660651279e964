import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'cache.view': everyone,
  'cache.delete': builders,
} as const satisfies Policy

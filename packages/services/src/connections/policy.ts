import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'connection.view': everyone,
  'connection.set': builders,
} as const satisfies Policy

import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'environment.view': everyone,
  'environment.create': builders,
  'environment.edit': builders,
} as const satisfies Policy

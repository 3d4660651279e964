import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'release.view': everyone,
  'release.create': builders,
} as const satisfies Policy
